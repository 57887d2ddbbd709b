#include "daemon/monitor/control_commands.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <exception>
#include <set>
#include <utility>

#include "daemon/monitor/json_writer.h"
#include "daemon/monitor/late_addition_text.h"
#include "daemon/monitor/sensor_list.h"
#include "daemon/monitor/status_json.h"
#include "daemon/monitor/status_text.h"
#include "daemon/monitor/tap_text.h"
#include "daemon/service/quantity.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

using Words = std::vector<std::string>;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::size_t max_names = 1'000;
constexpr std::chrono::milliseconds frame_every{900};  // asked for every 200 ms

std::string error(const std::string& text) {
  return "error: " + text + '\n';
}

std::size_t number_of(const std::string& word, std::size_t most) {
  std::size_t number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return std::min(number, most);
}

ControlAnswer status(const MonitorHooks& hooks, const Words& words, AnswerFormat format) {
  if (words.size() != 2) return error("status FORMAT");
  if (format == AnswerFormat::text) return status_text(hooks.status(StatusDetail::sensors));
  return status_json(hooks.status(StatusDetail::sensors));
}

ControlAnswer sensors(const MonitorHooks& hooks, const Words& words, AnswerFormat format) {
  const std::string_view name = words.size() == 3 ? std::string_view(words[1]) : std::string_view();
  const std::optional<SensorChoice> choice = value_of(sensor_choice_words, name);
  if (!choice) return error("sensors all|late|silent|skewed FORMAT");
  const auto sensors = hooks.sensors(*choice);
  if (format == AnswerFormat::json) return sensors_json(sensors);
  return sensors_text(sensors, hooks.status(StatusDetail::numbers).now);
}

ControlAnswer why(const MonitorHooks& hooks, const Words& words, AnswerFormat format) {
  if (words.size() != 4) return error("why WINDOW SENSOR FORMAT");
  const WindowExplanation explanation = hooks.explain(words[1], words[2]);
  if (!explanation.error.empty()) return error(explanation.error);
  return format == AnswerFormat::text ? explanation_text(explanation) : explanation_json(explanation);
}

ControlAnswer take_sink(const MonitorHooks& hooks, const Words& words, AnswerFormat format) {
  if (words.size() != 4 || words[1] != "take") return error("sink take SINK FORMAT");
  const auto answer = hooks.take_sink(words[2]);
  if (const auto* const reason = std::get_if<std::string>(&answer)) return error(*reason);
  const std::size_t rows = std::get<std::size_t>(answer);
  if (format == AnswerFormat::text) {
    return "sink " + words[2] + ": takes its store back, " + quantity(rows, "row") + " to deliver\n";
  }
  JsonWriter out;
  out.open('{').member("sink", words[2]).member("rows", rows).close('}');
  return out.take() + '\n';
}

// Part by part, since sources wait meanwhile; what one part did stays done.
ControlAnswer quarantine_apply(const MonitorHooks& hooks, const Words& words, AnswerFormat format) {
  if (words.size() != 5 || words[1] != "apply") return error("quarantine apply GLOB TIME FORMAT");
  LateChoice choice{words[2], parse_rfc3339(words[3])};
  if (!choice.since && !words[3].empty()) return error(words[3] + " is not a time with a zone (RFC 3339)");
  struct Progress {
    LateAddition done;
    std::uint64_t next = 1;
  };
  return ControlStream([&hooks, choice = std::move(choice), format,
                        progress = std::make_shared<Progress>()]() -> std::optional<std::string> {
    if (progress->next == 0) return std::nullopt;
    progress->done.add(hooks.add_late(choice, progress->next));
    const LateAddition& done = progress->done;
    if (!done.error.empty()) {
      progress->next = 0;
      return error(done.error + "; " + quantity(done.settled, "reading") + " left the quarantine before, try again");
    }
    return progress->next == 0 ? late_addition_text(done, format) : std::string();
  });
}

ControlAnswer tap(const MonitorHooks& hooks, const Words& words, AnswerFormat format) {
  if (words.size() != 3) return error("tap SOURCE|WINDOW FORMAT");
  std::shared_ptr<Tap> tap = hooks.tap(words[1]);
  if (!tap) return error("there is no source or window " + words[1]);
  // The gateway holds it as well, until it stops feeding it.
  return ControlStream([tap = std::move(tap), format]() -> std::optional<std::string> {
    const bool fed = tap.use_count() > 1;
    std::string text = tap_text(tap->take(), tap->schema(), format);
    if (text.empty() && !fed) return std::nullopt;
    return text;
  });
}

// Those that a shell could offer: without blanks and characters that it would take for its own.
ControlAnswer names(const MonitorHooks& hooks, const Words& words) {
  const std::string kind = words.size() == 3 ? words[1] : std::string();
  std::set<std::string> names;
  const auto add = [&](const auto& list) {
    for (const auto& each : list) names.insert(each.name);
  };
  if (kind == "sensors") {
    for (const SensorStatus& sensor : hooks.sensors(SensorChoice::all)) {
      if (names.size() < max_names) names.insert(sensor.sensor);
    }
  } else {
    const GatewayStatus now = hooks.status(StatusDetail::numbers);
    if (kind == "sources") add(now.sources);
    if (kind == "windows") add(now.windows);
    if (kind == "sinks") add(now.sinks);
  }
  std::string text;
  for (const std::string& name : names) {
    if (name.find_first_of(" \t\"'\\$`*?[](){}<>|&;!~#") == name.npos) text += name + '\n';
  }
  return text;
}

ControlAnswer top(const MonitorHooks& hooks, const Words& words) {
  if (words.size() != 3) return error("top COLUMNS LINES");
  const std::size_t columns = number_of(words[1], 1000), lines = number_of(words[2], 1000);
  return ControlStream(
      [&hooks, columns, lines, before = GatewayStatus(), due = SteadyTime()]() mutable -> std::optional<std::string> {
        if (std::chrono::steady_clock::now() < due) return std::string();
        due = std::chrono::steady_clock::now() + frame_every;
        const GatewayStatus now = hooks.status(StatusDetail::sensors);
        std::string frame = live_text(before.id.empty() ? now : before, now, columns, lines) + frame_end;
        before = now;
        return frame;
      });
}

ControlAnswer answer(const MonitorHooks& hooks, const Words& words) {
  if (words[0] == "top") return top(hooks, words);
  if (words.back() != "text" && words.back() != "json") return error("the last word is the format, text or json");
  const AnswerFormat format = words.back() == "text" ? AnswerFormat::text : AnswerFormat::json;
  if (words[0] == "status") return status(hooks, words, format);
  if (words[0] == "sensors") return sensors(hooks, words, format);
  if (words[0] == "why") return why(hooks, words, format);
  if (words[0] == "sink") return take_sink(hooks, words, format);
  if (words[0] == "quarantine") return quarantine_apply(hooks, words, format);
  if (words[0] == "tap") return tap(hooks, words, format);
  if (words[0] == "names") return names(hooks, words);
  return error("no such command: " + words[0]);
}

}  // namespace

ControlCommands control_commands(MonitorHooks hooks) {
  return [hooks = std::make_shared<const MonitorHooks>(std::move(hooks))](const Words& words) -> ControlAnswer {
    try {
      return answer(*hooks, words);
    } catch (const std::exception& failure) {
      return error(failure.what());
    }
  };
}

}  // namespace edgetide
