#include <benchmark/benchmark.h>

#include "tests/bench/bench_stream.h"

namespace {

void tumbling(benchmark::State& state, bool look_up) {
  edgetide::bench::BenchStream stream(static_cast<std::uint32_t>(state.range(0)));
  std::int64_t turns = 0;
  for (auto _ : state) {
    stream.turn(look_up);
    if (++turns % 10 == 0) stream.tick();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void tumbling_known_series(benchmark::State& state) {
  tumbling(state, false);
}
void tumbling_with_series_lookup(benchmark::State& state) {
  tumbling(state, true);
}

BENCHMARK(tumbling_known_series)->Arg(200)->Arg(1000)->Arg(10'000)->Arg(1'000'000);
BENCHMARK(tumbling_with_series_lookup)->Arg(200)->Arg(1000)->Arg(10'000)->Arg(1'000'000);

}  // namespace

BENCHMARK_MAIN();
