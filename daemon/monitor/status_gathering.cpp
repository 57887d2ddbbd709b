#include "daemon/monitor/status_gathering.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "daemon/service/log.h"
#include "daemon/storage/quarantine.h"

namespace edgetide {

namespace {

constexpr std::size_t sensors_shown = 10;
constexpr std::size_t spans_shown = 40;
constexpr std::size_t max_windows_looked_at = 20'000;  // bounds how long the intake waits
constexpr Duration same_age = Duration::seconds(10);
constexpr Duration ahead_is_skewed = Duration::seconds(1);
constexpr Duration behind_is_skewed = Duration::minutes(1);

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
bool is_more_skewed(const SeriesView& a, const SeriesView& b) noexcept {
  return a.bad_time != b.bad_time ? a.bad_time > b.bad_time : a.id < b.id;
}

template <typename Visit>
void for_each_series(const Pipeline& pipeline, Visit&& visit) {
  const auto count = static_cast<std::uint32_t>(pipeline.series().size());
  for (std::uint32_t i = 0; i < count; ++i) {
    if (const auto view = pipeline.view(SeriesId{i})) visit(*view);
  }
}

// Reorders `watermarks`.
WatermarkRange range_of(std::vector<Timestamp>& watermarks) {
  if (watermarks.empty()) return {};
  const auto middle = watermarks.begin() + static_cast<std::ptrdiff_t>(watermarks.size() / 2);
  std::nth_element(watermarks.begin(), middle, watermarks.end());
  return {*std::min_element(watermarks.begin(), watermarks.end()), *middle};
}

SensorStatus sensor_of(const SeriesView& view, const Series& series, const PipelineOptions& options, Timestamp now) {
  SensorStatus sensor;
  sensor.source = options.sources[index_of(view.source)].name;
  sensor.sensor = series.sensor;
  sensor.metric = series.metric;
  sensor.unit = series.unit;
  const bool heard = view.newest != Timestamp::earliest();
  if (heard) sensor.newest = view.newest;
  sensor.watermark = view.watermark;
  sensor.silence = view.silence;
  // Heard since the start: what passed while the daemon was down is not in the silence.
  if (heard && !std::isnan(view.value)) sensor.clock_ahead = view.newest - (now - view.silence);
  sensor.idle = view.idle;
  sensor.value = view.value;
  sensor.late_accepted = view.late_accepted;
  sensor.late_dropped = view.late_dropped;
  sensor.bad_time = view.bad_time;
  return sensor;
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
    source.delays = traffic.delays;
    source.lost_sessions = traffic.lost_sessions;
    source.turned_away = traffic.turned_away;
    source.impairment = printable(traffic.impairment);
    if (traffic.last_refusal.where.empty()) continue;
    source.last_refusal =
        std::string(name_of(traffic.last_refusal.reason)) + " at " + printable(traffic.last_refusal.where);
  }
}

// What the pipeline knows of sources and series. Under the intake lock.
void read_pipeline(const Pipeline& pipeline, const PipelineOptions& options, StatusDetail detail,
                   GatewayStatus& status) {
  std::vector<std::vector<Timestamp>> active(status.sources.size());
  First newest(sensors_shown, heard_later), late(sensors_shown, is_later), skewed(sensors_shown, is_more_skewed);
  for_each_series(pipeline, [&](const SeriesView& view) {
    SourceStatus& source = status.sources[index_of(view.source)];
    ++source.series;
    source.idle_series += view.idle;
    const bool heard = view.newest != Timestamp::earliest();
    if (heard && !view.idle) active[index_of(view.source)].push_back(view.watermark);
    if (detail == StatusDetail::numbers) return;
    if (heard) newest.offer(view);
    if (view.late_accepted + view.late_dropped > 0) late.offer(view);
    if (view.bad_time > 0) skewed.offer(view);
  });
  for (std::uint32_t i = 0; i < status.sources.size(); ++i) {
    status.sources[i].counters = pipeline.counters(SourceId{i});
    status.sources[i].watermark = range_of(active[i]);
  }
  const auto copy = [&](const auto& from, std::vector<SensorStatus>& to) {
    for (const SeriesView& view : from.views()) {
      to.push_back(sensor_of(view, pipeline.series()[view.id], options, status.now));
    }
  };
  copy(newest, status.newest_sensors);
  copy(late, status.late_sensors);
  copy(skewed, status.skewed_sensors);
  status.epoch = pipeline.epoch();
  status.series = pipeline.series().size() - pipeline.series().removed().size();
  status.state_bytes = pipeline.memory_bytes_noted();
}

WindowStatus window_of(const WindowDefinition& definition) {
  const WindowOptions& options = definition.options();
  WindowStatus window;
  window.name = options.name;
  window.kind = word_of(window_kind_words, options.kind);
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
      active = view && !view->idle && view->newest != Timestamp::earliest() && !definition.keys_of(view->id).empty();
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
  sink.rows_max = configured.traits.max_rows;
  sink.bytes_max = configured.traits.max_bytes;
  sink.connected = status.connected;
  sink.rows = status.delivered_rows;
  sink.rejected_rows = status.rejected_rows;
  sink.dropped_rows = status.dropped_rows;
  sink.failures = status.failures - status.in_doubt;
  sink.in_doubt = status.in_doubt;
  sink.writes = status.writes;
  sink.outbox_rows = status.outbox_rows;
  sink.spilled_rows = status.spilled_rows;
  sink.memory_bytes = status.memory_bytes;
  sink.disk_bytes = status.spilled_bytes;
  sink.max_bytes = configured.max_bytes;
  sink.full = status.full;
  if (status.outbox_rows > 0) sink.oldest = now - status.waiting_for;
  sink.error = printable(status.error.empty() ? status.disk_error : status.error, 600);
  sink.needs_person = status.needs_person;
  sink.taken_over = status.taken_over;
  return sink;
}

StorageStatus storage_of(const StatusParts& parts) {
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
  if (checkpointer.checkpoints > 0) storage.checkpoint_at = checkpointer.checkpoint_at;
  storage.checkpoint_took = checkpointer.checkpoint_took;
  storage.checkpoint_interval = parts.checkpoint_interval;
  storage.checkpoints = checkpointer.checkpoints;
  storage.checkpoint_bytes = checkpointer.checkpoint_bytes;
  storage.quarantine_kept = quarantine.kept;
  storage.quarantine_not_kept = quarantine.over_rate + quarantine.failed;
  storage.quarantine_removed = quarantine.removed;
  storage.quarantine_error = quarantine.error;
  return storage;
}

bool is_chosen(const SeriesView& view, SensorChoice choice, Timestamp now) noexcept {
  switch (choice) {
    case SensorChoice::late:
      return view.late_accepted + view.late_dropped > 0;
    case SensorChoice::silent:
      return view.idle;
    case SensorChoice::skewed: {
      if (view.bad_time > 0) return true;
      const Duration ahead = view.newest - (now - view.silence);
      return !std::isnan(view.value) && (ahead > ahead_is_skewed || ahead < Duration() - behind_is_skewed);
    }
    case SensorChoice::all:
      break;
  }
  return true;
}

}  // namespace

GatewayStatus gather_status(const StatusParts& parts, Timestamp now, StatusDetail detail) {
  GatewayStatus status;
  status.now = now;
  status.series_limit = parts.pipeline.max_series;
  status.state_max_bytes = parts.pipeline.max_memory_bytes;
  add_traffic(parts, status.sources);
  parts.intake.inspect([&](const Pipeline& pipeline) { read_pipeline(pipeline, parts.pipeline, detail, status); });
  add_windows(parts, detail, status);
  for (const StatusParts::Sink& sink : parts.sinks) {
    const auto found = std::find_if(parts.workers.begin(), parts.workers.end(),
                                    [&](const auto& worker) { return worker->name() == sink.name; });
    if (found != parts.workers.end()) status.sinks.push_back(sink_of(**found, sink, now));
  }
  status.storage = storage_of(parts);
  status.resent_messages = parts.intake.resent_messages();
  status.forgotten_positions = parts.intake.forgotten_positions();
  return status;
}

std::vector<SensorStatus> gather_sensors(const StatusParts& parts, Timestamp now, SensorChoice choice) {
  std::vector<std::pair<SeriesView, std::shared_ptr<const Series>>> chosen;
  parts.intake.inspect([&](const Pipeline& pipeline) {
    for_each_series(pipeline, [&](const SeriesView& view) {
      if (is_chosen(view, choice, now)) chosen.emplace_back(view, pipeline.series().shared(view.id));
    });
  });
  std::vector<SensorStatus> sensors;
  for (const auto& [view, series] : chosen) sensors.push_back(sensor_of(view, *series, parts.pipeline, now));
  const auto worst_first = [choice](const SensorStatus& sensor) -> std::int64_t {
    if (choice == SensorChoice::late) return -static_cast<std::int64_t>(sensor.late_accepted + sensor.late_dropped);
    if (choice == SensorChoice::skewed) return -static_cast<std::int64_t>(sensor.bad_time);
    return choice == SensorChoice::silent ? -sensor.silence.count() : 0;
  };
  std::sort(sensors.begin(), sensors.end(), [&](const SensorStatus& a, const SensorStatus& b) {
    return std::forward_as_tuple(worst_first(a), a.sensor, a.metric) <
           std::forward_as_tuple(worst_first(b), b.sensor, b.metric);
  });
  return sensors;
}

}  // namespace edgetide
