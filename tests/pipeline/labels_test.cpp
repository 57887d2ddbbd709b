// Labels are the reading's own: groups, matches and rows follow them, watermarks do not.
#include <gtest/gtest.h>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

struct Labelled {
  std::string sensor;
  double time;
  std::string status;
  std::string line = "1";
};

std::optional<SeriesId> labelled_series(Pipeline& pipeline, const Labelled& reading) {
  Series series{reading.sensor, "t", {}, {{"line", reading.line}, {"status", reading.status}}};
  const auto known = pipeline.series().find(series);
  return known ? known : pipeline.add_series(std::move(series));
}

void read_labelled(Pipeline& pipeline, const Labelled& reading, double arrival = 0) {
  const auto series = labelled_series(pipeline, reading);
  if (!series) return;
  const Reading one{*series, at(reading.time), 1};
  pipeline.apply({SourceId{0}, moment(arrival), std::span<const Reading>(&one, 1)});
}

PipelineOptions with_groups(std::vector<std::string> group_by) {
  PipelineOptions options = one_window();
  options.windows[0].group_by = std::move(group_by);
  return options;
}

std::vector<std::string> final_rows(Pipeline& pipeline) {
  pipeline.raise_watermarks(Timestamp::latest());
  return lines(pipeline, tick(pipeline, 1000, Fire::all), 1);
}

// "a/404", for each row.
std::vector<std::string> row_labels(Pipeline& pipeline, const Emission& emission) {
  std::vector<std::string> labels;
  for (const Row& row : emission.rows) {
    const auto key = pipeline.key_of(row);
    labels.push_back(key->sensor + '/' + key->labels.back().value);
  }
  return labels;
}

void restart(Pipeline& pipeline, const PipelineOptions& options) {
  const std::string bytes = pipeline.snapshot();
  pipeline = Pipeline(options);
  ASSERT_EQ(pipeline.restore(bytes, Connections::go_on), std::nullopt);
  ASSERT_EQ(pipeline.snapshot(), bytes);
}

const std::vector<Labelled> requests = {
    {"10.0.0.1", 1, "200"}, {"10.0.0.1", 2, "404"}, {"10.0.0.1", 3, "404"}, {"10.0.0.1", 4, "404", "2"}};

TEST(Labels, group_counts_the_readings_that_had_its_label) {
  struct GroupCase {
    std::vector<std::string> by;
    bool cube;
    std::vector<std::string> rows;
  };
  const GroupCase cases[] = {
      {{"status"}, false, {"status=200 [0,10) final r1: 1", "status=404 [0,10) final r1: 3"}},
      {{"sensor", "status"},
       false,
       {"sensor=10.0.0.1,status=200 [0,10) final r1: 1", "sensor=10.0.0.1,status=404 [0,10) final r1: 3"}},
      {{"status", "line"},
       true,
       {"* [0,10) final r1: 4", "line=1 [0,10) final r1: 3", "line=2 [0,10) final r1: 1",
        "status=200 [0,10) final r1: 1", "status=200,line=1 [0,10) final r1: 1", "status=404 [0,10) final r1: 3",
        "status=404,line=1 [0,10) final r1: 2", "status=404,line=2 [0,10) final r1: 1"}},
      {{}, false, {"10.0.0.1 [0,10) final r1: 4"}},
  };
  for (const GroupCase& example : cases) {
    for (const bool restarts : {false, true}) {
      PipelineOptions options = with_groups(example.by);
      options.windows[0].cube = example.cube;
      Pipeline pipeline(options);
      for (const Labelled& reading : requests) {
        read_labelled(pipeline, reading);
        if (restarts) restart(pipeline, options);
      }
      EXPECT_EQ(final_rows(pipeline), example.rows);
    }
  }
}

TEST(Labels, window_takes_the_readings_whose_labels_match) {
  for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding}) {
    PipelineOptions options = one_window();
    options.windows[0].kind = kind;
    options.windows[0].slide = Duration::seconds(10);
    options.windows[0].match.labels = {{"status", {"4*"}}};
    Pipeline pipeline(options);
    for (const Labelled& reading : requests) read_labelled(pipeline, reading);
    EXPECT_EQ(final_rows(pipeline), std::vector<std::string>{"10.0.0.1 [0,10) final r1: 3"});
    EXPECT_EQ(pipeline.counters().outcomes[static_cast<std::size_t>(ReadingOutcome::on_time)], 3U);
  }
}

TEST(Labels, top_ranks_groups_by_the_labels_of_each_reading) {
  PipelineOptions options = with_groups({"status"});
  options.windows[0].top = TopOptions{1, Aggregate::count};
  Pipeline pipeline(options);
  for (const Labelled& reading : requests) read_labelled(pipeline, reading);
  EXPECT_EQ(final_rows(pipeline), std::vector<std::string>{"status=404 [0,10) final r1: 3"});
}

TEST(Labels, row_carries_those_of_the_newest_reading_in_its_window) {
  struct RowCase {
    const char* what;
    std::vector<Labelled> readings;
    std::vector<std::string> labels;
  };
  const RowCase cases[] = {
      {"in order", {{"a", 1, "x"}, {"a", 2, "y"}}, {"a/y"}},
      {"the older one comes last", {{"a", 5, "y"}, {"a", 2, "x"}}, {"a/y"}},
      {"the same time: the later arrival", {{"a", 2, "x"}, {"a", 2, "y"}}, {"a/y"}},
      {"back to the first", {{"a", 1, "x"}, {"a", 2, "y"}, {"a", 3, "x"}}, {"a/x"}},
      {"each window has its own", {{"a", 1, "x"}, {"a", 11, "y"}, {"a", 21, "z"}}, {"a/x", "a/y", "a/z"}},
      {"late, of an older window, and of older readings there",
       {{"a", 1, "x"}, {"a", 5, "x"}, {"a", 11, "x"}, {"a", 3, "y"}},
       {"a/x", "a/x"}},
      {"late, of an older window, and newer than what was there",
       {{"a", 1, "x"}, {"a", 5, "x"}, {"a", 11, "x"}, {"a", 6, "y"}},
       {"a/y", "a/x"}},
      {"of two sensors", {{"a", 1, "x"}, {"b", 1, "y"}, {"a", 2, "y"}}, {"a/y", "b/y"}},
  };
  for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding, WindowKind::session, WindowKind::running}) {
    for (const RowCase& example : cases) {
      if (kind != WindowKind::tumbling && kind != WindowKind::sliding && example.labels.size() > 1 &&
          example.readings[1].sensor == "a") {
        continue;  // other windows than those of the table
      }
      PipelineOptions options = one_window();
      options.windows[0].kind = kind;
      options.windows[0].slide = Duration::seconds(10);
      options.windows[0].gap = Duration::seconds(10);
      options.windows[0].aggregates = {Aggregate::count, Aggregate::last};
      options.sources[0].time.max_out_of_orderness = Duration::seconds(100);
      for (const bool restarts : {false, true}) {
        Pipeline pipeline(options);
        for (const Labelled& reading : example.readings) {
          read_labelled(pipeline, reading);
          if (restarts) restart(pipeline, options);
        }
        pipeline.raise_watermarks(Timestamp::latest());
        EXPECT_EQ(row_labels(pipeline, tick(pipeline, 1000, Fire::all)), example.labels)
            << example.what << ", " << traits_of(kind).name;
      }
    }
  }
}

TEST(Labels, watermark_is_of_the_sensor_whatever_they_are) {
  PipelineOptions options = one_window();
  Pipeline pipeline(options);
  read_labelled(pipeline, {"a", 1, "x"});
  read_labelled(pipeline, {"a", 100, "x"});
  read_labelled(pipeline, {"a", 5, "y"});  // the first with that label
  EXPECT_EQ(pipeline.counters().outcomes[static_cast<std::size_t>(ReadingOutcome::late_dropped)], 1U);
  EXPECT_EQ(pipeline.watermarks(), (std::vector<Timestamp>{at(100), Timestamp::earliest()})) << "once";
}

TEST(Labels, group_is_closed_by_what_its_sensor_sends_with_other_labels) {
  Pipeline pipeline(with_groups({"status"}));
  read_labelled(pipeline, {"a", 1, "x"});
  read_labelled(pipeline, {"a", 100, "y"});
  EXPECT_EQ(lines(pipeline, tick(pipeline, 10), 1),
            (std::vector<std::string>{"status=x [0,10) final r1: 1", "status=y [100,110) open r1: 1"}));
}

// Of readings of one sensor, or two, by whether their last one is late. Windows of 10 s, grouped by status.
TEST(Labels, first_reading_of_a_group_is_late_by_what_its_sensor_has_reached) {
  const struct {
    const char* what;
    std::vector<Labelled> readings;
    ReadingOutcome last;
  } cases[] = {
      {"a new group", {{"a", 1, "x"}, {"a", 100, "x"}, {"a", 5, "y"}}, ReadingOutcome::late_dropped},
      {"a new group in time", {{"a", 1, "x"}, {"a", 100, "x"}, {"a", 95, "y"}}, ReadingOutcome::late_accepted},
      {"a new sensor in a new group", {{"a", 100, "x"}, {"b", 5, "y"}}, ReadingOutcome::on_time},
      {"another sensor that is behind holds the group open",
       {{"b", 3, "y"}, {"a", 100, "x"}, {"a", 5, "y"}},
       ReadingOutcome::on_time},
      {"and no longer", {{"b", 90, "y"}, {"a", 100, "x"}, {"a", 5, "y"}}, ReadingOutcome::late_dropped},
      {"twice", {{"a", 100, "x"}, {"a", 5, "y"}, {"a", 5, "y"}}, ReadingOutcome::late_dropped},
      {"another one", {{"a", 100, "x"}, {"a", 5, "y"}, {"a", 5, "z"}}, ReadingOutcome::late_dropped},
  };
  for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding, WindowKind::session}) {
    for (const auto& c : cases) {
      for (const bool restarts : {false, true}) {
        for (const WatermarkScope scope : {WatermarkScope::sensor, WatermarkScope::stream}) {
          PipelineOptions options = with_groups({"status"});
          options.windows[0].kind = kind;
          options.windows[0].slide = options.windows[0].gap = Duration::seconds(10);
          if (kind == WindowKind::session) options.windows[0].gap = Duration::seconds(4);
          options.windows[0].allowed_lateness = Duration::seconds(5);
          options.sources[0].time.scope = scope;
          Pipeline pipeline(options);
          for (std::size_t i = 0; i < c.readings.size(); ++i) {
            if (restarts) restart(pipeline, options);
            if (i + 1 < c.readings.size()) read_labelled(pipeline, c.readings[i]);
          }
          const std::uint64_t before = pipeline.counters().of(c.last);
          read_labelled(pipeline, c.readings.back());
          EXPECT_EQ(pipeline.counters().of(c.last), before + 1) << c.what << ", " << traits_of(kind).name;
        }
      }
    }
  }
}

// What a source does not feed has moved the sensor's watermark all the same.
TEST(Labels, first_reading_of_a_group_is_late_by_what_its_sensor_has_reached_with_another_source) {
  PipelineOptions options = with_groups({"line"});
  options.sources.push_back(options.sources[0]);
  options.sources[1].name = "t";
  options.windows.push_back(options.windows[0]);
  options.windows[1].name = "v";
  options.windows[1].inputs = {SourceId{1}};
  options.windows[1].group_by.clear();
  Pipeline pipeline(options);
  const SeriesId series = *labelled_series(pipeline, {"a", 0, "x"});
  const Reading ahead{series, at(100), 1}, behind{series, at(5), 1};
  read_labelled(pipeline, {"b", 100, "x", "2"});  // neither source is awaited any more
  pipeline.apply({SourceId{1}, moment(0), std::span<const Reading>(&ahead, 1)});
  pipeline.apply({SourceId{0}, moment(0), std::span<const Reading>(&behind, 1)});
  EXPECT_EQ(pipeline.counters(SourceId{0}).of(ReadingOutcome::late_dropped), 1U);
}

std::uint64_t duplicates(const Pipeline& pipeline) {
  return pipeline.counters().of(ReadingOutcome::duplicate);
}

TEST(Labels, reading_with_others_is_not_a_duplicate) {
  for (const std::vector<std::string>& by : {std::vector<std::string>{}, std::vector<std::string>{"status"}}) {
    PipelineOptions options = with_groups(by);
    options.windows[0].deduplicate = true;
    Pipeline pipeline(options);
    for (const char* const status : {"x", "y", "z"}) read_labelled(pipeline, {"a", 1, status});
    EXPECT_EQ(duplicates(pipeline), 0U);
    tick(pipeline, 10);
    restart(pipeline, options);
    std::uint64_t expected = 0;
    for (const char* const status : {"y", "x", "z"}) {
      read_labelled(pipeline, {"a", 1, status});
      EXPECT_EQ(duplicates(pipeline), ++expected) << status;
    }
    read_labelled(pipeline, {"a", 1, "w"});
    EXPECT_EQ(duplicates(pipeline), 3U);
  }
}

TEST(Labels, reading_is_a_duplicate_though_the_set_that_it_has_was_forgotten) {
  PipelineOptions options = one_window();
  options.windows[0].size = Duration::hours(1);
  options.windows[0].deduplicate = true;
  options.max_series = 2;
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  read_labelled(pipeline, {"a", 1, "x"}, 1);
  read_labelled(pipeline, {"a", 2, "y"}, 2);
  for (double time = 60; time < 200; time += 10) {
    read_labelled(pipeline, {"a", time, "x"}, time);
    tick(pipeline, time);
  }
  read_labelled(pipeline, {"a", 201, "z"}, 201);  // takes the place of y
  EXPECT_EQ(pipeline.counters().refused_total(), 0U);
  for (double time = 210; time < 400; time += 10) {
    read_labelled(pipeline, {"a", time, "x"}, time);
    tick(pipeline, time);
  }
  read_labelled(pipeline, {"a", 2, "y"}, 400);
  EXPECT_EQ(pipeline.counters().refused_total(), 0U);
  EXPECT_EQ(duplicates(pipeline), 1U);
}

TEST(Labels, each_set_of_them_counts_against_the_limit_on_series) {
  PipelineOptions options = with_groups({"status"});
  options.max_series = 3;
  Pipeline pipeline(options);
  for (int i = 0; i < 5; ++i) read_labelled(pipeline, {"a", static_cast<double>(i), std::to_string(i)});
  EXPECT_EQ(pipeline.counters().refused[static_cast<std::size_t>(Refusal::series_limit)], 2U);
  read_labelled(pipeline, {"a", 6, "1"});
  EXPECT_EQ(pipeline.counters().outcomes[static_cast<std::size_t>(ReadingOutcome::on_time)], 4U);
}

TEST(Labels, set_that_is_not_seen_any_more_leaves_room_for_another) {
  PipelineOptions options = one_window();
  options.max_series = 2;
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  read_labelled(pipeline, {"a", 1, "x"}, 1);
  read_labelled(pipeline, {"a", 2, "y"}, 2);
  tick(pipeline, 10);
  read_labelled(pipeline, {"a", 50, "z"}, 50);
  EXPECT_EQ(pipeline.counters().refused[static_cast<std::size_t>(Refusal::series_limit)], 1U);
  for (double time = 60; time < 200; time += 10) {
    read_labelled(pipeline, {"a", time, "x"}, time);
    tick(pipeline, time);
  }
  read_labelled(pipeline, {"a", 201, "z"}, 201);
  EXPECT_EQ(pipeline.counters().refused[static_cast<std::size_t>(Refusal::series_limit)], 1U);
  restart(pipeline, options);
  const Emission rows = tick(pipeline, 210);
  ASSERT_FALSE(rows.rows.empty());
  EXPECT_EQ(row_labels(pipeline, rows).back(), "a/z");
}

}  // namespace
}  // namespace edgetide::test
