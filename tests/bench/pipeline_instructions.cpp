// pipeline_instructions SENSORS TURNS LOOKUP(0|1) TICKS(0|1): applies SENSORS * TURNS readings, with a tick every ten
// turns if asked, and nothing else: the difference of two runs under callgrind is the cost of what one does more.
#include <cstdlib>

#include "tests/bench/bench_stream.h"

int main(int argc, char** argv) {
  if (argc != 5) return 64;
  edgetide::bench::BenchStream stream(static_cast<std::uint32_t>(std::atoi(argv[1])));
  for (int i = 1; i <= std::atoi(argv[2]); ++i) {
    stream.turn(std::atoi(argv[3]) != 0);
    if (i % 10 == 0 && std::atoi(argv[4]) != 0) stream.tick();
  }
  return 0;
}
