#include <gmock/gmock.h>
#include <limits>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using testing::Contains;
using testing::ElementsAre;

std::optional<SeriesId> add(Pipeline& pipeline, const std::string& sensor) {
  return pipeline.add_series({sensor, "t", {}, {}}, SourceId{0});
}

TEST(Limits, idle_series_leaves_after_its_last_final_row_when_a_new_one_needs_room) {
  PipelineOptions options = one_window();
  options.max_series = 2;
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 1, "old", 1);
  read_at(pipeline, 1, "alive", 1);
  EXPECT_FALSE(add(pipeline, "new"));
  read_at(pipeline, 90, "alive", 90);
  tick(pipeline, 90);  // the last row of "old" leaves
  EXPECT_EQ(pipeline.counters().of(Refusal::series_limit), 1U);
  tick(pipeline, 91);
  ASSERT_TRUE(add(pipeline, "new"));
  EXPECT_FALSE(pipeline.series().find("old", "t"));
  EXPECT_TRUE(pipeline.series().find("alive", "t"));
  read_at(pipeline, 92, "new", 92, 7);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 120, Fire::all)), ElementsAre("new [90,100) open r1: 1 7"));
  EXPECT_FALSE(add(pipeline, "more"));
}

TEST(Limits, sensor_that_is_heard_in_the_same_batch_makes_no_room) {
  PipelineOptions options = one_window();
  options.max_series = 2;
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  for (const std::string sensor : {"a", "b"}) read_at(pipeline, 1, sensor, 1);
  tick(pipeline, 90, Fire::all);
  tick(pipeline, 91);
  const std::vector<Reading> coming = {{series_of(pipeline, "b"), at(92), 5}};
  ASSERT_TRUE(std::holds_alternative<SeriesId>(pipeline.try_add_series({"c", "t", {}, {}}, SourceId{0}, coming)));
  EXPECT_TRUE(pipeline.series().find("b", "t"));
  EXPECT_FALSE(pipeline.series().find("a", "t"));
  EXPECT_EQ(std::get<Refusal>(pipeline.try_add_series({"d", "t", {}, {}}, SourceId{0}, coming)), Refusal::series_limit);
}

TEST(Limits, no_series_is_evicted_for_one_that_comes_too_soon) {
  PipelineOptions options = one_window();
  options.max_series = 2;
  options.new_series_per_minute = 1;
  options.sources[0].time.idle_timeout = Duration::seconds(10);
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 1, "a", 1);
  read_at(pipeline, 1, "b", 1);
  tick(pipeline, 30, Fire::all);
  tick(pipeline, 31);
  EXPECT_FALSE(add(pipeline, "c"));
  EXPECT_EQ(pipeline.counters().of(Refusal::series_rate), 1U);
  EXPECT_TRUE(pipeline.series().find("a", "t"));
  EXPECT_TRUE(pipeline.series().find("b", "t"));
}

TEST(Limits, series_of_which_no_reading_was_taken_leaves_too) {
  PipelineOptions options = one_window();
  options.max_series = 1;
  Pipeline pipeline(options);
  read_at(pipeline, 1, "a", 1, std::numeric_limits<double>::quiet_NaN());
  tick(pipeline, 2);
  EXPECT_TRUE(add(pipeline, "b"));
  EXPECT_FALSE(pipeline.series().find("a", "t"));
}

TEST(Limits, derived_series_leaves_with_the_last_of_its_inputs) {
  PipelineOptions options = one_window();
  options.max_series = 2;
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  options.windows[0].aggregates = {Aggregate::count, Aggregate::avg};
  options.windows[0].derived = {product("product", "t", "u")};
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  for (int i = 0; i < 20; ++i) {
    const std::string sensor = "s" + std::to_string(i);
    const double time = i * 200;
    read_at(pipeline, time, sensor, time, 2);
    const auto other = pipeline.add_series({sensor, "u", {}, {}});
    ASSERT_TRUE(other) << sensor;
    const Reading reading{*other, at(time), i * 1.0};
    pipeline.apply({SourceId{0}, moment(time), std::span(&reading, 1)});
    const std::vector<std::string> rows = lines(pipeline, tick(pipeline, time + 100, Fire::all));
    const std::string window = sensor + " [" + std::to_string(i * 200) + "," + std::to_string(i * 200 + 10) + ")";
    EXPECT_THAT(rows, Contains(window + " final r1: 1 " + std::to_string(2 * i))) << sensor;
    EXPECT_EQ(rows.size(), 3U);
    tick(pipeline, time + 101);
    EXPECT_TRUE(pipeline.series().find(sensor, "product"));
    Pipeline restored(options);
    ASSERT_EQ(restored.restore(pipeline.snapshot(), Connections::go_on), std::nullopt);
    EXPECT_EQ(restored.snapshot(), pipeline.snapshot());
  }
  EXPECT_EQ(pipeline.series().size(), 4U);  // the product of one sensor comes before that of another leaves
}

TEST(Limits, new_series_of_a_source_beyond_the_rate_are_refused_and_known_ones_go_on) {
  PipelineOptions options = one_window();
  options.new_series_per_minute = 3;
  options.max_series = 20;
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(1000));
  EXPECT_EQ(pipeline.refuses_series(SourceId{0}), std::nullopt);
  for (int i = 0; i < 20; ++i) add(pipeline, "s" + std::to_string(i));  // ten, and three more
  EXPECT_EQ(pipeline.counters().of(Refusal::series_rate), 7U);
  EXPECT_EQ(pipeline.refuses_series(SourceId{0}), Refusal::series_rate);
  read_at(pipeline, 1000, "s0", 1000);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 1U);
  tick(pipeline, 1020);  // a third of a minute
  EXPECT_TRUE(add(pipeline, "later"));
  EXPECT_FALSE(add(pipeline, "too soon"));
  tick(pipeline, 1079);
  EXPECT_EQ(pipeline.refuses_series(SourceId{0}), Refusal::series_rate);
  tick(pipeline, 1080);
  EXPECT_EQ(pipeline.refuses_series(SourceId{0}), std::nullopt);
}

TEST(Limits, first_start_of_a_thousand_sensors_with_three_metrics_loses_nothing_with_the_defaults) {
  PipelineOptions options = one_window();
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  for (int i = 0; i < 1000; ++i) {
    for (const std::string metric : {"temperature", "humidity", "voltage"}) {
      ASSERT_TRUE(pipeline.add_series({"s" + std::to_string(i), metric, {}, {}}));
    }
  }
  EXPECT_EQ(pipeline.counters().refused_total(), 0U);
}

// What pipeline/SEMANTICS.md promises.
TEST(Limits, state_is_at_most_96_bytes_per_series_and_open_window) {
  PipelineOptions options = one_window();
  options.windows[0].aggregates = {Aggregate::count, Aggregate::sum, Aggregate::min,
                                   Aggregate::max,   Aggregate::avg, Aggregate::last};
  constexpr std::size_t sensors = 8192;
  options.max_series = sensors;
  options.sources[0].time.max_out_of_orderness = Duration::seconds(1000);
  Pipeline pipeline(options);
  for (std::size_t i = 0; i < sensors; ++i) series_of(pipeline, "s" + std::to_string(i));
  const std::size_t without = pipeline.memory_bytes();
  for (int window = 0; window < 3; ++window) {
    for (std::size_t i = 0; i < sensors; ++i) read(pipeline, "s" + std::to_string(i), window * 10);
  }
  ASSERT_EQ(pipeline.open_windows(), 3 * sensors);
  EXPECT_LE((pipeline.memory_bytes() - without) / pipeline.open_windows(), 96U);
  EXPECT_LE(without / sensors, 512U);
}

std::size_t memory_of(std::size_t sensors, const std::vector<std::string>& columns) {
  PipelineOptions options = one_window();
  options.windows[0].group_by = columns;
  options.max_series = sensors;
  Pipeline pipeline(options);
  for (std::size_t i = 0; i < sensors; ++i) read(pipeline, "s" + std::to_string(i), 1);
  return pipeline.memory_bytes();
}

TEST(Limits, group_costs_memory_for_its_members_only) {
  constexpr std::size_t sensors = 4096;
  const std::size_t without = memory_of(sensors, {});
  EXPECT_LE((memory_of(sensors, {"sensor"}) - without) / sensors, 1024U);  // each its own group
  EXPECT_LE(memory_of(sensors, {"site"}), without + sensors * 40);         // one group of all
}

TEST(Limits, group_leaves_after_its_last_member_and_its_last_final_row_when_a_series_comes) {
  PipelineOptions options = one_window();
  options.max_series = 2;
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  options.windows[0].group_by = {"sensor"};
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  std::size_t early = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string sensor = "s" + std::to_string(i);
    const double time = i * 200;
    read_at(pipeline, time, sensor, time, i);
    EXPECT_THAT(lines(pipeline, tick(pipeline, time + 100, Fire::all)),
                ElementsAre("sensor=" + sensor + " [" + std::to_string(i * 200) + "," + std::to_string(i * 200 + 10) +
                            ") final r1: 1 " + std::to_string(i)));
    tick(pipeline, time + 101);
    if (i == 10) early = pipeline.memory_bytes();
  }
  EXPECT_LE(pipeline.memory_bytes(), early + 2 * 16 * 300);  // what is remembered of dropped groups
  Pipeline restored(options);
  ASSERT_EQ(restored.restore(pipeline.snapshot(), Connections::go_on), std::nullopt);
  EXPECT_EQ(restored.snapshot(), pipeline.snapshot());
}

// One bad sensor hurts only itself: the rows of the others are those of a run without it.
std::vector<std::string> rows_of_the_good_ones(const std::string& error) {
  PipelineOptions options = one_window();
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  options.sources[0].time.max_out_of_orderness = Duration::seconds(5);
  options.sources[0].time.max_future = Duration::minutes(5);
  options.max_series = 10;
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  std::vector<std::string> rows;
  for (int second = 0; second < 300; ++second) {
    for (const std::string sensor : {"a", "b"}) read_at(pipeline, second, sensor, second - second % 7, second);
    if (error == "fast clock") read_at(pipeline, second, "bad", second + (second % 2 == 0 ? 3600 : 200));
    if (error == "silence" && second < 20) read_at(pipeline, second, "bad", second);
    if (error == "flood") {
      for (int i = 0; i < 50; ++i) {
        const std::string name = "bad" + std::to_string(second * 50 + i);
        if (pipeline.series().find(name, "t") || add(pipeline, name)) read_at(pipeline, second, name, second);
      }
    }
    for (const std::string& line : lines(pipeline, tick(pipeline, second))) {
      if (!line.starts_with("bad")) rows.push_back(line);
    }
  }
  return rows;
}

TEST(BadNeighbour, fast_clock_silence_and_flood_leave_the_rows_of_every_other_sensor_unchanged) {
  const std::vector<std::string> wanted = rows_of_the_good_ones("");
  EXPECT_GT(wanted.size(), 100U);
  for (const char* error : {"fast clock", "silence", "flood"}) {
    EXPECT_EQ(rows_of_the_good_ones(error), wanted) << error;
  }
}

}  // namespace
}  // namespace edgetide::test
