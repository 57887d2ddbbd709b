#include "daemon/monitor/readiness.h"

#include <vector>

#include "daemon/service/quantity.h"

namespace edgetide {

namespace {

// A tick runs at least every 10 s.
constexpr Duration tick_within = Duration::seconds(30);
// Time that a checkpoint may wait for the disk; the first one after a start has it too.
constexpr Duration checkpoint_grace = Duration::minutes(1);

constexpr Duration loss_is_news = Duration::minutes(5);

std::string seconds_text(Duration duration) {
  return std::to_string(duration.count() / 1'000'000) + " s";
}

std::string sink_fault(const SinkStatus& sink, Timestamp now) {
  if (sink.needs_person) return sink.error;
  if (sink.oldest && now - *sink.oldest > sink.max_lag) {
    return "rows have waited for " + seconds_text(now - *sink.oldest) + ", longer than max_lag";
  }
  if (sink.full) return "its outbox is full, intake waits";
  if (sink.memory_bytes + sink.disk_bytes >= sink.max_bytes) return "its outbox is full";
  if (!sink.rows_lost_ago || *sink.rows_lost_ago > loss_is_news) return {};
  return "rows were lost " + seconds_text(*sink.rows_lost_ago) + " ago: " + std::to_string(sink.dropped_rows) +
         " dropped and " + std::to_string(sink.rejected_rows) + " rejected since the start";
}

std::string first_fault(const std::vector<SourceStatus>& sources) {
  for (const SourceStatus& source : sources) {
    if (!source.impairment.empty()) return "source " + source.name + ": " + source.impairment;
    if (source.connected) continue;
    const std::string& error = source.connection_error;
    return "source " + source.name + " is not connected" + (error.empty() ? "" : ": " + error);
  }
  return {};
}

std::string first_fault(const std::vector<SinkStatus>& sinks, Timestamp now) {
  for (const SinkStatus& sink : sinks) {
    if (!sink.needs_person && !sink.connected && !sink.error.empty()) {
      return "sink " + sink.name + " is away: " + sink.error;
    }
    const std::string fault = sink_fault(sink, now);
    if (!fault.empty()) return "sink " + sink.name + ": " + fault;
  }
  return {};
}

std::string stale_checkpoint(const GatewayStatus& status) {
  const StorageStatus& storage = status.storage;
  if (!storage.checkpoint_error.empty()) return storage.checkpoint_error;
  const Timestamp since = storage.checkpoint_at.value_or(status.started_at);
  const Duration age = status.now - since;
  if (age <= storage.checkpoint_interval + checkpoint_grace) return {};
  return "no checkpoint for " + seconds_text(age);
}

}  // namespace

std::string why_not_alive(const GatewayStatus& status) {
  if (status.since_tick <= tick_within) return {};
  return "no trigger has run for " + seconds_text(status.since_tick);
}

std::string clock_hold_text(Duration at_most, std::size_t readings) {
  return "the clock is not set: " + quantity(readings, "reading") + (readings == 1 ? " waits" : " wait") + " for it, " +
         seconds_text(at_most) + " at most";
}

std::string why_not_ready(const GatewayStatus& status) {
  if (status.sources.empty()) return "no source is configured";
  std::string reasons;
  const auto add = [&](const std::string& reason) {
    if (!reason.empty()) reasons += (reasons.empty() ? "" : "; ") + reason;
  };
  if (status.clock_set_within) add(clock_hold_text(*status.clock_set_within, status.held_readings));
  const StorageStatus& storage = status.storage;
  if (!storage.journal_error.empty()) add("the journal cannot be written: " + storage.journal_error);
  if (!storage.intake_held.empty()) add("intake is held back: " + storage.intake_held);
  add(first_fault(status.sources));
  add(first_fault(status.sinks, status.now));
  if (!status.reload.successful) {
    const std::string& reason = status.reload.reason;
    add("the last reload failed" + (reason.empty() ? std::string() : ": " + reason));
  }
  add(status.listener_error);
  add(stale_checkpoint(status));
  return reasons;
}

}  // namespace edgetide
