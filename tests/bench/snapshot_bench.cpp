// What a checkpoint costs while intake waits: the snapshot of a pipeline with three window definitions, by number of
// series. And what a restart costs: taking it back.
#include <benchmark/benchmark.h>
#include <limits>
#include <string>

#include "pipeline/pipeline.h"

namespace edgetide {
namespace {

WindowOptions window_of(const std::string& name, Duration size) {
  WindowOptions window;
  window.name = name;
  window.size = size;
  window.inputs = {SourceId{0}};
  window.allowed_lateness = size;
  return window;
}

PipelineOptions options_of(std::size_t series) {
  PipelineOptions options;
  options.max_series = series;
  options.max_memory_bytes = std::numeric_limits<std::size_t>::max();
  options.sources = {{"plant", {}}};
  options.windows = {window_of("minute", Duration::minutes(1)), window_of("quarter", Duration::minutes(15)),
                     window_of("hour", Duration::hours(1))};
  return options;
}

// Every series has two minutes and one window of each other size, as sensors do that report every ten seconds.
Pipeline busy_pipeline(std::uint32_t series) {
  Pipeline pipeline(options_of(series));
  for (std::uint32_t i = 0; i < series; ++i) {
    const std::string number = std::to_string(i);
    pipeline.add_series({"building-7/sensor-" + number, "temperature", "C", {{"line", "bottling"}, {"site", "lyon"}}});
  }
  for (std::int64_t second = 0; second < 120; second += 10) {
    for (std::uint32_t i = 0; i < series; ++i) {
      const Reading reading{SeriesId{i * 7919 % series}, Timestamp() + Duration::seconds(second), 20.0 + i % 7};
      pipeline.apply({SourceId{0}, std::nullopt, std::span<const Reading>(&reading, 1)});
    }
  }
  return pipeline;
}

void snapshot(benchmark::State& state) {
  const Pipeline pipeline = busy_pipeline(static_cast<std::uint32_t>(state.range(0)));
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::string taken = pipeline.snapshot();
    benchmark::DoNotOptimize(taken.data());
    bytes = taken.size();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
  state.counters["windows"] = static_cast<double>(pipeline.open_windows());
}

void restore(benchmark::State& state) {
  const auto series = static_cast<std::uint32_t>(state.range(0));
  const std::string bytes = busy_pipeline(series).snapshot();
  Pipeline pipeline(options_of(series));
  for (auto _ : state) {
    if (pipeline.restore(bytes)) state.SkipWithError("refused");
  }
}

BENCHMARK(snapshot)->Arg(200)->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK(restore)->Arg(200)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace edgetide

BENCHMARK_MAIN();
