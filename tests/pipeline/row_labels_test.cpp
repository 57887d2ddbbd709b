// The labels of a row are those of the newest reading in its window, by event time, whatever comes late, and whatever
// panes, sessions and firings there are between. Times in seconds.
#include <gtest/gtest.h>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

struct ReadLabels {
  double time;
  std::string labels;
  std::string metric = "t";
};

class RowLabelsOf : public testing::Test {
 protected:
  RowLabelsOf() {
    options.windows[0].aggregates = {Aggregate::count, Aggregate::avg, Aggregate::last};
    options.windows[0].trigger = Duration::seconds(1);
  }

  void take(Pipeline& pipeline, const ReadLabels& reading, double arrival = 0, const std::string& sensor = "a") const {
    Series series{sensor, reading.metric, {}, {{"status", reading.labels}}};
    const auto known = pipeline.series().find(series);
    const auto id = known ? known : pipeline.add_series(std::move(series));
    if (!id) return;
    const Reading one{*id, at(reading.time), 1};
    pipeline.apply({SourceId{0}, moment(arrival), std::span<const Reading>(&one, 1)});
  }

  void restart(Pipeline& pipeline) const {
    const std::string bytes = pipeline.snapshot();
    pipeline = Pipeline(options);
    ASSERT_EQ(pipeline.restore(bytes, Connections::go_on), std::nullopt);
    ASSERT_EQ(pipeline.snapshot(), bytes);
  }

  // "[0,10) x", "empty [10,20) x", "power [0,10) y".
  static void append_finals(const Pipeline& pipeline, const Emission& emission, std::vector<std::string>& rows) {
    for (const Row& row : emission.rows) {
      if (row.state != RowState::final) continue;
      const auto key = pipeline.key_of(row);
      rows.push_back((key->metric == "t" ? "" : key->metric + ' ') + (row.readings == 0 ? "empty [" : "[") +
                     std::to_string(row.start.count() / 1'000'000) + ',' + std::to_string(row.end.count() / 1'000'000) +
                     ") " + key->labels.back().value);
    }
  }

  // For tumbling windows, and sliding ones that are the same, with and without the aggregate that knows the newest.
  template <typename Check>
  void for_windows_beside_each_other(Check&& check) {
    for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding}) {
      for (const bool has_last : {true, false}) {
        options.windows[0].kind = kind;
        options.windows[0].slide = Duration::seconds(10);
        options.windows[0].aggregates = {Aggregate::count, Aggregate::avg};
        if (has_last) options.windows[0].aggregates.push_back(Aggregate::last);
        check();
      }
    }
  }

  // The final rows of readings that come one by one, with the watermark raised to `raised` before the last one.
  std::vector<std::string> finals(const std::vector<ReadLabels>& readings, std::optional<double> raised, bool restarts,
                                  bool ticks) const {
    Pipeline pipeline(options);
    std::vector<std::string> rows;
    double now = 1;
    for (std::size_t i = 0; i < readings.size(); ++i) {
      if (raised && i + 1 == readings.size()) pipeline.raise_watermarks(at(*raised));
      take(pipeline, readings[i], now);
      if (restarts) restart(pipeline);
      if (ticks) append_finals(pipeline, tick(pipeline, ++now), rows);
    }
    pipeline.raise_watermarks(Timestamp::latest());
    append_finals(pipeline, tick(pipeline, 1000, Fire::all), rows);
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  // However it is interrupted.
  void expect_finals(const char* what, const std::vector<ReadLabels>& readings, std::vector<std::string> wanted,
                     std::optional<double> raised = std::nullopt) const {
    std::sort(wanted.begin(), wanted.end());
    for (const bool restarts : {false, true}) {
      for (const bool ticks : {false, true}) {
        EXPECT_EQ(finals(readings, raised, restarts, ticks), wanted)
            << what << (restarts ? ", restarts" : "") << (ticks ? ", ticks" : "");
      }
    }
  }

  PipelineOptions options = one_window();
};

TEST_F(RowLabelsOf, sliding_window_that_is_final_are_not_those_of_a_reading_that_came_later_into_the_same_pane) {
  options.windows[0].kind = WindowKind::sliding;
  options.windows[0].slide = Duration::seconds(5);
  const std::vector<std::string> wanted = {"[-5,5) z", "[0,10) x", "[5,15) x", "[10,20) x"};
  expect_finals("newer", {{1, "z"}, {9, "x"}, {12, "x"}, {9.5, "y"}}, wanted);
  expect_finals("of the same time", {{1, "z"}, {9, "x"}, {12, "x"}, {9, "y"}}, wanted);
  expect_finals("older", {{1, "z"}, {9, "x"}, {12, "x"}, {8, "y"}}, wanted);
}

TEST_F(RowLabelsOf, session_that_is_final_are_not_those_of_the_session_that_begins_within_it) {
  options.windows[0].kind = WindowKind::session;
  options.windows[0].gap = Duration::seconds(5);
  expect_finals("W is 8", {{1, "z"}, {3, "x"}, {4, "y"}}, {"[1,8) x", "[4,9) y"}, 8);
}

TEST_F(RowLabelsOf, session_across_a_multiple_of_max_length_are_not_those_of_a_session_behind_it) {
  options.windows[0].kind = WindowKind::session;
  options.windows[0].gap = Duration::seconds(3);
  options.windows[0].max_length = Duration::seconds(21);
  for (const auto& aggregates : {std::vector{Aggregate::count, Aggregate::last}, std::vector{Aggregate::count}}) {
    options.windows[0].aggregates = aggregates;
    expect_finals("W is 25", {{19, "x"}, {21, "y"}, {23, "x"}}, {"[19,24) y", "[23,26) x"}, 25);
    expect_finals("W is 23.5", {{19, "x"}, {21, "y"}, {22, "z"}}, {"[19,25) z"}, 23.5);
  }
}

TEST_F(RowLabelsOf, pieces_of_a_session_that_is_cut_are_each_those_of_its_newest_reading) {
  options.windows[0].kind = WindowKind::session;
  options.windows[0].gap = Duration::seconds(5);
  options.windows[0].max_length = Duration::seconds(6);
  options.sources[0].time.max_out_of_orderness = Duration::seconds(100);
  expect_finals("cut at 12", {{9, "z"}, {14, "y"}, {11, "x"}, {10, "z"}}, {"[9,12) x", "[14,18) y"});
}

TEST_F(RowLabelsOf, every_window_of_a_late_reading_are_those_of_the_newest_one_there) {
  options.sources[0].time.max_out_of_orderness = Duration::seconds(100);
  options.windows[0].kind = WindowKind::sliding;
  options.windows[0].slide = Duration::seconds(5);
  expect_finals("older, then newer, then of the same time", {{1, "z"}, {7, "z"}, {3, "x"}, {8, "y"}, {8, "x"}},
                {"[-5,5) x", "[0,10) x", "[5,15) x"});
}

// Without `last`, `delta` or `rate` no window knows when the readings before the first variant came.
TEST_F(RowLabelsOf, window_without_last_are_not_those_of_a_late_reading_that_is_the_first_with_other_ones) {
  options.windows[0].aggregates = {Aggregate::count, Aggregate::avg};
  options.sources[0].time.max_out_of_orderness = Duration::seconds(100);
  expect_finals("older than those of the newest window", {{1, "z"}, {5, "z"}, {3, "x"}}, {"[0,10) z"});
  expect_finals("newer", {{1, "z"}, {5, "z"}, {6, "x"}}, {"[0,10) x"});
  expect_finals("of the same time", {{1, "z"}, {5, "z"}, {5, "x"}}, {"[0,10) x"});
  expect_finals("in an older window", {{1, "z"}, {5, "z"}, {11, "z"}, {3, "x"}}, {"[0,10) z", "[10,20) z"});
  expect_finals("alone in an older window", {{11, "z"}, {3, "x"}}, {"[0,10) x", "[10,20) z"});
  expect_finals("in windows after it", {{1, "z"}, {5, "x"}, {12, "z"}, {11, "x"}}, {"[0,10) x", "[10,20) z"});
  options.windows[0].kind = WindowKind::running;
  Pipeline pipeline(options);
  for (const ReadLabels& reading : std::vector<ReadLabels>{{1, "z"}, {5, "z"}, {3, "x"}}) take(pipeline, reading);
  EXPECT_EQ(pipeline.key_of(tick(pipeline, 10).rows.at(0))->labels.back().value, "z");
}

TEST_F(RowLabelsOf, window_without_readings_are_those_of_the_newest_reading_before_it) {
  options.windows[0].emit_empty = true;
  expect_finals("between two", {{1, "z"}, {5, "x"}, {35, "y"}},
                {"[0,10) x", "empty [10,20) x", "empty [20,30) x", "[30,40) y"});
  expect_finals("back to the first", {{1, "z"}, {5, "x"}, {15, "z"}, {35, "z"}},
                {"[0,10) x", "[10,20) z", "empty [20,30) z", "[30,40) z"});
  expect_finals("of one set", {{1, "z"}, {35, "z"}}, {"[0,10) z", "empty [10,20) z", "empty [20,30) z", "[30,40) z"});
  options.windows[0].kind = WindowKind::sliding;
  options.windows[0].slide = Duration::seconds(10);
  expect_finals("sliding", {{1, "z"}, {5, "x"}, {25, "y"}}, {"[0,10) x", "empty [10,20) x", "[20,30) y"});
}

// The first reading with other labels comes late, between two that had none.
TEST_F(RowLabelsOf, window_without_readings_are_those_of_a_late_reading_that_is_the_first_with_other_ones) {
  options.windows[0].emit_empty = true;
  options.sources[0].time.max_out_of_orderness = Duration::seconds(100);
  for_windows_beside_each_other([&] {
    expect_finals("before an empty one", {{1, "z"}, {35, "z"}, {15, "x"}},
                  {"[0,10) z", "[10,20) x", "empty [20,30) x", "[30,40) z"});
    expect_finals("one of the first between", {{1, "z"}, {22, "z"}, {45, "z"}, {15, "x"}},
                  {"[0,10) z", "[10,20) x", "[20,30) z", "empty [30,40) z", "[40,50) z"});
    expect_finals("and others", {{1, "z"}, {35, "z"}, {15, "x"}, {16, "y"}, {21, "z"}, {55, "z"}},
                  {"[0,10) z", "[10,20) y", "[20,30) z", "[30,40) z", "empty [40,50) z", "[50,60) z"});
    expect_finals("before all others", {{12, "z"}, {45, "z"}, {5, "x"}},
                  {"[0,10) x", "[10,20) z", "empty [20,30) z", "empty [30,40) z", "[40,50) z"});
  });
}

// Windows are final one after the other, some of them before the reading with other labels comes.
TEST_F(RowLabelsOf, window_without_readings_are_those_of_windows_that_are_past) {
  options.windows[0].emit_empty = true;
  options.sources[0].time.max_out_of_orderness = Duration::seconds(30);
  for_windows_beside_each_other([&] {
    expect_finals("x, then z", {{1, "z"}, {22, "z"}, {45, "z"}, {15, "x"}, {61, "z"}, {64, "z"}, {71, "z"}, {99, "z"}},
                  {"[0,10) z", "[10,20) x", "[20,30) z", "empty [30,40) z", "[40,50) z", "empty [50,60) z", "[60,70) z",
                   "[70,80) z", "empty [80,90) z", "[90,100) z"});
    expect_finals("z, then x", {{1, "z"}, {12, "z"}, {45, "z"}, {22, "x"}, {61, "z"}, {64, "z"}, {71, "z"}, {99, "z"}},
                  {"[0,10) z", "[10,20) z", "[20,30) x", "empty [30,40) x", "[40,50) z", "empty [50,60) z", "[60,70) z",
                   "[70,80) z", "empty [80,90) z", "[90,100) z"});
  });
}

TEST_F(RowLabelsOf, window_without_readings_stay_when_the_series_with_them_is_evicted) {
  options.windows[0].emit_empty = true;
  options.windows[0].kind = WindowKind::tumbling;
  options.max_series = 2;
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  for (const bool restarts : {false, true}) {
    Pipeline pipeline(options);
    pipeline.connected(SourceId{0}, moment(0));
    take(pipeline, {1, "z"}, 1);
    take(pipeline, {5, "x"}, 5);
    tick(pipeline, 100);
    tick(pipeline, 101);
    take(pipeline, {102, "z"}, 102, "b");
    EXPECT_EQ(pipeline.counters().refused_total(), 0U);
    if (restarts) restart(pipeline);
    std::vector<std::string> labels;
    for (const Row& row : tick(pipeline, 130).rows) {
      if (pipeline.key_of(row)->sensor == "a") labels.push_back(pipeline.key_of(row)->labels.back().value);
    }
    EXPECT_FALSE(labels.empty());
    EXPECT_EQ(labels, std::vector<std::string>(labels.size(), "x"));
  }
}

TEST_F(RowLabelsOf, derived_metric_are_those_of_the_newest_reading_of_its_inputs) {
  options.windows[0].derived = {product("power", "v", "c")};
  const std::vector<ReadLabels> readings = {{1, "z", "v"}, {1, "z", "c"}, {5, "x", "v"}, {6, "y", "c"}, {2, "x", "c"}};
  options.sources[0].time.max_out_of_orderness = Duration::seconds(100);
  expect_finals("of both", readings, {"c [0,10) y", "power [0,10) y", "v [0,10) x"});
  expect_finals("each input its own", {{1, "z", "v"}, {2, "y", "c"}}, {"c [0,10) y", "power [0,10) y", "v [0,10) z"});
  expect_finals("the first input of those of one time", {{1, "z", "c"}, {1, "y", "v"}},
                {"c [0,10) z", "power [0,10) y", "v [0,10) y"});
  expect_finals("of one set", {{1, "z", "v"}, {2, "z", "c"}}, {"c [0,10) z", "power [0,10) z", "v [0,10) z"});
  expect_finals("each window has its own", {{1, "z", "v"}, {1, "z", "c"}, {11, "x", "v"}, {12, "x", "c"}},
                {"c [0,10) z", "c [10,20) x", "power [0,10) z", "power [10,20) x", "v [0,10) z", "v [10,20) x"});
}

}  // namespace
}  // namespace edgetide::test
