#include <gtest/gtest.h>

#include "tests/fakes/counting_allocator.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

TEST(Pipeline, applying_readings_to_known_windows_allocates_nothing) {
  Pipeline pipeline(one_window());
  std::vector<Reading> readings;
  for (int i = 0; i < 1000; ++i) readings.push_back({series_of(pipeline, std::to_string(i)), at(5), 1.0});
  pipeline.apply({SourceId{0}, moment(5), readings});
  const std::uint64_t before = allocations();
  for (int i = 0; i < 100; ++i) pipeline.apply({SourceId{0}, moment(5), readings});
  EXPECT_TRUE(pipeline.series().find("7", "t").has_value());
  EXPECT_EQ(allocations(), before);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 101'000U);
}

}  // namespace
}  // namespace edgetide::test
