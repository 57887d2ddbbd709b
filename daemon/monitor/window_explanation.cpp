#include "daemon/monitor/window_explanation.h"

#include <algorithm>

#include "daemon/monitor/json_writer.h"
#include "daemon/monitor/text_table.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

// Listening time until silence alone has moved the watermark to `target`; nothing: it never will.
std::optional<Duration> silence_left(const ExplainedKey& key, Timestamp target) {
  if (!key.newest || key.idle_timeout == Duration::unlimited()) return std::nullopt;
  const Timestamp own_watermark = *key.newest - key.max_out_of_orderness;
  return std::max(std::max(key.idle_timeout, target - own_watermark) - key.silence, Duration());
}

std::string silence_text(const ExplainedKey& key, Timestamp target) {
  const std::optional<Duration> left = silence_left(key, target);
  if (!left) return "";
  if (!key.connected) return "; silence does not count while source " + key.source + " is not connected";
  return ", or " + short_text(*left) + " more of silence";
}

std::string key_text(const ExplainedKey& key) {
  std::string text = key.sensor + (key.metric.empty() ? "" : '/' + key.metric) + '\n';
  text +=
      "  watermark    " + (key.watermark ? to_rfc3339(*key.watermark) : "none yet") + "  (scope " + key.scope + ")\n";
  if (key.newest) {
    text += "  newest       " + to_rfc3339(*key.newest) + ", minus max_out_of_orderness " +
            to_text(key.max_out_of_orderness) + '\n';
    text += "  silent for   " + short_text(key.silence) + (key.idle ? ", idle" : "") +
            (key.connected ? "" : ", its source " + key.source + " is not connected") + '\n';
  }
  if (!key.awaits.empty()) {
    text += "  held by      source " + key.awaits + ", which has not reported yet\n";
  } else if (!key.held_by.empty()) {
    text += "  held by      " + key.held_by + ", the slowest\n";
  }
  return text;
}

}  // namespace

std::string waits_for(const ExplainedKey& key, const ExplainedWindow& window, Duration allowed_lateness) {
  if (window.end == Timestamp::latest()) return "it runs for all time and never closes";
  const bool open = window.state == RowState::open;
  const Timestamp target = open ? window.end : window.end + allowed_lateness;
  if (window.state == RowState::final) return "is final, its row is emitted at the next trigger";
  std::string text = open ? "closes at watermark " : "is closed, final at watermark ";
  text += to_rfc3339(target);
  if (!key.awaits.empty()) return text + ", which source " + key.awaits + " holds back: it has not reported yet";
  if (!key.held_by.empty()) return text + ", which " + key.held_by + " holds back";
  text += ": needs a reading of " + to_rfc3339(target + key.max_out_of_orderness) + " or later";
  return text + silence_text(key, target);
}

std::string explanation_text(const WindowExplanation& explanation) {
  if (!explanation.error.empty()) return explanation.error + '\n';
  std::string text;
  for (const ExplainedKey& key : explanation.keys) {
    text += key_text(key);
    if (key.windows.empty()) text += "  no window of " + explanation.window + " is open\n";
    for (const ExplainedWindow& window : key.windows) {
      text += "  " + to_rfc3339(window.start) + "  " + waits_for(key, window, explanation.allowed_lateness) + '\n';
    }
  }
  return text;
}

std::string explanation_json(const WindowExplanation& explanation) {
  JsonWriter out;
  out.open('{').member("window", explanation.window).member("allowed_lateness", explanation.allowed_lateness);
  out.list("keys", explanation.keys, [&](const ExplainedKey& key) {
    out.member("sensor", key.sensor).member("metric", key.metric).member("source", key.source);
    out.member("scope", key.scope).member("connected", key.connected).member("idle", key.idle);
    out.member("newest", key.newest).member("watermark", key.watermark).member("silence", key.silence);
    out.member("max_out_of_orderness", key.max_out_of_orderness)
        .member("held_by", key.held_by)
        .member("awaits", key.awaits);
    out.list("windows", key.windows, [&](const ExplainedWindow& window) {
      const bool ends = window.end != Timestamp::latest();
      out.member("start", window.start).member("end", ends ? std::optional(window.end) : std::nullopt);
      out.member("state", name_of(window.state));
      out.member("waits_for", waits_for(key, window, explanation.allowed_lateness));
    });
  });
  out.close('}');
  return out.take() + '\n';
}

}  // namespace edgetide
