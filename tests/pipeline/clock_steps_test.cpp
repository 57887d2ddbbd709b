// The wall clock is set while the daemon runs: by NTP, by hand, around a leap second. (A change to or from summer time
// is none: UTC does not see it.) Sensors stamp their readings themselves.
#include <gtest/gtest.h>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using WallError = double (*)(int second);

// Two sensors a second for ten minutes, one of which falls silent after two, judged by a wall clock that errs.
struct Outcome {
  std::vector<std::string> rows;
  std::vector<std::uint64_t> epochs_with_rows;
  Counters counters;
};
Outcome run(WallError error) {
  PipelineOptions options = one_window();
  options.sources[0].time.max_out_of_orderness = Duration::seconds(3);
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  options.sources[0].time.max_future = Duration::hours(2);
  options.windows[0].trigger = Duration::seconds(5);
  Pipeline pipeline(options);
  const auto now = [&](int second) { return Moment{at(100'000 + second + error(second)), Duration::seconds(second)}; };
  pipeline.connected(SourceId{0}, now(0));
  Outcome outcome;
  Emission emission;
  for (int second = 0; second < 600; ++second) {
    for (const char* const sensor : {"talks", "falls silent"}) {
      if (second >= 120 && *sensor == 'f') continue;
      const Reading reading{series_of(pipeline, sensor), at(100'000 + second - second % 3), 1};
      pipeline.apply({SourceId{0}, now(second), {&reading, 1}});
    }
    pipeline.tick(now(second), Fire::due, emission);
    if (!emission.rows.empty()) outcome.epochs_with_rows.push_back(emission.epoch);
    for (std::string& line : lines(pipeline, emission)) outcome.rows.push_back(std::move(line));
  }
  outcome.counters = pipeline.counters();
  return outcome;
}

TEST(ClockSteps, steps_of_the_wall_clock_move_no_trigger_and_change_no_row) {
  const struct {
    const char* name;
    WallError error;
  } cases[] = {{"an hour back", [](int second) { return second < 300 ? 0.0 : -3600; }},
               {"an hour forward", [](int second) { return second < 300 ? 0.0 : 3600; }},
               {"a second back each minute", [](int second) { return -static_cast<double>(second / 60); }},
               {"a leap second told twice", [](int second) { return second < 301 ? 0.0 : -1; }},
               {"half an hour to and fro", [](int second) { return second % 2 == 0 ? 0.0 : 1800; }}};
  const Outcome steady = run([](int) { return 0.0; });
  ASSERT_GT(steady.rows.size(), 100U);
  ASSERT_EQ(steady.counters.refused_total(), 0U);
  for (const auto& one : cases) {
    const Outcome stepped = run(one.error);
    EXPECT_EQ(stepped.rows, steady.rows) << one.name;
    EXPECT_EQ(stepped.epochs_with_rows, steady.epochs_with_rows) << one.name;
    EXPECT_EQ(stepped.counters.of(ReadingOutcome::on_time), steady.counters.of(ReadingOutcome::on_time)) << one.name;
  }
}

}  // namespace
}  // namespace edgetide::test
