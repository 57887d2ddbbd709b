// The streams that the pipeline benchmarks apply: one reading per sensor and turn, a turn per second, batches of 100.
// The sensors report in another order than the one in which they were first seen.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "pipeline/pipeline.h"

namespace edgetide::bench {

// Windows of one minute, sliding ones of an hour, with count, min, max and avg.
inline WindowOptions window_of(WindowKind kind, int overlap = 1) {
  WindowOptions window;
  window.name = "bench";
  window.kind = kind;
  if (kind == WindowKind::sliding) window.size = Duration::hours(1);
  window.slide = Duration::microseconds(window.size.count() / overlap);
  window.inputs = {SourceId{0}};
  window.aggregates = {Aggregate::count, Aggregate::min, Aggregate::max, Aggregate::avg};
  return window;
}

class BenchStream {
 public:
  explicit BenchStream(std::uint32_t sensors, const WindowOptions& window = window_of(WindowKind::tumbling))
      : pipeline(options(sensors, window)) {
    for (std::uint32_t i = 0; i < sensors; ++i) {
      names.push_back({"building-7/sensor-" + std::to_string(i), "temperature"});
      pipeline.add_series({names.back().sensor, names.back().metric, {}, {}});
    }
    std::shuffle(names.begin(), names.end(), std::mt19937(1));
    for (const Names& name : names) {
      const SeriesId series = *pipeline.series().find(name.sensor, name.metric);
      readings.push_back({series, Timestamp(), 20.0 + index_of(series) % 7});
    }
    turn();  // the windows of the first minute exist
  }

  // One reading of every sensor, one second later; `look_up` finds each series by its names first.
  void turn(bool look_up = false) {
    second += Duration::seconds(1).count();
    const Moment now{Timestamp::microseconds(second), Duration::microseconds(second)};
    for (std::size_t i = 0; i < readings.size(); ++i) {
      if (look_up) readings[i].series = *pipeline.series().find(names[i].sensor, names[i].metric);
      readings[i].event_time = now.wall;
    }
    for (std::size_t first = 0; first < readings.size(); first += batch) {
      const std::size_t count = std::min(batch, readings.size() - first);
      pipeline.apply({SourceId{0}, now, std::span<const Reading>(readings).subspan(first, count)});
    }
  }

  void tick() { pipeline.tick({Timestamp::microseconds(second), Duration::microseconds(second)}, Fire::all, emission); }
  std::size_t rows() const noexcept { return emission.rows.size(); }

 private:
  struct Names {
    std::string sensor;
    std::string metric;
  };

  static PipelineOptions options(std::size_t sensors, const WindowOptions& window) {
    PipelineOptions options;
    options.max_series = sensors;
    options.max_memory_bytes = std::numeric_limits<std::size_t>::max();
    options.sources = {{"bench", {}}};
    options.windows = {window};
    return options;
  }

  static constexpr std::size_t batch = 100;
  Pipeline pipeline;
  std::vector<Names> names;
  std::vector<Reading> readings;
  Emission emission;
  std::int64_t second = 0;
};

}  // namespace edgetide::bench
