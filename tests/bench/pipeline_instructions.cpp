// pipeline_instructions KIND OVERLAP SENSORS TURNS LOOKUP(0|1) TICKS(0|1): applies SENSORS * TURNS readings, with a
// tick every ten turns if asked, and nothing else: the difference of two runs under callgrind is the cost of what one
// does more. KIND is tumbling, sliding, session or percentiles.
#include <cstdlib>
#include <string_view>

#include "tests/bench/bench_stream.h"

namespace {

edgetide::WindowOptions window_named(std::string_view kind, int overlap) {
  using edgetide::Aggregate;
  using edgetide::WindowKind;
  if (kind == "sliding") return edgetide::bench::window_of(WindowKind::sliding, overlap);
  if (kind == "session") return edgetide::bench::window_of(WindowKind::session);
  edgetide::WindowOptions window = edgetide::bench::window_of(WindowKind::tumbling);
  if (kind == "percentiles") {
    window.aggregates = {Aggregate::count, Aggregate::percentile(50), Aggregate::percentile(99)};
  }
  return window;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 64;
  edgetide::bench::BenchStream stream(static_cast<std::uint32_t>(std::atoi(argv[3])),
                                      window_named(argv[1], std::atoi(argv[2])));
  for (int i = 1; i <= std::atoi(argv[4]); ++i) {
    stream.turn(std::atoi(argv[5]) != 0);
    if (i % 10 == 0 && std::atoi(argv[6]) != 0) stream.tick();
  }
  return 0;
}
