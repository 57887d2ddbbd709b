// Which readings a window takes and how its rows are rolled up and chosen, in cases that a reader can check by hand.
#include <gmock/gmock.h>
#include <utility>

#include "pipeline/glob.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

void read_labelled(Pipeline& pipeline, const Series& series, double time, double value, SourceId source = SourceId{0}) {
  auto id = pipeline.series().find(series.sensor, series.metric);
  if (!id) id = pipeline.add_series(series, source);
  const Reading reading{*id, at(time), value};
  pipeline.apply({source, std::nullopt, std::span(&reading, 1)});
}

TEST(Glob, star_is_any_run_and_question_mark_any_byte_of_the_whole_text) {
  const struct {
    const char* glob;
    const char* text;
    bool matches;
  } cases[] = {
      {"", "", true},           {"", "a", false},          {"*", "", true},
      {"*", "abc", true},       {"abc", "abc", true},      {"abc", "abcd", false},
      {"abc", "Abc", false},    {"a?c", "abc", true},      {"a?c", "ac", false},
      {"a*", "a", true},        {"*c", "abc", true},       {"*c", "abcd", false},
      {"a*b*c", "aXbYc", true}, {"a*b*c", "aXcYb", false}, {"*ab*ab", "ababab", true},
      {"**?", "x", true},       {"[ab]", "a", false},      {"[ab]", "[ab]", true},
  };
  for (const auto& c : cases) EXPECT_EQ(glob_matches(c.glob, c.text), c.matches) << c.glob << " on " << c.text;
}

TEST(Match, takes_what_fits_every_condition_and_the_rest_is_counted_as_unmatched) {
  const Series series{"hall/7", "temperature", "", {{"site", "lyon"}}};
  const struct {
    const char* what;
    void (*ask)(MatchOptions&);
    bool takes;
  } cases[] = {
      {"nothing asked", [](MatchOptions&) {}, true},
      {"source", [](MatchOptions& match) { match.source = {"s"}; }, true},
      {"another source", [](MatchOptions& match) { match.source = {"plant*"}; }, false},
      {"sensor",
       [](MatchOptions& match) {
         match.sensor = {"yard/*", "hall/?"};
       },
       true},
      {"another sensor", [](MatchOptions& match) { match.sensor = {"yard/*"}; }, false},
      {"metric", [](MatchOptions& match) { match.metric = {"temp*"}; }, true},
      {"another metric", [](MatchOptions& match) { match.metric = {"power"}; }, false},
      {"label",
       [](MatchOptions& match) {
         match.labels = {{"site", {"l*"}}};
       },
       true},
      {"another label value",
       [](MatchOptions& match) {
         match.labels = {{"site", {"paris"}}};
       },
       false},
      {"missing label is empty",
       [](MatchOptions& match) {
         match.labels = {{"line", {""}}};
       },
       true},
      {"missing label",
       [](MatchOptions& match) {
         match.labels = {{"line", {"?*"}}};
       },
       false},
      {"one of two labels",
       [](MatchOptions& match) {
         match.labels = {{"site", {"*"}}, {"line", {"1"}}};
       },
       false},
      {"value at the least", [](MatchOptions& match) { match.min = 20; }, true},
      {"value at the most", [](MatchOptions& match) { match.max = 20; }, true},
      {"value below", [](MatchOptions& match) { match.min = 20.1; }, false},
      {"value above", [](MatchOptions& match) { match.max = 19.9; }, false},
  };
  for (const auto& c : cases) {
    PipelineOptions options = one_window();
    c.ask(options.windows[0].match);
    Pipeline pipeline(options);
    read_labelled(pipeline, series, 5, 20);
    EXPECT_EQ(pipeline.open_windows(), c.takes ? 1U : 0U) << c.what;
    EXPECT_EQ(pipeline.counters().of(ReadingOutcome::unmatched), c.takes ? 0U : 1U) << c.what;
  }
}

TEST(Match, several_definitions_share_one_pass_and_a_reading_is_counted_once) {
  PipelineOptions options = one_window();
  options.windows.push_back(options.windows[0]);
  options.windows[1].size = Duration::seconds(20);
  options.windows[1].match.sensor = {"a"};
  Pipeline pipeline(options);
  read(pipeline, "a", 12, 2);
  read(pipeline, "b", 13, 3);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 2U);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)),
              ElementsAre("a [10,20) open r1: 1 2", "b [10,20) open r1: 1 3", "a [0,20) open r1: 1 2"));
}

// Readings below 5 are left out by the first window. By hand: the one at 12 moves the watermark to 12, so that those at
// 3 and 4 are late for [0,10), with or without a window that takes the one at 12.
TEST(Match, reading_that_no_window_takes_moves_its_watermark_so_that_other_windows_change_nothing) {
  for (const bool with_another : {false, true}) {
    PipelineOptions options = one_window();
    options.windows[0].match.min = 5;
    if (with_another) {
      options.windows.push_back(options.windows[0]);
      options.windows[1].match = {};
    }
    Pipeline pipeline(options);
    read(pipeline, "a", 1, 7);
    read(pipeline, "a", 12, 1);
    read(pipeline, "a", 3, 7);
    read(pipeline, "a", 4, 7);
    EXPECT_EQ(lines(pipeline, tick(pipeline, 1)).at(0), "a [0,10) final r1: 1 7");
    const Counters counters = pipeline.counters();
    EXPECT_EQ(counters.of(ReadingOutcome::on_time), with_another ? 2U : 1U);
    EXPECT_EQ(counters.of(ReadingOutcome::late_dropped), 2U);
    EXPECT_EQ(counters.of(ReadingOutcome::unmatched), with_another ? 0U : 1U);
    EXPECT_EQ(counters.refused_total(), 0U);
    EXPECT_EQ(counters.received, 4U);
  }
}

TEST(Scope, slowest_active_sensor_of_a_source_holds_its_windows_open) {
  PipelineOptions options = one_window();
  options.sources[0].time.scope = WatermarkScope::source;
  Pipeline pipeline(options);
  read(pipeline, "slow", 1);
  read(pipeline, "fast", 25);
  read(pipeline, "fast", 2);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 3U);
  read(pipeline, "slow", 11);
  read(pipeline, "fast", 3);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 1U);
}

TEST(Scope, slowest_active_source_holds_the_windows_of_all_open) {
  PipelineOptions options = one_window();
  options.sources[0].time.scope = WatermarkScope::global;
  options.sources.push_back({"t", options.sources[0].time});
  options.windows[0].inputs = {SourceId{0}, SourceId{1}};
  Pipeline pipeline(options);
  const auto read_from = [&](std::uint32_t source, const char* sensor, double time) {
    read_labelled(pipeline, {sensor, "t", {}, {}}, time, 1, SourceId{source});
  };
  read_from(1, "b", 1);
  read_from(0, "a", 25);
  read_from(0, "a", 2);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), 0U);
  read_from(1, "b", 11);
  read_from(0, "a", 3);
  EXPECT_EQ(pipeline.counters(SourceId{0}).of(ReadingOutcome::late_dropped), 1U);
}

TEST(Groups, cube_adds_every_subset_of_the_columns) {
  PipelineOptions options = one_window();
  options.windows[0].group_by = {"site", "line"};
  options.windows[0].cube = true;
  Pipeline pipeline(options);
  read_labelled(pipeline, {"a", "t", "", {{"line", "1"}, {"site", "x"}}}, 1, 10);
  read_labelled(pipeline, {"b", "t", "", {{"line", "2"}, {"site", "x"}}}, 2, 20);
  read_labelled(pipeline, {"c", "t", "", {{"site", "y"}}}, 3, 30);
  EXPECT_EQ(pipeline.counters().of(ReadingOutcome::on_time), 3U);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)),
              ElementsAre("* [0,10) open r1: 3 60", "line= [0,10) open r1: 1 30", "line=1 [0,10) open r1: 1 10",
                          "line=2 [0,10) open r1: 1 20", "site=x [0,10) open r1: 2 30",
                          "site=x,line=1 [0,10) open r1: 1 10", "site=x,line=2 [0,10) open r1: 1 20",
                          "site=y [0,10) open r1: 1 30", "site=y,line= [0,10) open r1: 1 30"));
}

TEST(Top, only_the_largest_of_each_start_leave_and_the_others_count_as_left) {
  PipelineOptions options = one_window();
  options.windows[0].top = TopOptions{2, Aggregate::sum};
  Pipeline pipeline(options);
  for (const auto& [sensor, value] : {std::pair{"a", 5.0}, {"b", 9.0}, {"c", 7.0}, {"d", 7.0}}) {
    read(pipeline, sensor, 1, value);
    read(pipeline, sensor, 11, -value);
  }
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)), ElementsAre("b [0,10) final r1: 1 9", "c [0,10) final r1: 1 7",
                                                              "a [10,20) open r1: 1 -5", "c [10,20) open r1: 1 -7"));
  EXPECT_THAT(lines(pipeline, tick(pipeline, 20)), IsEmpty());
}

// By sum, of [0,10); the watermark is raised to `raised` before the tick.
struct TopStep {
  const char* what;
  std::vector<std::pair<std::string, double>> readings;
  double raised;
  std::vector<std::string> rows;
};

// "a 1: open r1: 2 10": the sensor with its rank, and the row.
std::vector<std::string> ranked_lines(const Pipeline& pipeline, const Emission& emission) {
  std::vector<std::string> ranked = lines(pipeline, emission);
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    ranked[i] = std::to_string(emission.rows[i].rank) + ' ' + ranked[i];
  }
  return ranked;
}

TEST(Top, ranking_leaves_whole_when_it_changes_and_rows_that_fall_out_are_retracted) {
  const std::vector<TopStep> steps = {
      {"the first two", {{"a", 5}, {"b", 9}}, 0, {"1 b [0,10) open r1: 1 9", "2 a [0,10) open r1: 1 5"}},
      {"a third takes the second place",
       {{"c", 7}},
       0,
       {"0 a [0,10) retracted r2: nan nan", "1 b [0,10) open r2: 1 9", "2 c [0,10) open r1: 1 7"}},
      {"another below them", {{"d", 1}}, 0, {}},
      {"it stays there", {{"d", 1}}, 0, {}},
      {"the first two change places", {{"c", 4}}, 0, {"1 c [0,10) open r2: 2 11", "2 b [0,10) open r3: 1 9"}},
      {"and is back",
       {{"a", 5}},
       0,
       {"0 b [0,10) retracted r4: nan nan", "1 c [0,10) open r3: 2 11", "2 a [0,10) open r3: 2 10"}},
      {"the window ends", {}, 10, {"1 c [0,10) final r4: 2 11", "2 a [0,10) final r4: 2 10"}},
  };
  for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding}) {
    for (const bool restarts : {false, true}) {
      PipelineOptions options = one_window();
      options.windows[0].kind = kind;
      options.windows[0].slide = Duration::seconds(10);
      options.windows[0].trigger = Duration::seconds(1);
      options.windows[0].top = TopOptions{2, Aggregate::sum};
      Pipeline pipeline(options);
      double now = 1;
      for (const TopStep& step : steps) {
        for (const auto& [sensor, value] : step.readings) read(pipeline, sensor, 1, value);
        if (step.raised > 0) pipeline.raise_watermarks(at(step.raised));
        if (restarts) {
          const std::string bytes = pipeline.snapshot();
          pipeline = Pipeline(options);
          ASSERT_EQ(pipeline.restore(bytes, Connections::go_on), std::nullopt);
        }
        EXPECT_EQ(ranked_lines(pipeline, tick(pipeline, ++now)), step.rows) << step.what;
      }
    }
  }
}

// By group: what is read of it, and the time up to which it reads.
TEST(Top, of_groups_is_final_as_a_whole_whichever_group_is_ahead) {
  for (const WatermarkScope scope : {WatermarkScope::sensor, WatermarkScope::global, WatermarkScope::stream}) {
    for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding}) {
      for (const bool restarts : {false, true}) {
        PipelineOptions options = one_window();
        options.sources[0].time.scope = scope;
        options.windows[0].kind = kind;
        options.windows[0].slide = Duration::seconds(10);
        options.windows[0].trigger = Duration::seconds(1);
        options.windows[0].group_by = {"site"};
        options.windows[0].top = TopOptions{1, Aggregate::sum};
        Pipeline pipeline(options);
        const auto firing = [&](double time) {
          if (restarts) {
            const std::string bytes = pipeline.snapshot();
            pipeline = Pipeline(options);
            EXPECT_EQ(pipeline.restore(bytes, Connections::go_on), std::nullopt);
          }
          return ranked_lines(pipeline, tick(pipeline, time));
        };
        read_labelled(pipeline, {"a", "t", "", {{"site", "x"}}}, 5, 3);
        read_labelled(pipeline, {"b", "t", "", {{"site", "y"}}}, 5, 9);
        EXPECT_THAT(firing(1), ElementsAre("1 site=y [0,10) open r1: 1 9"));
        read_labelled(pipeline, {"b", "t", "", {{"site", "y"}}}, 30, 1);
        EXPECT_THAT(firing(2), ElementsAre("1 site=y [30,40) open r1: 1 1"));
        read_labelled(pipeline, {"a", "t", "", {{"site", "x"}}}, 6, 8);
        EXPECT_THAT(firing(3), ElementsAre("0 site=y [0,10) retracted r2: nan nan", "1 site=x [0,10) open r1: 2 11"));
        read_labelled(pipeline, {"a", "t", "", {{"site", "x"}}}, 30, 0);
        EXPECT_THAT(firing(4), ElementsAre("1 site=x [0,10) final r2: 2 11"));
      }
    }
  }
}

// [0,10) of x is final, and [0,10) of y is not, when `top` comes or goes.
TEST(Top, of_groups_that_comes_or_goes_opens_no_window_again) {
  for (const bool comes : {true, false}) {
    PipelineOptions options = one_window();
    options.windows[0].trigger = Duration::seconds(1);
    options.windows[0].group_by = {"site"};
    options.windows[0].top = TopOptions{5, Aggregate::sum};
    if (comes) options.windows[0].top.reset();
    Pipeline pipeline(options);
    read_labelled(pipeline, {"a", "t", "", {{"site", "x"}}}, 5, 3);
    read_labelled(pipeline, {"a", "t", "", {{"site", "x"}}}, 30, 3);
    if (comes) read_labelled(pipeline, {"b", "t", "", {{"site", "y"}}}, 5, 9);
    tick(pipeline, 1);
    options.windows[0].top = comes ? std::optional(TopOptions{5, Aggregate::sum}) : std::nullopt;
    const std::string bytes = pipeline.snapshot();
    pipeline = Pipeline(options);
    ASSERT_EQ(pipeline.restore(bytes, Connections::go_on), std::nullopt);
    const std::uint64_t dropped = pipeline.counters().of(ReadingOutcome::late_dropped);
    read_labelled(pipeline, {"a", "t", "", {{"site", "x"}}}, 6, 1);
    EXPECT_EQ(pipeline.counters().of(ReadingOutcome::late_dropped), dropped + 1) << comes;
    EXPECT_EQ(pipeline.snapshot(), [&] {
      Pipeline again(options);
      EXPECT_EQ(again.restore(pipeline.snapshot(), Connections::go_on), std::nullopt);
      return again.snapshot();
    }());
  }
}

// Sums a 5, b 9, c 7 and d 1 of [0,10), which were emitted with one `top`, at the first firing with another.
TEST(Top, that_is_changed_ranks_again_at_the_next_firing) {
  const TopOptions by_sum{2, Aggregate::sum};
  const struct {
    const char* what;
    std::optional<TopOptions> before, after;
    std::vector<std::string> rows;
  } cases[] = {
      {"the same", by_sum, by_sum, {}},
      {"fewer", by_sum, TopOptions{1, Aggregate::sum}, {"0 c [0,10) retracted r2: nan nan", "1 b [0,10) open r2: 1 9"}},
      {"more",
       by_sum,
       TopOptions{3, Aggregate::sum},
       {"1 b [0,10) open r2: 1 9", "2 c [0,10) open r2: 1 7", "3 a [0,10) open r1: 1 5"}},
      {"by another aggregate",
       by_sum,
       TopOptions{2, Aggregate::count},
       {"0 b [0,10) retracted r2: nan nan", "0 c [0,10) retracted r2: nan nan", "1 d [0,10) open r1: 2 1",
        "2 a [0,10) open r1: 1 5"}},
      {"none",
       by_sum,
       std::nullopt,
       {"0 a [0,10) open r1: 1 5", "0 b [0,10) open r2: 1 9", "0 c [0,10) open r2: 1 7", "0 d [0,10) open r1: 2 1"}},
      {"none before",
       std::nullopt,
       by_sum,
       {"0 a [0,10) retracted r2: nan nan", "0 d [0,10) retracted r2: nan nan", "1 b [0,10) open r2: 1 9",
        "2 c [0,10) open r2: 1 7"}},
  };
  for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding, WindowKind::session, WindowKind::running}) {
    for (const auto& c : cases) {
      PipelineOptions options = one_window();
      options.windows[0].kind = kind;
      options.windows[0].slide = options.windows[0].gap = Duration::seconds(10);
      options.windows[0].trigger = Duration::seconds(1);
      options.windows[0].top = c.before;
      Pipeline pipeline(options);
      for (const auto& [sensor, value] : {std::pair{"a", 5.0}, {"b", 9.0}, {"c", 7.0}, {"d", -2.0}, {"d", 3.0}}) {
        read(pipeline, sensor, 0, value);
      }
      tick(pipeline, 1);
      options.windows[0].top = c.after;
      const std::string bytes = pipeline.snapshot();
      pipeline = Pipeline(options);
      ASSERT_EQ(pipeline.restore(bytes, Connections::go_on), std::nullopt);
      const std::string again = pipeline.snapshot();
      pipeline = Pipeline(options);
      ASSERT_EQ(pipeline.restore(again, Connections::go_on), std::nullopt);
      std::vector<std::string> rows = ranked_lines(pipeline, tick(pipeline, 2));
      for (std::string& row : rows) row.replace(row.find('['), row.find(')') - row.find('[') + 1, "[0,10)");
      EXPECT_EQ(rows, c.rows) << c.what << ", " << traits_of(kind).name;
      EXPECT_THAT(lines(pipeline, tick(pipeline, 3)), IsEmpty()) << c.what;
    }
  }
}

TEST(Top, running_totals_are_ranked_with_those_that_did_not_change) {
  PipelineOptions options = one_window();
  options.windows[0].kind = WindowKind::running;
  options.windows[0].trigger = Duration::seconds(1);
  options.windows[0].top = TopOptions{1, Aggregate::sum};
  Pipeline pipeline(options);
  read(pipeline, "a", 1, 5);
  EXPECT_EQ(tick(pipeline, 1).rows.size(), 1U);
  read(pipeline, "b", 1, 3);
  EXPECT_EQ(tick(pipeline, 2).rows.size(), 0U);
  read(pipeline, "b", 1, 3);
  const Emission emission = tick(pipeline, 3);
  ASSERT_EQ(emission.rows.size(), 2U);
  EXPECT_EQ(emission.rows[0].state, RowState::retracted);
  EXPECT_EQ(pipeline.key_of(emission.rows[0])->sensor, "a");
  EXPECT_EQ(pipeline.key_of(emission.rows[1])->sensor, "b");
}

TEST(Deduplicate, second_reading_of_an_event_time_is_dropped_and_counted) {
  PipelineOptions options = one_window();
  options.windows[0].deduplicate = true;
  Pipeline pipeline(options);
  read(pipeline, "a", 1, 5);
  read(pipeline, "a", 1, 6);
  read(pipeline, "b", 1, 7);
  read(pipeline, "a", 1.5, 8);
  EXPECT_EQ(pipeline.counters().duplicates(), 1U);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)), ElementsAre("a [0,10) open r1: 2 13", "b [0,10) open r1: 1 7"));
}

TEST(EmitEmpty, windows_without_a_reading_leave_as_closed_and_as_final) {
  PipelineOptions options = one_window();
  options.windows[0].emit_empty = true;
  options.windows[0].allowed_lateness = Duration::seconds(15);
  Pipeline pipeline(options);
  read(pipeline, "a", 1);
  read(pipeline, "a", 31);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)), ElementsAre("a [0,10) final r1: 1 1", "a [10,20) closed r1: 0 nan",
                                                              "a [20,30) closed r1: 0 nan", "a [30,40) open r1: 1 1"));
  read(pipeline, "a", 22, 4);  // it had a reading after all
  read(pipeline, "a", 36);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 20)),
              ElementsAre("a [10,20) final r2: 0 nan", "a [20,30) closed r2: 1 4", "a [30,40) open r2: 2 2"));
}

TEST(EmitEmpty, end_of_the_input_makes_those_final_that_are_past_for_the_newest_reading) {
  PipelineOptions options = one_window();
  options.windows[0].emit_empty = true;
  options.windows[0].allowed_lateness = Duration::seconds(60);
  options.sources[0].time.max_out_of_orderness = Duration::seconds(10);
  Pipeline pipeline(options);
  read(pipeline, "a", 1);
  read(pipeline, "a", 35);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)),
              ElementsAre("a [0,10) closed r1: 1 1", "a [10,20) closed r1: 0 nan", "a [30,40) open r1: 1 1"));
  pipeline.raise_watermarks(Timestamp::latest());
  EXPECT_THAT(lines(pipeline, tick(pipeline, 20)), ElementsAre("a [0,10) final r2: 1 1", "a [10,20) final r2: 0 nan",
                                                               "a [20,30) final r1: 0 nan", "a [30,40) final r2: 1 1"));
  EXPECT_TRUE(tick(pipeline, 40).rows.empty());
}

// a at :01, b at :45, and perhaps a tick before the end of all input, which makes the same rows final without it; or a
// restart behind it.
TEST(EmitEmpty, end_of_the_input_makes_the_same_rows_final_whatever_left_before) {
  const struct {
    WatermarkScope scope;
    std::optional<double> raised;
    std::vector<std::string> rows;
  } cases[] = {
      {WatermarkScope::sensor, {}, {"a [0,10)", "b [40,50)"}},
      {WatermarkScope::sensor, 25, {"a [0,10)", "a [10,20)", "b [40,50)"}},
      {WatermarkScope::source, {}, {"a [0,10)", "b [40,50)"}},
      {WatermarkScope::global, {}, {"a [0,10)", "b [40,50)"}},
      {WatermarkScope::stream, {}, {"a [0,10)", "a [10,20)", "a [20,30)", "a [30,40)", "b [40,50)"}},
  };
  for (const auto& c : cases) {
    for (const auto& [ticks, restarts] : {std::pair(false, false), std::pair(true, false), std::pair(false, true)}) {
      PipelineOptions options = one_window();
      options.windows[0].emit_empty = true;
      options.windows[0].allowed_lateness = Duration::seconds(7);
      options.sources[0].time.scope = c.scope;
      options.sources[0].time.max_out_of_orderness = Duration::seconds(10);
      Pipeline pipeline(options);
      std::vector<std::string> finals;
      const auto keep = [&](double now) {
        const Emission emission = tick(pipeline, now, Fire::all);
        const std::vector<std::string> all = lines(pipeline, emission);
        for (std::size_t i = 0; i < all.size(); ++i) {
          if (emission.rows[i].state == RowState::final) finals.push_back(all[i].substr(0, all[i].find(')') + 1));
        }
      };
      read(pipeline, "a", 1);
      read(pipeline, "b", 45);
      if (c.raised) pipeline.raise_watermarks(at(*c.raised));
      if (ticks) keep(1);
      pipeline.raise_watermarks(Timestamp::latest());
      if (restarts) {
        const std::string bytes = pipeline.snapshot();
        pipeline = Pipeline(options);
        ASSERT_EQ(pipeline.restore(bytes), std::nullopt);
      }
      keep(2);
      std::sort(finals.begin(), finals.end());
      EXPECT_EQ(finals, c.rows) << static_cast<int>(c.scope) << ticks << restarts;
    }
  }
}

// All sensors are silent, and the clock of the source has passed windows of a, whose own clock is behind.
TEST(EmitEmpty, end_of_the_input_after_silence_makes_the_rows_that_a_tick_before_it_makes) {
  for (const WatermarkScope scope : {WatermarkScope::source, WatermarkScope::global, WatermarkScope::stream}) {
    std::set<std::string> rows[2];
    for (const bool ticks : {false, true}) {
      PipelineOptions options = one_window();
      options.windows[0].emit_empty = true;
      options.windows[0].allowed_lateness = Duration::seconds(25);
      options.sources[0].time.scope = scope;
      options.sources[0].time.idle_timeout = Duration::seconds(8);
      Pipeline pipeline(options);
      const auto keep = [&](double now) {
        for (const std::string& line : lines(pipeline, tick(pipeline, now, Fire::all)))
          rows[ticks].insert(line.substr(0, line.find(')') + 1));
      };
      pipeline.connected(SourceId{0}, moment(0));
      read_at(pipeline, 1, "a", -42);
      read_at(pipeline, 16, "b", 15);
      if (ticks) keep(76);
      pipeline.raise_watermarks(Timestamp::latest());
      keep(76);
    }
    EXPECT_TRUE(rows[0].contains("a [30,40)")) << static_cast<int>(scope);
    EXPECT_EQ(rows[0], rows[1]) << static_cast<int>(scope);
  }
}

// The clock went on for an idle sensor, which then is no longer idle.
TEST(EmitEmpty, end_of_the_input_leaves_no_row_closed) {
  PipelineOptions options = one_window();
  options.windows[0].emit_empty = true;
  options.windows[0].allowed_lateness = Duration::seconds(20);
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 1, "a", 1);
  std::map<Timestamp, RowState> states;
  const auto keep = [&](const Emission& emission) {
    for (const Row& row : emission.rows) states[row.start] = row.state;
  };
  keep(tick(pipeline, 100));
  read_at(pipeline, 101, "a", 35);
  pipeline.raise_watermarks(Timestamp::latest());
  keep(tick(pipeline, 102, Fire::all));
  EXPECT_EQ(states.size(), 10U);  // up to [90,100)
  for (const auto& [start, state] : states) EXPECT_EQ(state, RowState::final) << start.count();
}

// The clock has passed windows behind a reading that comes with the end.
TEST(EmitEmpty, end_of_the_input_leaves_no_row_closed_behind_an_earlier_reading) {
  PipelineOptions options = one_window();
  options.windows[0].emit_empty = true;
  options.sources[0].time.scope = WatermarkScope::stream;
  options.sources[0].time.max_out_of_orderness = Duration::seconds(40);
  options.sources[0].time.idle_timeout = Duration::seconds(60);
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  read_at(pipeline, 1, "a", 61);
  std::map<Timestamp, RowState> states;
  const auto keep = [&](const Emission& emission) {
    for (const Row& row : emission.rows) states[row.start] = row.state;
  };
  read_at(pipeline, 100, "b", 61);
  keep(tick(pipeline, 100));  // up to 120 by the clock of a, which is silent; its source is not
  EXPECT_EQ(states.size(), 6U);
  read_at(pipeline, 101, "a", 25);
  pipeline.raise_watermarks(Timestamp::latest());
  keep(tick(pipeline, 102, Fire::all));
  EXPECT_EQ(states.size(), 10U);  // from [20,30) on
  for (const auto& [start, state] : states) EXPECT_EQ(state, RowState::final) << start.count();
}

// Three readings, in any order, that are all on time; a tick or a restart after each of them.
TEST(EmitEmpty, windows_are_missed_from_the_earliest_reading_on_in_whatever_order_readings_come) {
  for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding}) {
    for (const bool ticks : {false, true}) {
      std::vector<double> times = {25, 55, 85};
      do {
        PipelineOptions options = one_window();
        options.sources[0].time.max_out_of_orderness = Duration::minutes(2);
        options.windows[0].emit_empty = true;
        options.windows[0].kind = kind;
        options.windows[0].slide = Duration::seconds(10);
        options.windows[0].trigger = Duration::seconds(1);
        Pipeline pipeline(options);
        for (std::size_t i = 0; i < times.size(); ++i) {
          read(pipeline, "a", times[i], 1);
          if (!ticks) continue;
          tick(pipeline, static_cast<double>(i));
          const std::string bytes = pipeline.snapshot();
          pipeline = Pipeline(options);
          ASSERT_EQ(pipeline.restore(bytes, Connections::go_on), std::nullopt);
        }
        pipeline.raise_watermarks(Timestamp::latest());
        std::vector<std::string> rows = lines(pipeline, tick(pipeline, 20, Fire::all));
        for (std::string& row : rows) row.erase(row.find(" r"), 3);
        EXPECT_THAT(rows, ElementsAre("a [20,30) final: 1 1", "a [30,40) final: 0 nan", "a [40,50) final: 0 nan",
                                      "a [50,60) final: 1 1", "a [60,70) final: 0 nan", "a [70,80) final: 0 nan",
                                      "a [80,90) final: 1 1"))
            << ticks << times[0] << ' ' << times[1];
      } while (std::next_permutation(times.begin(), times.end()));
    }
  }
}

// The clock of an idle sensor has closed empty windows when an earlier reading comes.
TEST(EmitEmpty, windows_before_the_first_that_came_leave_once_as_closed_and_once_as_final) {
  PipelineOptions options = one_window();
  options.windows[0].emit_empty = true;
  options.windows[0].allowed_lateness = Duration::seconds(60);
  options.windows[0].trigger = Duration::seconds(1);
  Pipeline pipeline(options);
  read(pipeline, "a", 35);
  read(pipeline, "a", 65);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)), ElementsAre("a [30,40) closed r1: 1 1", "a [40,50) closed r1: 0 nan",
                                                              "a [50,60) closed r1: 0 nan", "a [60,70) open r1: 1 1"));
  read(pipeline, "a", 15);  // late, but not final
  EXPECT_THAT(lines(pipeline, tick(pipeline, 2)),
              ElementsAre("a [10,20) closed r1: 1 1", "a [20,30) closed r1: 0 nan"));
  EXPECT_THAT(lines(pipeline, tick(pipeline, 3)), IsEmpty());
  pipeline.raise_watermarks(at(110));
  EXPECT_THAT(lines(pipeline, tick(pipeline, 4)),
              ElementsAre("a [10,20) final r2: 1 1", "a [20,30) final r2: 0 nan", "a [30,40) final r2: 1 1",
                          "a [40,50) final r2: 0 nan", "a [60,70) closed r2: 1 1", "a [70,80) closed r1: 0 nan",
                          "a [80,90) closed r1: 0 nan", "a [90,100) closed r1: 0 nan", "a [100,110) closed r1: 0 nan"));
}

TEST(EmitEmpty, time_at_the_end_of_all_times_has_no_window_behind_it) {
  const auto zone = std::make_shared<TimeZone>(
      "Europe/Test", std::vector<TimeZone::Offset>{{Timestamp::earliest(), Duration::hours(1)}});
  for (const bool in_zone : {false, true}) {
    for (const Duration before : {Duration(), Duration::microseconds(1), Duration::hours(5), Duration::days(3)}) {
      PipelineOptions options = one_window();
      WindowOptions& window = options.windows[0];
      window.emit_empty = true;
      if (in_zone) window.size = Duration::days(1), window.time_zone = zone;
      options.sources[0].time.max_out_of_orderness = Duration();
      Pipeline pipeline(options);
      read(pipeline, "a", 1);
      const Reading last{series_of(pipeline, "a"), Timestamp::latest() - before, 1};
      pipeline.apply({SourceId{0}, std::nullopt, std::span(&last, 1)});
      std::size_t rows = 0;
      for (int i = 0; i < 10; ++i) rows += tick(pipeline, 20 * i).rows.size();
      EXPECT_LE(rows, 2 * static_cast<std::size_t>(EmptyWindows::max_rows) + 2) << in_zone << ' ' << before.count();
      EXPECT_TRUE(tick(pipeline, 200).rows.empty()) << in_zone << ' ' << before.count();
    }
  }
}

TEST(DerivedMetric, joins_two_metrics_of_a_sensor_in_each_window_that_has_both) {
  PipelineOptions options = one_window();
  options.windows[0].aggregates = {Aggregate::count, Aggregate::avg};
  options.windows[0].derived = {product("power", "voltage", "current")};
  Pipeline pipeline(options);
  read_labelled(pipeline, {"m", "voltage", {}, {}}, 1, 230);
  EXPECT_THAT(lines(pipeline, tick(pipeline, 1)), ElementsAre("m [0,10) open r1: 1 230"));
  read_labelled(pipeline, {"m", "current", {}, {}}, 2, 1);
  read_labelled(pipeline, {"m", "current", {}, {}}, 3, 3);
  const Emission rows = tick(pipeline, 20);
  EXPECT_THAT(lines(pipeline, rows), ElementsAre("m [0,10) open r1: 2 2", "m [0,10) open r1: 1 460"));
  EXPECT_EQ(pipeline.key_of(rows.rows[1])->metric, "power");
}

std::vector<std::string> power_of(const Pipeline& pipeline, Emission rows) {
  std::erase_if(rows.rows, [&](const Row& row) { return pipeline.key_of(row)->metric != "power"; });
  return lines(pipeline, rows);
}

TEST(DerivedMetric, metric_that_is_heard_late_joins_no_window_that_was_final_then_whether_its_rows_had_left_or_not) {
  for (const bool ticked : {false, true}) {
    PipelineOptions options = one_window();
    options.windows[0].aggregates = {Aggregate::count, Aggregate::avg};
    options.windows[0].derived = {product("power", "voltage", "current")};
    options.windows[0].match.metric = {"current", "voltage"};
    Pipeline pipeline(options);
    read_labelled(pipeline, {"m", "voltage", {}, {}}, 1, 230);
    read_labelled(pipeline, {"m", "voltage", {}, {}}, 11, 240);
    if (ticked) tick(pipeline, 10);
    read_labelled(pipeline, {"m", "current", {}, {}}, 2, 1);
    read_labelled(pipeline, {"m", "current", {}, {}}, 12, 2);
    const Emission rows = tick(pipeline, 20);
    EXPECT_THAT(power_of(pipeline, rows), ElementsAre("m [10,20) open r1: 1 480")) << ticked;
  }
}

TEST(DerivedMetric, may_be_an_input_of_another_definition_also_after_a_restart) {
  PipelineOptions options = one_window();
  options.windows[0].aggregates = {Aggregate::count, Aggregate::avg};
  options.windows.push_back(options.windows[0]);
  options.windows[0].derived = {product("power", "voltage", "current")};
  options.windows[1].name = "second";
  options.windows[1].derived = {product("square", "power", "power")};
  Pipeline pipeline(options);
  read_labelled(pipeline, {"m", "voltage", {}, {}}, 1, 230);
  Pipeline restored(options);
  ASSERT_EQ(restored.restore(pipeline.snapshot(), Connections::go_on), std::nullopt);
  EXPECT_EQ(restored.snapshot(), pipeline.snapshot());
}

TEST(Complete, all_rows_that_are_not_final_leave_when_any_does) {
  PipelineOptions options = one_window();
  options.windows[0].complete = true;
  Pipeline pipeline(options);
  read(pipeline, "a", 1);
  read(pipeline, "b", 2);
  EXPECT_EQ(tick(pipeline, 1).rows.size(), 2U);
  EXPECT_THAT(tick(pipeline, 20).rows, IsEmpty());
  read(pipeline, "b", 3);
  const Emission rows = tick(pipeline, 40);
  EXPECT_THAT(lines(pipeline, rows), ElementsAre("a [0,10) open r2: 1 1", "b [0,10) open r2: 2 2"));
  EXPECT_FALSE(rows.rows[0].changed);
  EXPECT_TRUE(rows.rows[1].changed);
}

}  // namespace
}  // namespace edgetide::test
