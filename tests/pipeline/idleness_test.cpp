#include <gmock/gmock.h>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Windows of `size` seconds, idle after 60 s of listening, disorder 10 s.
PipelineOptions idle_options(std::int64_t size) {
  PipelineOptions options = one_window();
  options.sources[0].time.max_out_of_orderness = Duration::seconds(10);
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  options.windows[0].size = Duration::seconds(size);
  return options;
}

TEST(Idleness, dead_sensor_closes_its_window) {
  Pipeline pipeline(idle_options(60));
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 30, "a", 30);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 80)), ElementsAre("a [0,60) open r1: 1 1"));
  EXPECT_THAT(lines(pipeline, tick(pipeline, 90)), ElementsAre("a [0,60) final r2: 1 1"));
}

TEST(Idleness, sensor_slower_than_the_timeout_is_never_late_for_its_own_window) {
  Pipeline pipeline(idle_options(3600));
  pipeline.connected(SourceId{0}, moment(0));
  for (int second = 0; second < 3600; second += 10) {
    if (second % 300 == 0) read_at(pipeline, second, "a", second);
    tick(pipeline, second);
  }
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 12U);
  EXPECT_EQ(pipeline.open_windows(), 1U);
}

TEST(Idleness, sensor_that_returns_with_stored_readings_finds_later_windows_open) {
  Pipeline pipeline(idle_options(60));
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 30, "a", 30);
  for (int second = 40; second <= 4000; second += 10) tick(pipeline, second);
  for (int second = 60; second < 3600; second += 60) read_at(pipeline, 4000, "a", second);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 0U);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 60U);
}

TEST(Idleness, watermark_follows_the_clock_but_not_beyond_lateness_of_the_newest_window) {
  PipelineOptions options = idle_options(60);
  options.windows[0].allowed_lateness = Duration::seconds(100);
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 30, "a", 30);
  tick(pipeline, 90);
  EXPECT_EQ(pipeline.watermarks()[0], at(30 - 10 + 60));
  EXPECT_THAT(lines(pipeline, tick(pipeline, 169.9)), IsEmpty());
  EXPECT_THAT(lines(pipeline, tick(pipeline, 500)), ElementsAre("a [0,60) final r2: 1 1"));
  EXPECT_EQ(pipeline.watermarks()[0], at(160));
}

TEST(Idleness, outage_of_the_source_makes_no_sensor_idle) {
  Pipeline pipeline(idle_options(60));
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 30, "a", 30);
  pipeline.disconnected(SourceId{0}, moment(40));
  tick(pipeline, 5000);
  pipeline.connected(SourceId{0}, moment(5000));
  tick(pipeline, 5049);
  read_at(pipeline, 5049, "a", 35);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 2U);
  EXPECT_EQ(tick(pipeline, 5110).rows.at(0).state, RowState::final);
}

TEST(Idleness, restart_makes_no_sensor_idle) {
  Pipeline before(idle_options(60));
  before.connected(SourceId{0}, moment(0));
  read_at(before, 30, "a", 30);
  tick(before, 40);
  Pipeline after(idle_options(60));
  ASSERT_EQ(after.restore(before.snapshot()), std::nullopt);
  // Hours later by the wall clock, but running time has not gone on.
  after.connected(SourceId{0}, {at(90000), Duration::seconds(40)});
  Emission rows;
  after.tick({at(90049), Duration::seconds(89)}, Fire::all, rows);
  EXPECT_THAT(rows.rows, IsEmpty());
  after.tick({at(90050), Duration::seconds(90)}, Fire::all, rows);
  EXPECT_EQ(rows.rows.at(0).state, RowState::final);
}

TEST(Idleness, silent_sensor_leaves_the_others_alone) {
  Pipeline pipeline(idle_options(60));
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 5, "dead", 5);
  for (int second = 0; second < 300; second += 10) {
    read_at(pipeline, second, "alive", second);
    tick(pipeline, second);
  }
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 0U);
  EXPECT_EQ(pipeline.watermarks()[1], at(280));
}

TEST(Idleness, switched_off_leaves_the_window_open) {
  PipelineOptions options = idle_options(60);
  options.sources[0].time.idle_timeout = Duration::unlimited();
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 30, "a", 30);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1e9)), ElementsAre("a [0,60) open r1: 1 1"));
}

}  // namespace
}  // namespace edgetide::test
