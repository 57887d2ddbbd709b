#include "daemon/outbox/row_filter.h"

#include <cmath>
#include <gmock/gmock.h>
#include <limits>

#include "pipeline/bytes.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double null = std::numeric_limits<double>::quiet_NaN();

// avg > 30 or count = 0
class HotOrSilent final : public Formula {
 public:
  double evaluate(std::span<const double> inputs) const noexcept override {
    return inputs[0] > 30 || inputs[1] == 0 ? 1 : 0;
  }
  std::string_view text() const noexcept override { return "hot"; }
};

struct OneRow {
  const char* sensor;
  int start;
  double avg;
  double count = 1;
  RowState state = RowState::final;
  std::uint32_t revision = 1;
};

class RowFilterTest : public testing::Test {
 protected:
  static std::vector<WindowSchema> inputs(FilterOn on) {
    WindowSchema schema{"minute", {{"count", true}, {"avg", false}}};
    if (on == FilterOn::change) schema.columns.push_back({edge_column, true});
    return {schema};
  }
  static RowFilter filter(FilterOn on, SinkKind kind = SinkKind::stream) {
    return {{std::make_shared<HotOrSilent>(), {"avg", "count"}, on}, "alarm", inputs(on), kind};
  }
  static RowBatch batch(const std::vector<OneRow>& rows) {
    RowBatch batch;
    batch.windows.push_back({0, {}, {}});
    for (const OneRow& row : rows) {
      auto series = std::make_shared<Series>();
      series->sensor = row.sensor;
      series->metric = "t";
      const Timestamp start = Timestamp::microseconds(row.start * 60'000'000LL);
      batch.windows[0].rows.push_back({series, start, start + Duration::minutes(1), row.state, row.revision});
      batch.windows[0].values.insert(batch.windows[0].values.end(), {row.count, row.avg});
    }
    return batch;
  }
  // Sensor, minute, state; with the edge where there is one.
  std::vector<std::string> leaving(const RowFilter& by, FilterOn on, const std::vector<OneRow>& rows) {
    RowBatch some = batch(rows);
    by.apply(some, edges);
    std::vector<std::string> left;
    for (const WindowRows& window : some.windows) {
      const std::size_t columns = inputs(on)[0].columns.size();
      for (std::size_t i = 0; i < window.rows.size(); ++i) {
        const SinkRow& row = window.rows[i];
        std::string text = row.series->sensor + std::to_string(row.start.count() / 60'000'000) + ' ';
        text += name_of(row.state);
        if (on == FilterOn::change) text += window.values_of(i, columns)[columns - 1] == 1 ? " begins" : " ends";
        left.push_back(text);
      }
    }
    return left;
  }

  RowEdges edges;
};

TEST_F(RowFilterTest, only_rows_for_which_the_condition_holds_leave) {
  EXPECT_THAT(leaving(filter(FilterOn::match), FilterOn::match,
                      {{"a", 0, 31}, {"b", 0, 30}, {"c", 0, null, 0}, {"d", 0, null}, {"a", 1, 31, 1, RowState::open}}),
              ElementsAre("a0 final", "c0 final", "a1 open"));
  EXPECT_THAT(leaving(filter(FilterOn::match), FilterOn::match, {{"b", 0, 30}}), IsEmpty());
}

TEST_F(RowFilterTest, row_that_no_longer_matches_leaves_a_table_and_not_a_stream) {
  const std::vector<OneRow> rows = {{"a", 0, 20, 1, RowState::closed, 1},
                                    {"b", 0, 20, 1, RowState::closed, 2},
                                    {"c", 0, 20, 1, RowState::retracted, 2},
                                    {"d", 0, 99, 1, RowState::added, 1}};
  EXPECT_THAT(leaving(filter(FilterOn::match, SinkKind::table), FilterOn::match, rows),
              ElementsAre("b0 retracted", "c0 retracted"));
  EXPECT_THAT(leaving(filter(FilterOn::match), FilterOn::match, rows), IsEmpty());
}

TEST_F(RowFilterTest, change_gives_the_row_that_begins_and_the_row_that_ends_of_each_series) {
  const RowFilter by = filter(FilterOn::change);
  EXPECT_THAT(leaving(by, FilterOn::change, {{"a", 0, 20}, {"a", 1, 31}, {"a", 2, 40}, {"b", 2, 35}, {"a", 3, 10}}),
              ElementsAre("a1 final begins", "b2 final begins", "a3 final ends"));
  EXPECT_THAT(leaving(by, FilterOn::change, {{"a", 4, 10}, {"b", 3, 36}, {"b", 4, 1}}), ElementsAre("b4 final ends"));
}

TEST_F(RowFilterTest, correction_of_the_newest_window_turns_it_and_of_an_older_one_does_not) {
  const RowFilter by = filter(FilterOn::change);
  EXPECT_THAT(leaving(by, FilterOn::change, {{"a", 1, 31, 1, RowState::open}}), ElementsAre("a1 open begins"));
  EXPECT_THAT(leaving(by, FilterOn::change, {{"a", 1, 29, 2, RowState::closed, 2}}), ElementsAre("a1 closed ends"));
  EXPECT_THAT(leaving(by, FilterOn::change, {{"a", 0, 50, 2, RowState::closed, 2}}), IsEmpty());
  EXPECT_THAT(leaving(by, FilterOn::change, {{"a", 1, 50, 2, RowState::retracted, 3}}), IsEmpty());
}

TEST_F(RowFilterTest, edges_go_through_bytes_and_those_of_other_sinks_are_forgotten) {
  const RowFilter by = filter(FilterOn::change);
  leaving(by, FilterOn::change, {{"a", 1, 31}, {"b", 1, 20}});
  std::string bytes;
  ByteWriter out(bytes);
  edges.save(out);
  edges = {};
  ByteReader in(bytes);
  edges.load(in);
  EXPECT_TRUE(in.ok() && in.at_end());
  EXPECT_THAT(leaving(by, FilterOn::change, {{"a", 2, 32}, {"b", 2, 32}}), ElementsAre("b2 final begins"));
  edges.keep({"other"});
  EXPECT_EQ(edges.size(), 0U);
}

TEST(RowEdges, at_the_bound_the_series_with_the_oldest_windows_are_forgotten) {
  RowEdges edges;
  for (std::size_t i = 0; i <= RowEdges::max_series; ++i) {
    edges.turns({"alarm", "minute", std::to_string(i), "t"}, Timestamp::microseconds(static_cast<std::int64_t>(i)),
                true);
  }
  EXPECT_LE(edges.size(), RowEdges::max_series);
  EXPECT_FALSE(edges.turns({"alarm", "minute", std::to_string(RowEdges::max_series), "t"},
                           Timestamp::microseconds(30'000), true));
  EXPECT_TRUE(edges.turns({"alarm", "minute", "0", "t"}, Timestamp::microseconds(30'000), true));
}

}  // namespace
}  // namespace edgetide::test
