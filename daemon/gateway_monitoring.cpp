// What the gateway shows to its monitor. The monitor's thread runs this code; parts_mutex_ keeps the parts in place.
#include <algorithm>
#include <utility>

#include "daemon/gateway.h"
#include "daemon/monitor/control_socket_path.h"
#include "daemon/monitor/process_facts.h"
#include "daemon/monitor/status_gathering.h"
#include "daemon/outbox/row_selection.h"
#include "daemon/service/log.h"
#include "daemon/storage/quarantine_reader.h"
#include "pipeline/glob.h"

namespace edgetide {

namespace {
constexpr std::size_t max_reason_bytes = 600;
constexpr std::size_t late_readings_at_once = 2'000;  // sources wait while they are added
}  // namespace

void Gateway::start_monitor() {
  ticked_at_ = clock_.now().running.count();
  MonitorHooks hooks;
  hooks.status = [this](StatusDetail detail) { return status(detail); };
  hooks.sensors = [this](SensorChoice choice) {
    const MutexLock lock(parts_mutex_);
    return gather_sensors(status_parts(), choice);
  };
  hooks.explain = [this](std::string_view window, std::string_view sensor) {
    const MutexLock lock(parts_mutex_);
    return explain_window(status_parts(), window, sensor);
  };
  hooks.take_sink = [this](std::string_view name) { return take_sink(name); };
  hooks.add_late = [this](const LateChoice& choice, std::uint64_t& next) { return add_late(choice, next); };
  hooks.tap = [this](std::string_view name) { return tap(name); };
  MonitorOptions monitor = options().monitor;
  monitor.control_path = control_socket_path(options().state_directory);
  monitor_ = std::make_unique<Monitor>(monitor, hooks);
}

// The lock is held while the parts are used, too.
StatusParts Gateway::status_parts() const {
  StatusParts parts{
      core_.intake(), core_.workers(), core_.syncer(), core_.checkpointer(), options_.pipeline, {}, {}, 0, {}};
  for (const SourceInput& input : options_.sources) parts.sources.push_back({input.type, input.source->traits()});
  for (const SinkOptions& sink : options_.sinks) {
    parts.sinks.push_back({sink.name, sink.type, sink.store->traits(), sink.outbox.max_bytes, sink.outbox.max_lag});
  }
  parts.journal_max_bytes = options_.journal.max_bytes;
  parts.checkpoint_interval = options_.checkpoint.interval;
  return parts;
}

GatewayStatus Gateway::status(StatusDetail detail) const {
  const MutexLock lock(parts_mutex_);
  const Moment now = clock_.now();
  GatewayStatus status = gather_status(status_parts(), now, detail);
  status.id = options_.id;
  status.version = EDGETIDE_VERSION;
  status.started_at = time_of(started_at_, now);
  status.since_tick = now.running - Duration::microseconds(ticked_at_);
  status.reload = {last_reload_.ok, time_of(last_reload_.at, now),
                   printable(last_reload_.reason.substr(0, last_reload_.reason.find('\n')), max_reason_bytes)};
  if (core_.intake().waits_for_clock()) status.clock_set_within = clock_.set_within();
  for (SourceStatus& source : status.sources) {
    const auto before = counters_before_.find(source.name);
    if (before == counters_before_.end() || before->second.received > source.counters.received) continue;
    source.counters_before = before->second;
  }
  for (SinkStatus& sink : status.sinks) sink.rows_lost_ago = row_losses_.ago(sink.name, now.running);
  status.process = process_facts();
  return status;
}

std::variant<std::size_t, std::string> Gateway::take_sink(std::string_view name) {
  const MutexLock lock(parts_mutex_);
  const auto& workers = core_.workers();
  const auto found =
      std::find_if(workers.begin(), workers.end(), [&](const auto& each) { return each->name() == name; });
  if (found == workers.end()) return "there is no sink " + std::string(name);
  if (!(*found)->take_over()) return "sink " + std::string(name) + ": no other instance has taken it over";
  return (*found)->status().outbox_rows;
}

std::string Gateway::state_directory() const {
  const MutexLock lock(parts_mutex_);
  return options_.state_directory;
}

LateAddition Gateway::add_late(const LateChoice& choice, std::uint64_t& next) {
  const std::string folder = state_directory();
  QuarantineReader reader(files_, folder);
  if (const auto refusal = reader.open(std::exchange(next, 0))) return {.error = refusal->text};
  std::vector<LateReading> late;
  while (auto reading = reader.next()) {
    if (late.size() == late_readings_at_once) {
      next = reader.number();
      break;
    }
    if (reading->reason != Quarantined::Reason::late_dropped) continue;
    if (choice.since && reading->event_time < *choice.since) continue;
    if (!choice.sensor.empty() && !glob_matches(choice.sensor, reading->series.sensor)) continue;
    late.push_back({reader.number(), std::move(*reading)});
  }
  const MutexLock lock(parts_mutex_);
  return core_.intake().add_late(late, reader.oldest_number());
}

std::shared_ptr<Tap> Gateway::tap(std::string_view name) {
  const MutexLock lock(parts_mutex_);
  const auto position_of = [name](const auto& list) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const auto& each) { return each.name == name; });
    return found == list.end() ? std::nullopt : std::optional(static_cast<std::uint32_t>(found - list.begin()));
  };
  std::shared_ptr<Tap> tap;
  if (const auto source = position_of(options_.pipeline.sources)) {
    tap = std::make_shared<Tap>(SourceId{*source});
  } else if (const auto window = position_of(options_.pipeline.windows)) {
    const WindowId id{*window};
    tap = std::make_shared<Tap>(id, schemas_of(options_.pipeline.windows, {id}).front());
  } else {
    return nullptr;
  }
  core_.intake().add_tap(tap);
  return tap;
}

}  // namespace edgetide
