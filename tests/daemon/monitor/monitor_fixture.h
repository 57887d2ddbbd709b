// A status with a value in every part, for tests to change.
#pragma once

#include "daemon/monitor/gateway_status.h"

namespace edgetide {

inline GatewayStatus healthy_status() {
  GatewayStatus status;
  status.id = "plant-7";
  status.version = "9.8.7";
  status.now = Timestamp::microseconds(1'000'000'000'000);
  status.started_at = status.now - Duration::hours(2);
  status.reload = {true, status.started_at};
  status.series = 3;
  status.series_limit = 100;
  SourceStatus& source = status.sources.emplace_back();
  source.name = "plant";
  source.kind = "mqtt";
  source.connected = true;
  source.messages = 40;
  source.bytes = 4000;
  source.counters.received = 55;
  source.counters.outcomes = {40, 3, 1, 2, 5};
  source.counters.refused[static_cast<std::size_t>(Refusal::bad_syntax)] = 3;
  source.counters.refused[static_cast<std::size_t>(Refusal::too_early)] = 1;
  source.delays.add(Duration::milliseconds(100));
  source.delays.add(Duration::seconds(3));
  source.delays.add(Duration::days(3));
  source.without_reading = {{"a/{device}", {}}, {"", {}}};
  source.without_reading[0].messages[static_cast<std::size_t>(NoReading::no_value)] = 7;
  source.without_reading[1].messages[static_cast<std::size_t>(Refusal::no_route)] = 2;
  source.mixed = 4;
  source.series = 3;
  source.idle_series = 1;
  source.watermark = {status.now - Duration::seconds(40), status.now - Duration::seconds(10)};
  WindowStatus& window = status.windows.emplace_back();
  window.name = "minute";
  window.kind = "tumbling";
  window.open = 6;
  window.rows_by_state = {10, 5, 4, 1};
  window.early = 10;
  window.on_time = 5;
  window.late = 2;
  window.spans.push_back({status.now - Duration::minutes(1), status.now, 3});
  SinkStatus& sink = status.sinks.emplace_back();
  sink.name = "store";
  sink.kind = "sqlite";
  sink.connected = true;
  sink.rows = 15;
  sink.writes.add(Duration::milliseconds(3));
  sink.outbox_rows = 2;
  sink.memory_bytes = 300;
  sink.max_bytes = 1000;
  sink.oldest = status.now - Duration::seconds(5);
  status.storage.checkpoint_at = status.now - Duration::seconds(20);
  status.storage.checkpoint_interval = Duration::seconds(30);
  status.storage.checkpoints = 7;
  status.storage.checkpoint_took = Duration::milliseconds(40);
  SensorStatus sensor;
  sensor.source = "plant";
  sensor.sensor = "kitchen";
  sensor.metric = "t";
  sensor.unit = "C";
  sensor.newest = status.now - Duration::seconds(1);
  sensor.watermark = status.now - Duration::seconds(11);
  sensor.value = 21.5;
  status.newest_sensors = {sensor};
  return status;
}

}  // namespace edgetide
