#include "daemon/monitor/status_gathering.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "daemon/monitor/sensor_choice.h"
#include "daemon/service/log.h"
#include "daemon/storage/quarantine.h"

namespace edgetide {

namespace {

constexpr std::size_t sensors_shown = 10;
constexpr std::size_t spans_shown = 40;
constexpr std::size_t max_windows_looked_at = 20'000;  // bounds how long the intake waits
constexpr Duration same_age = Duration::seconds(10);

// The n first of all that were offered.
template <typename Before>
class First {
 public:
  First(std::size_t n, Before before) : n_(n), before_(before) {}
  void offer(const SeriesView& view) {
    if (views_.size() == n_ && !before_(view, views_.back())) return;
    views_.insert(std::upper_bound(views_.begin(), views_.end(), view, before_), view);
    if (views_.size() > n_) views_.pop_back();
  }
  const std::vector<SeriesView>& views() const noexcept { return views_; }

 private:
  std::size_t n_;
  Before before_;
  std::vector<SeriesView> views_;
};

// Series heard within the same ten seconds keep their order, so that a page does not flicker.
bool heard_later(const SeriesView& a, const SeriesView& b) noexcept {
  const std::int64_t age_a = a.silence.count() / same_age.count(), age_b = b.silence.count() / same_age.count();
  return age_a != age_b ? age_a < age_b : a.id < b.id;
}
bool is_later(const SeriesView& a, const SeriesView& b) noexcept {
  const std::uint64_t late_a = std::uint64_t{a.late_accepted} + a.late_dropped;
  const std::uint64_t late_b = std::uint64_t{b.late_accepted} + b.late_dropped;
  return late_a != late_b ? late_a > late_b : a.id < b.id;
}

void add_traffic(const StatusParts& parts, std::vector<SourceStatus>& sources) {
  for (std::uint32_t i = 0; i < parts.pipeline.sources.size(); ++i) {
    SourceStatus& source = sources.emplace_back();
    const SourceTraffic traffic = parts.intake.traffic(SourceId{i});
    source.kind = parts.sources[i].kind;
    source.acknowledges = parts.sources[i].traits.acknowledges;
    source.name = parts.pipeline.sources[i].name;
    source.connected = traffic.connected;
    source.messages = traffic.messages;
    source.bytes = traffic.bytes;
    source.inexact = traffic.inexact;
    source.delays = traffic.delays;
    source.without_reading = traffic.without_reading;
    source.lost_sessions = traffic.lost_sessions;
    source.turned_away = traffic.turned_away;
    source.files = parts.intake.files(SourceId{i});
    source.shifted_sensors = traffic.shifted;
    source.has_more_shifted_sensors = traffic.has_more_shifted;
    source.mixed = traffic.mixed;
    source.mixed_labels = traffic.mixed_labels;
    source.impairment = printable(traffic.impairment);
    source.connection_error = printable(traffic.connection_error);
    if (traffic.last_refusal.where.empty()) continue;
    source.last_refusal =
        std::string(name_of(traffic.last_refusal.reason)) + " at " + printable(traffic.last_refusal.where);
  }
}

std::string new_series_text(Refusal reason) {
  const std::string name(name_of(reason));
  if (reason == Refusal::series_rate) return name + ": more than limits.new_series_per_minute";
  if (reason == Refusal::series_limit) return name + ": more than limits.max_series";
  if (reason == Refusal::memory_limit) return name + ": more than limits.memory";
  return name;
}

// What the pipeline knows of sources and series. Under the intake lock.
void read_pipeline(const Pipeline& pipeline, const PipelineOptions& options, StatusDetail detail,
                   GatewayStatus& status) {
  std::vector<std::vector<Timestamp>> active(status.sources.size());
  const auto is_more_skewed = [&](const SeriesView& a, const SeriesView& b) {
    const Duration skew_a = skew_of(a), skew_b = skew_of(b);
    return skew_a != skew_b ? skew_a > skew_b : a.id < b.id;
  };
  First newest(sensors_shown, heard_later), late(sensors_shown, is_later);
  First skewed(sensors_shown, is_more_skewed);
  for_each_series(pipeline, [&](const SeriesView& view) {
    SourceStatus& source = status.sources[index_of(view.source)];
    ++source.series;
    source.idle_series += view.idle;
    const bool heard = is_heard(view);
    if (heard && !view.idle) active[index_of(view.source)].push_back(view.watermark);
    if (detail == StatusDetail::numbers) return;
    if (heard) newest.offer(view);
    if (view.late_accepted + view.late_dropped > 0) late.offer(view);
    if (view.bad_time > 0) skewed.offer(view);
  });
  for (std::uint32_t i = 0; i < status.sources.size(); ++i) {
    status.sources[i].counters = pipeline.counters(SourceId{i});
    status.sources[i].awaited = pipeline.is_awaited(SourceId{i});
    if (const auto refusal = pipeline.refuses_series(SourceId{i})) {
      status.sources[i].refuses_series = new_series_text(*refusal);
    }
    status.sources[i].watermark = range_of(active[i]);
  }
  const auto copy = [&](const auto& from, std::vector<SensorStatus>& to) {
    for (const SeriesView& view : from.views()) {
      to.push_back(sensor_of(view, pipeline.series()[view.id], options));
    }
  };
  copy(newest, status.newest_sensors);
  copy(late, status.late_sensors);
  copy(skewed, status.skewed_sensors);
  status.epoch = pipeline.epoch();
  status.series = pipeline.series().size() - pipeline.series().removed().size();
  status.state_bytes = pipeline.memory_bytes_noted();
  status.state_reserved_bytes = pipeline.reserved_bytes();
}

WindowStatus window_of(const WindowDefinition& definition) {
  const WindowOptions& options = definition.options();
  WindowStatus window;
  window.name = options.name;
  window.kind = definition.traits().name;
  window.allowed_lateness = options.allowed_lateness;
  window.trigger = options.trigger;
  window.open = definition.open_windows();
  window.rows_by_state = definition.rows_emitted().by_state;
  window.early = definition.rows_emitted().early;
  window.on_time = definition.rows_emitted().on_time;
  window.late = definition.rows_emitted().late;
  return window;
}

// For each key: its watermark, and whether it is active.
struct Reached {
  std::vector<Timestamp> by_key;
  std::vector<Timestamp> active;
};

Reached reached_in(const Pipeline& pipeline, WindowId id) {
  const WindowDefinition& definition = pipeline.window(id);
  Reached reached;
  for (std::uint32_t key = 0; key < definition.key_count(); ++key) {
    reached.by_key.push_back(pipeline.reached(id, KeyId{key}));
    bool active = false;
    if (definition.grouped()) {
      active = definition.group_active(KeyId{key});
    } else {
      const auto view = pipeline.view(SeriesId{key});
      active =
          view && !view->idle && view->newest != Timestamp::earliest() && definition.takes(view->id, pipeline.series());
    }
    if (active) reached.active.push_back(reached.by_key.back());
  }
  return reached;
}

std::vector<WindowSpan> spans_of(const WindowDefinition& definition, const std::vector<Timestamp>& reached) {
  std::map<std::pair<Timestamp, Timestamp>, std::size_t> found;
  std::size_t looked_at = 0;
  definition.view_windows([&](KeyId key, Timestamp start, Timestamp end) {
    if (end != Timestamp::latest() && end + definition.options().allowed_lateness > reached[index_of(key)]) {
      ++found[{start, end}];
      if (found.size() > spans_shown) found.erase(found.begin());
    }
    return ++looked_at < max_windows_looked_at;
  });
  std::vector<WindowSpan> spans;
  for (const auto& [place, windows] : found) spans.push_back({place.first, place.second, windows});
  return spans;
}

// One window at a time under the lock, so that intake never waits for all of them.
void add_windows(const StatusParts& parts, StatusDetail detail, GatewayStatus& status) {
  for (std::uint32_t i = 0; i < parts.pipeline.windows.size(); ++i) {
    status.windows.push_back(parts.intake.inspect([&](const Pipeline& pipeline) {
      const WindowDefinition& definition = pipeline.window(WindowId{i});
      WindowStatus window = window_of(definition);
      if (detail == StatusDetail::numbers) return window;
      Reached reached = reached_in(pipeline, WindowId{i});
      window.watermark = range_of(reached.active);
      window.spans = spans_of(definition, reached.by_key);
      return window;
    }));
  }
}

SinkStatus sink_of(const SinkWorker& worker, const StatusParts::Sink& configured, Timestamp now) {
  const SinkWorkerStatus status = worker.status();
  SinkStatus sink;
  sink.name = worker.name();
  sink.kind = configured.kind;
  sink.rows_go_to = name_of(configured.traits.kind);
  sink.delivery = name_of(configured.traits.delivery);
  sink.max_delivery_rows = configured.traits.max_rows;
  sink.max_delivery_bytes = configured.traits.max_bytes;
  sink.connected = status.connected;
  sink.rows = status.delivered_rows;
  sink.rejected_rows = status.rejected_rows;
  sink.dropped_rows = status.dropped_rows;
  sink.lost_records = status.lost.records;
  sink.lost_rows = status.lost.rows;
  sink.failures = status.failures - status.in_doubt;
  sink.in_doubt = status.in_doubt;
  sink.writes = status.writes;
  sink.outbox_rows = status.outbox_rows;
  sink.spilled_rows = status.spilled_rows;
  sink.memory_bytes = status.memory_bytes;
  sink.disk_bytes = status.spilled_bytes;
  sink.max_bytes = configured.max_bytes;
  sink.max_lag = configured.max_lag;
  sink.full = status.full;
  if (status.outbox_rows > 0) sink.oldest = now - status.waiting_for;
  sink.error = printable(status.error.empty() ? status.disk_error : status.error, 600);
  sink.needs_person = status.needs_person;
  sink.taken_over = status.taken_over;
  sink.redelivered_rows = status.redelivered_rows;
  sink.set_back = printable(status.set_back, 600);
  return sink;
}

StorageStatus storage_of(const StatusParts& parts, Moment now) {
  const JournalStatus journal = parts.intake.journal_status();
  const CheckpointerStatus checkpointer = parts.checkpointer.status();
  const QuarantineCounters quarantine = parts.intake.quarantine_counters();
  StorageStatus storage;
  storage.intake_held = parts.intake.held_because();
  storage.journal_error = journal.error;
  storage.journal_bytes = journal.disk_bytes;
  storage.journal_max_bytes = parts.journal_max_bytes;
  storage.journal_written_bytes = journal.written_bytes;
  storage.journal_unsynced_bytes = journal.unsynced_bytes;
  storage.failed_syncs = parts.syncer.failed_syncs();
  storage.checkpoint_error = checkpointer.error;
  if (checkpointer.checkpoints > 0) storage.checkpoint_at = time_of(checkpointer.checkpoint_at, now);
  storage.checkpoint_took = checkpointer.checkpoint_took;
  storage.checkpoint_interval = parts.checkpoint_interval;
  storage.checkpoints = checkpointer.checkpoints;
  storage.checkpoint_bytes = checkpointer.checkpoint_bytes;
  storage.quarantine_kept = quarantine.kept;
  storage.quarantine_not_kept = quarantine.over_rate + quarantine.failed;
  storage.quarantine_removed = quarantine.removed;
  storage.quarantine_messages_kept = quarantine.messages_kept;
  storage.quarantine_messages_not_kept = quarantine.messages_over_rate + quarantine.messages_failed;
  storage.quarantine_error = quarantine.error;
  return storage;
}

}  // namespace

GatewayStatus gather_status(const StatusParts& parts, Moment now, StatusDetail detail) {
  GatewayStatus status;
  status.now = now.wall;
  status.series_limit = parts.pipeline.max_series;
  status.state_max_bytes = parts.pipeline.max_memory_bytes;
  add_traffic(parts, status.sources);
  parts.intake.inspect([&](const Pipeline& pipeline) { read_pipeline(pipeline, parts.pipeline, detail, status); });
  add_windows(parts, detail, status);
  for (const StatusParts::Sink& sink : parts.sinks) {
    const auto found = std::find_if(parts.workers.begin(), parts.workers.end(),
                                    [&](const auto& worker) { return worker->name() == sink.name; });
    if (found != parts.workers.end()) status.sinks.push_back(sink_of(**found, sink, now.wall));
  }
  status.storage = storage_of(parts, now);
  status.held_readings = parts.intake.held_readings();
  status.resent_messages = parts.intake.resent_messages();
  status.unchanged_readings = parts.intake.unchanged_readings();
  status.forgotten_positions = parts.intake.forgotten_positions();
  return status;
}

std::vector<SensorStatus> gather_sensors(const StatusParts& parts, SensorChoice choice) {
  const std::vector<ChosenSeries> chosen =
      parts.intake.inspect([&](const Pipeline& pipeline) { return choose_series(pipeline, choice); });
  std::vector<SeriesId> ids;
  for (const auto& [view, series] : chosen) ids.push_back(view.id);
  return sensor_statuses(chosen, choice, parts.pipeline, parts.intake.shifts_of(ids));
}

}  // namespace edgetide
