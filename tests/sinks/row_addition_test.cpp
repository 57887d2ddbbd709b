// A row and late readings against the row of all readings, computed from the beginning.
#include "sinks/row_addition.h"

#include <gtest/gtest.h>
#include <random>

#include "pipeline/aggregate.h"
#include "tests/sinks/batch_builder.h"

namespace edgetide::test {
namespace {

struct Stamped {
  Timestamp time;
  double value;
};

const std::vector<Aggregate> mergeable = {
    Aggregate::count, Aggregate::sum,        Aggregate::min,       Aggregate::max,    Aggregate::avg,
    Aggregate::mean,  Aggregate::range,      Aggregate::variance,  Aggregate::stddev, Aggregate::first,
    Aggregate::last,  Aggregate::first_time, Aggregate::last_time, Aggregate::m2};

std::vector<double> row_of(std::span<const Stamped> readings, const std::vector<Aggregate>& aggregates) {
  const AggregateLayout layout(aggregates);
  std::vector<AggregateLayout::Word> state(layout.words());
  layout.clear(state.data());
  for (const Stamped& reading : readings) layout.add(state.data(), reading.time, reading.value);
  std::vector<double> row;
  for (const Aggregate& aggregate : aggregates) row.push_back(layout.value(state.data(), aggregate, {}));
  return row;
}

WindowSchema schema_of(const std::vector<Aggregate>& aggregates) {
  WindowSchema schema{"minute", {}};
  for (const Aggregate& aggregate : aggregates)
    schema.columns.push_back({name_of(aggregate), kind_of(aggregate).integer});
  return schema;
}

TEST(RowAddition, gives_the_row_of_all_readings_whatever_part_came_late) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::minstd_rand random(seed + 1);
    const double offset = seed % 3 == 0 ? 0 : seed % 3 == 1 ? 1e9 : -20;
    const std::size_t early = 1 + random() % 40;
    std::vector<Stamped> readings(early + 1 + random() % 10);
    for (Stamped& reading : readings) {
      reading = {Timestamp::microseconds(1'780'000'000'000'000 + static_cast<std::int64_t>(random() % 30)),
                 offset + static_cast<double>(random() % 2000) / 100};
    }
    const std::span<const Stamped> all(readings);
    std::vector<double> row = row_of(all.first(early), mergeable);
    const std::vector<double> late = row_of(all.subspan(early), mergeable);
    RowAddition(schema_of(mergeable)).add(row, late);
    const std::vector<double> whole = row_of(all, mergeable);
    for (std::size_t c = 0; c < mergeable.size(); ++c) {
      const double of_each = std::max({std::abs(whole[c]), std::abs(offset) * 1e-3, 1.0});
      const double scale = mergeable[c] == Aggregate::m2 ? of_each * static_cast<double>(readings.size()) : of_each;
      EXPECT_NEAR(row[c], whole[c], 1e-12 * scale) << name_of(mergeable[c]) << ", seed " << seed;
    }
  }
}

TEST(RowAddition, takes_the_average_from_the_sum_and_the_number_from_the_hidden_column) {
  const WindowSchema schema{"minute", {{"sum", false}, {"stddev", false}, {"readings", true}}};
  std::vector<double> row = {6, std::sqrt(2), 2};  // 2 and 4
  RowAddition(schema).add(row, std::vector<double>{9, null, 1});
  EXPECT_DOUBLE_EQ(row[0], 15);
  EXPECT_DOUBLE_EQ(row[1], std::sqrt(13));  // of 2, 4 and 9
  EXPECT_DOUBLE_EQ(row[2], 3);
}

TEST(RowAddition, leaves_unknown_what_the_row_does_not_say) {
  const std::vector<Aggregate> aggregates = {Aggregate::count, Aggregate::min, Aggregate::last, Aggregate::last_time,
                                             Aggregate::avg};
  std::vector<double> row = {2, null, 7, null, null};
  RowAddition(schema_of(aggregates)).add(row, std::vector<double>{1, 3, 5, 1000, 5});
  EXPECT_EQ(row[0], 3);
  for (const std::size_t c : {1U, 2U, 3U, 4U}) EXPECT_TRUE(std::isnan(row[c])) << name_of(aggregates[c]);
}

TEST(RowAddition, fills_a_row_without_readings) {
  const std::vector<Aggregate> aggregates = {Aggregate::count, Aggregate::min, Aggregate::avg};
  std::vector<double> row = {0, null, null};
  RowAddition(schema_of(aggregates)).add(row, std::vector<double>{2, 3, 4});
  EXPECT_EQ(row, (std::vector<double>{2, 3, 4}));
}

TEST(RowAddition, of_equal_times_the_late_reading_is_the_last_and_not_the_first) {
  const std::vector<Aggregate> aggregates = {Aggregate::first, Aggregate::first_time, Aggregate::last,
                                             Aggregate::last_time};
  WindowSchema schema = schema_of(aggregates);
  schema.columns.push_back({"readings", true});
  std::vector<double> row = {1, 100, 2, 200, 2};
  RowAddition(schema).add(row, std::vector<double>{8, 100, 9, 200, 2});
  EXPECT_EQ(row, (std::vector<double>{1, 100, 9, 200, 4}));
}

}  // namespace
}  // namespace edgetide::test
