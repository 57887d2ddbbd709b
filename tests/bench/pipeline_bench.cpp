// Readings per second of the pipeline, by kind of window and number of sensors. A tick every ten turns lets rows leave;
// the `_applied` benchmarks have none, since windows that overlap give that many more rows.
#include <benchmark/benchmark.h>

#include "tests/bench/bench_stream.h"

namespace {

using edgetide::Aggregate;
using edgetide::WindowKind;
using edgetide::WindowOptions;
using edgetide::bench::BenchStream;
using edgetide::bench::window_of;

void run(benchmark::State& state, const WindowOptions& window, bool look_up, bool ticks) {
  BenchStream stream(static_cast<std::uint32_t>(state.range(0)), window);
  std::int64_t turns = 0;
  for (auto _ : state) {
    stream.turn(look_up);
    if (++turns % 10 == 0 && ticks) stream.tick();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void tumbling(benchmark::State& state) {
  run(state, window_of(WindowKind::tumbling), false, true);
}
void tumbling_with_series_lookup(benchmark::State& state) {
  run(state, window_of(WindowKind::tumbling), true, true);
}
void session(benchmark::State& state) {
  run(state, window_of(WindowKind::session), false, true);
}
void percentiles(benchmark::State& state) {
  WindowOptions window = window_of(WindowKind::tumbling);
  window.aggregates = {Aggregate::count, Aggregate::percentile(50), Aggregate::percentile(99)};
  run(state, window, false, true);
}

// The second argument is the overlap: how many windows hold a reading.
void sliding(benchmark::State& state) {
  run(state, window_of(WindowKind::sliding, static_cast<int>(state.range(1))), false, true);
}
void sliding_applied(benchmark::State& state) {
  run(state, window_of(WindowKind::sliding, static_cast<int>(state.range(1))), false, false);
}

void sensors(benchmark::internal::Benchmark* bench) {
  for (const int count : {200, 10'000, 1'000'000}) bench->Arg(count);
}
void sensors_and_overlaps(benchmark::internal::Benchmark* bench) {
  for (const int count : {200, 10'000, 1'000'000}) {
    for (const int overlap : {1, 10, 100}) bench->Args({count, overlap});
  }
}
void overlaps(benchmark::internal::Benchmark* bench) {  // a million sensors have more rows than memory
  for (const int count : {200, 10'000}) {
    for (const int overlap : {1, 10, 100}) bench->Args({count, overlap});
  }
}

BENCHMARK(tumbling)->Apply(sensors);
BENCHMARK(tumbling_with_series_lookup)->Apply(sensors);
BENCHMARK(session)->Apply(sensors);
BENCHMARK(percentiles)->Apply(sensors);
BENCHMARK(sliding_applied)->Apply(sensors_and_overlaps);
BENCHMARK(sliding)->Apply(overlaps);

}  // namespace

BENCHMARK_MAIN();
