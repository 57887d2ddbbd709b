// Readings that came too late, as the rows that they alone make.
#include "pipeline/late_rows.h"

#include <gtest/gtest.h>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

// "kitchen [0,10): 2 7" per row, with the values of two columns.
std::vector<std::string> lines_of(const AddedRows& added) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < added.rows.size(); ++i) {
    const AddedRow& row = added.rows[i];
    lines.push_back(row.key->sensor + " [" + std::to_string(row.start.count() / 1'000'000) + ',' +
                    std::to_string(row.end.count() / 1'000'000) +
                    "): " + std::to_string(static_cast<int>(added.values[2 * i])) + ' ' +
                    std::to_string(static_cast<int>(added.values[2 * i + 1])));
  }
  return lines;
}

class LateRows : public testing::Test {
 protected:
  LateRows() {
    options.windows[0].aggregates = {Aggregate::count, Aggregate::sum};
    options.windows[0].trigger = Duration::seconds(1);
  }
  Pipeline& pipeline() {
    if (!pipeline_) pipeline_.emplace(options);
    return *pipeline_;
  }
  Reading late(const std::string& sensor, double time, double value = 1) {
    return {series_of(pipeline(), sensor), at(time), value};
  }
  LateOutcome outcome(const Reading& reading) { return pipeline().late_outcome(WindowId{0}, SourceId{0}, reading); }
  std::vector<std::string> rows(const std::vector<Reading>& readings) {
    return lines_of(pipeline().late_rows(WindowId{0}, readings));
  }
  // Its windows of 10 s before `time` are final, and their rows were emitted.
  void pass(const std::string& sensor, double time) {
    read(pipeline(), sensor, time);
    tick(pipeline(), next_tick_++);
  }

  PipelineOptions options = one_window();

 private:
  std::optional<Pipeline> pipeline_;
  double next_tick_ = 1;
};

TEST_F(LateRows, of_tumbling_windows_have_the_late_readings_alone) {
  read(pipeline(), "a", 5, 100);
  pass("a", 100);
  EXPECT_EQ(outcome(late("a", 5)), LateOutcome::adds);
  EXPECT_EQ(rows({late("a", 31, 4), late("a", 5, 1), late("a", 7, 2), late("b", 5, 9)}),
            (std::vector<std::string>{"a [0,10): 2 3", "b [0,10): 1 9", "a [30,40): 1 4"}));
}

TEST_F(LateRows, of_sliding_windows_count_in_every_window) {
  options.windows[0].kind = WindowKind::sliding;
  options.windows[0].slide = Duration::seconds(5);
  pass("a", 100);
  EXPECT_EQ(outcome(late("a", 12)), LateOutcome::adds);
  EXPECT_EQ(rows({late("a", 12, 3)}), (std::vector<std::string>{"a [5,15): 1 3", "a [10,20): 1 3"}));
}

TEST_F(LateRows, of_groups_have_the_names_of_the_group) {
  options.windows[0].group_by = {"metric"};
  pass("a", 100);
  EXPECT_EQ(outcome(late("a", 5)), LateOutcome::adds);
  EXPECT_EQ(rows({late("a", 5, 3)}), (std::vector<std::string>{"metric=t [0,10): 1 3"}));
}

TEST_F(LateRows, wait_for_the_window_to_be_final_and_for_its_row) {
  options.windows[0].trigger = Duration::seconds(100);
  for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding}) {
    options.windows[0].kind = kind;
    options.windows[0].slide = Duration::seconds(10);
    Pipeline fresh(options);
    const Reading reading{series_of(fresh, "a"), at(5), 1};
    const auto outcome_now = [&] { return fresh.late_outcome(WindowId{0}, SourceId{0}, reading); };
    tick(fresh, 1);
    read(fresh, "a", 5);
    EXPECT_EQ(outcome_now(), LateOutcome::not_final);
    read(fresh, "a", 100);
    tick(fresh, 2);
    EXPECT_EQ(outcome_now(), LateOutcome::row_waits);
    tick(fresh, 101);
    EXPECT_EQ(outcome_now(), LateOutcome::adds);
  }
}

TEST_F(LateRows, are_made_of_what_the_definition_takes) {
  options.windows[0].match.max = 50;
  options.windows[0].match.sensor = {"a*"};
  pass("a", 100);
  EXPECT_EQ(outcome(late("a", 5, 51)), LateOutcome::unmatched);
  EXPECT_EQ(outcome(late("b", 5)), LateOutcome::unmatched);
  EXPECT_EQ(rows({late("a", 5, 51), late("b", 5)}), std::vector<std::string>());
}

TEST_F(LateRows, of_a_changed_definition_begin_where_it_has_taken_over) {
  pass("a", 100);
  PipelineOptions changed = options;
  changed.windows[0].size = Duration::seconds(20);
  Pipeline next(changed);
  ASSERT_FALSE(next.restore(pipeline().snapshot()));
  const Reading reading{series_of(next, "a"), at(5), 1};
  EXPECT_EQ(next.late_outcome(WindowId{0}, SourceId{0}, reading), LateOutcome::changed);
  next.take_over_changed();
  EXPECT_EQ(next.late_outcome(WindowId{0}, SourceId{0}, reading), LateOutcome::changed);
}

TEST_F(LateRows, change_no_state) {
  pass("a", 100);
  const Reading reading = late("a", 5);
  const std::string before = pipeline().snapshot();
  EXPECT_EQ(rows({reading}).size(), 1U);
  EXPECT_EQ(pipeline().snapshot(), before);
}

TEST(LateRefusal, names_what_does_not_add_up) {
  using Kind = WindowKind;
  const struct {
    const char* refusal;  // null: none
    std::vector<Aggregate> aggregates;
    std::function<void(WindowOptions&)> change = [](WindowOptions&) {};
  } cases[] = {
      {nullptr, {Aggregate::count, Aggregate::sum, Aggregate::min, Aggregate::max, Aggregate::avg, Aggregate::mean}},
      {nullptr, {Aggregate::first, Aggregate::first_time, Aggregate::last, Aggregate::last_time}},
      {nullptr,
       {Aggregate::range, Aggregate::min, Aggregate::max, Aggregate::stddev, Aggregate::variance, Aggregate::sum}},
      {nullptr, {Aggregate::count}, [](WindowOptions& window) { window.emit_empty = true; }},
      {"first needs the aggregate first_time", {Aggregate::count, Aggregate::first}},
      {"last needs the aggregate last_time", {Aggregate::last}},
      {"range needs min and max", {Aggregate::range, Aggregate::min}},
      {"stddev needs avg or sum", {Aggregate::count, Aggregate::stddev}},
      {"p95 of a row and of further readings does not give that of all", {Aggregate::percentile(95)}},
      {"increase of a row and of further readings does not give that of all", {Aggregate::increase}},
      {"session windows do not add late readings",
       {Aggregate::count},
       [](auto& window) { window.kind = Kind::session; }},
      {"running windows do not add late readings",
       {Aggregate::count},
       [](auto& window) { window.kind = Kind::running; }},
      {"with deduplicate it is not known which readings the row has",
       {Aggregate::count},
       [](WindowOptions& window) { window.deduplicate = true; }},
      {"with top the row may have been left out",
       {Aggregate::count},
       [](WindowOptions& window) {
         window.top = TopOptions{1, Aggregate::count};
       }},
      {"metrics that are computed from its rows would not follow",
       {Aggregate::count, Aggregate::avg},
       [](WindowOptions& window) { window.derived = {product("p", "a", "b")}; }},
      {"with fill = \"last\" later rows would not follow",
       {Aggregate::count},
       [](WindowOptions& window) { window.fill = Fill::last; }},
  };
  for (const auto& c : cases) {
    WindowOptions window;
    window.aggregates = c.aggregates;
    c.change(window);
    EXPECT_EQ(late_refusal(window), c.refusal == nullptr ? std::nullopt : std::optional<std::string>(c.refusal));
  }
}

}  // namespace
}  // namespace edgetide::test
