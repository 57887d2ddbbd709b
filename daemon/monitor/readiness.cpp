#include "daemon/monitor/readiness.h"

#include "pipeline/time_text.h"

namespace edgetide {

namespace {

// A tick runs at least every 10 s.
constexpr Duration tick_within = Duration::seconds(30);
// Time that a checkpoint may wait for the disk; the first one after a start has it too.
constexpr Duration checkpoint_grace = Duration::minutes(1);

std::string stale_checkpoint(const GatewayStatus& status) {
  const StorageStatus& storage = status.storage;
  if (!storage.checkpoint_error.empty()) return storage.checkpoint_error;
  const Timestamp since = storage.checkpoint_at.value_or(status.started_at);
  const Duration age = status.now - since;
  if (age <= storage.checkpoint_interval + checkpoint_grace) return {};
  return "no checkpoint for " + std::to_string(age.count() / 1'000'000) + " s";
}

}  // namespace

std::string why_not_alive(const GatewayStatus& status) {
  if (status.since_tick <= tick_within) return {};
  return "no trigger has run for " + std::to_string(status.since_tick.count() / 1'000'000) + " s";
}

std::string why_not_ready(const GatewayStatus& status) {
  if (status.sources.empty()) return "no source is configured";
  for (const SourceStatus& source : status.sources) {
    if (!source.impairment.empty()) return "source " + source.name + ": " + source.impairment;
    if (source.connected) continue;
    const std::string& error = source.connection_error;
    return "source " + source.name + " is not connected" + (error.empty() ? "" : ": " + error);
  }
  if (!status.storage.journal_error.empty()) return "the journal cannot be written: " + status.storage.journal_error;
  for (const SinkStatus& sink : status.sinks) {
    if (sink.needs_person) return "sink " + sink.name + ": " + sink.error;
    if (!sink.connected && !sink.error.empty()) return "sink " + sink.name + " is away: " + sink.error;
    if (sink.oldest && status.now - *sink.oldest > sink.max_lag) {
      return "sink " + sink.name + ": rows have waited for " +
             std::to_string((status.now - *sink.oldest).count() / 1'000'000) + " s, longer than max_lag";
    }
    if (sink.full) return "sink " + sink.name + ": its outbox is full, intake waits";
    if (sink.memory_bytes + sink.disk_bytes >= sink.max_bytes) return "sink " + sink.name + ": its outbox is full";
  }
  if (!status.storage.intake_held.empty()) return "intake is held back: " + status.storage.intake_held;
  if (!status.listener_error.empty()) return status.listener_error;
  return stale_checkpoint(status);
}

}  // namespace edgetide
