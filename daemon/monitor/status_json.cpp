#include "daemon/monitor/status_json.h"

#include "daemon/monitor/readiness.h"

namespace edgetide {

namespace {

void write_watermark(JsonWriter& out, const WatermarkRange& watermark) {
  out.key("watermark").open('{');
  out.member("slowest", watermark.slowest).member("median", watermark.median).close('}');
}

void write_source(JsonWriter& out, const SourceStatus& source) {
  out.member("name", source.name).member("kind", source.kind).member("acknowledges", source.acknowledges);
  out.member("connected", source.connected);
  out.member("messages", source.messages).member("bytes", source.bytes);
  out.member("readings", source.counters.received).member("inexact", source.inexact);
  out.member("mixed", source.mixed);
  write_counters(out, source.counters);
  out.member("series", source.series).member("idle_series", source.idle_series);
  write_watermark(out, source.watermark);
  out.key("delays").open('[');
  for (const std::uint64_t count : source.delays.counts) out.value(count);
  out.close(']');
  out.member("last_refusal", source.last_refusal);
  out.key("messages_without_reading").open('[');
  for (const RouteWithoutReading& route : source.without_reading) {
    out.open('{').member("route", route.route);
    for (std::size_t reason = 0; reason < no_reading_count; ++reason) {
      if (route.messages[reason] > 0) out.member(name_of(NoReading(reason)), route.messages[reason]);
    }
    out.close('}');
  }
  out.close(']');
  out.list("shifted_sensors", source.shifted_sensors,
           [&](const ShiftedSensor& one) { out.member("sensor", one.sensor).member("times", one.shift); });
  out.list("mixed_labels", source.mixed_labels,
           [&](const MixedLabels& one) { out.member("labels", one.text).member("series", one.series); });
  out.member("lost_sessions", source.lost_sessions).member("impairment", source.impairment);
  out.member("connection_error", source.connection_error);
  out.member("refuses_series", source.refuses_series).member("awaited", source.awaited);
  out.key("connections_turned_away").open('{');
  for (const EnumWord<TurnedAway>& one : turned_away_words) {
    out.member(one.word, source.turned_away[static_cast<std::size_t>(one.value)]);
  }
  out.close('}');
  if (!source.files) return;
  out.key("files").open('{').member("done", source.files->done).member("waiting", source.files->waiting);
  out.member("lag", source.files->lag).close('}');
}

void write_window(JsonWriter& out, const WindowStatus& window) {
  out.member("name", window.name).member("kind", window.kind);
  out.member("allowed_lateness", window.allowed_lateness).member("trigger", window.trigger);
  out.member("open", window.open);
  write_watermark(out, window.watermark);
  out.key("rows").open('{');
  for (const RowState state : emitted_states) out.member(name_of(state), window.rows_of(state));
  out.close('}');
  out.member("early", window.early).member("on_time", window.on_time).member("late", window.late);
  out.list("spans", window.spans, [&](const WindowSpan& span) {
    out.member("start", span.start).member("end", span.end).member("windows", span.windows);
  });
}

void write_sink(JsonWriter& out, const SinkStatus& sink) {
  out.member("name", sink.name).member("kind", sink.kind).member("rows_go_to", sink.rows_go_to);
  out.member("delivery", sink.delivery)
      .member("max_delivery_rows", sink.max_delivery_rows)
      .member("max_delivery_bytes", sink.max_delivery_bytes);
  out.member("connected", sink.connected);
  out.member("rows", sink.rows).member("rejected_rows", sink.rejected_rows).member("dropped_rows", sink.dropped_rows);
  out.member("lost_records", sink.lost_records).member("lost_rows", sink.lost_rows);
  out.member("failures", sink.failures).member("in_doubt", sink.in_doubt);
  out.member("outbox_rows", sink.outbox_rows).member("spilled_rows", sink.spilled_rows);
  out.member("memory_bytes", sink.memory_bytes).member("disk_bytes", sink.disk_bytes);
  out.member("max_bytes", sink.max_bytes).member("full", sink.full);
  out.member("oldest", sink.oldest).member("error", sink.error);
  out.member("needs_person", sink.needs_person).member("taken_over", sink.taken_over);
  out.member("redelivered_rows", sink.redelivered_rows).member("set_back", sink.set_back);
}

void write_storage(JsonWriter& out, const StorageStatus& storage) {
  out.key("journal").open('{');
  out.member("error", storage.journal_error).member("bytes", storage.journal_bytes);
  out.member("max_bytes", storage.journal_max_bytes).member("written_bytes", storage.journal_written_bytes);
  out.member("unsynced_bytes", storage.journal_unsynced_bytes).member("failed_syncs", storage.failed_syncs);
  out.close('}').key("checkpoint").open('{');
  out.member("error", storage.checkpoint_error).member("at", storage.checkpoint_at);
  out.member("interval", storage.checkpoint_interval).member("written", storage.checkpoints);
  out.member("bytes", storage.checkpoint_bytes);
  out.close('}').key("quarantine").open('{');
  out.member("kept", storage.quarantine_kept).member("not_kept", storage.quarantine_not_kept);
  out.member("messages_kept", storage.quarantine_messages_kept);
  out.member("messages_not_kept", storage.quarantine_messages_not_kept);
  out.member("removed", storage.quarantine_removed).member("error", storage.quarantine_error).close('}');
}

void write_process(JsonWriter& out, const ProcessFacts& process) {
  out.key("process").open('{');
  out.member("cpu_seconds", process.cpu_seconds).member("resident_bytes", process.resident_bytes);
  out.member("open_files", process.open_files).member("threads", process.threads).close('}');
}

}  // namespace

void write_counters(JsonWriter& out, const Counters& counters) {
  out.member("on_time", counters.of(ReadingOutcome::on_time))
      .member("late_accepted", counters.of(ReadingOutcome::late_accepted))
      .member("late_dropped", counters.of(ReadingOutcome::late_dropped))
      .member("duplicates", counters.duplicates())
      .member("unmatched", counters.of(ReadingOutcome::unmatched))
      .member("restamped", counters.restamped);
  out.key("refused").open('{');
  for (std::size_t reason = 0; reason < refusal_count; ++reason) {
    if (counters.refused[reason] > 0) out.member(name_of(Refusal(reason)), counters.refused[reason]);
  }
  out.close('}');
}

void write_sensor(JsonWriter& out, const SensorStatus& sensor) {
  out.member("source", sensor.source).member("sensor", sensor.sensor).member("metric", sensor.metric);
  out.member("unit", sensor.unit).member("value", sensor.value).member("newest", sensor.newest);
  out.member("watermark", sensor.watermark);
  out.member("silence", sensor.silence).member("idle", sensor.idle).member("clock_ahead", sensor.clock_ahead);
  out.member("time_shift",
             sensor.shift && sensor.shift->thousands == 0 ? std::optional(sensor.shift->by) : std::nullopt);
  out.member("late_accepted", sensor.late_accepted).member("late_dropped", sensor.late_dropped);
  out.member("bad_time", sensor.bad_time);
}

std::string status_json(const GatewayStatus& status) {
  JsonWriter out;
  out.open('{').member("gateway", status.id).member("version", status.version).member("now", status.now);
  out.member("started_at", status.started_at);
  const std::string reason = why_not_ready(status);
  out.member("ready", reason.empty()).member("not_ready_because", reason);
  out.member("listener_error", status.listener_error).member("control_error", status.control_error);
  out.member("epoch", status.epoch).member("series", status.series).member("series_limit", status.series_limit);
  out.member("state_bytes", status.state_bytes).member("state_reserved_bytes", status.state_reserved_bytes);
  out.member("state_max_bytes", status.state_max_bytes);
  out.key("reload").open('{').member("successful", status.reload.successful).member("at", status.reload.at);
  out.member("reason", status.reload.reason).close('}');
  out.key("clock").open('{').member("set", !status.clock_set_within);
  out.member("set_within", status.clock_set_within).member("held_readings", status.held_readings).close('}');
  out.list("sources", status.sources, [&](const SourceStatus& source) { write_source(out, source); });
  out.list("windows", status.windows, [&](const WindowStatus& window) { write_window(out, window); });
  out.list("sinks", status.sinks, [&](const SinkStatus& sink) { write_sink(out, sink); });
  write_storage(out, status.storage);
  write_process(out, status.process);
  const auto sensor = [&](const SensorStatus& each) { write_sensor(out, each); };
  out.list("newest_sensors", status.newest_sensors, sensor);
  out.list("late_sensors", status.late_sensors, sensor);
  out.list("skewed_sensors", status.skewed_sensors, sensor);
  out.close('}');
  return out.take() + '\n';
}

}  // namespace edgetide
