#include "pipeline/mergeable.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <vector>

#include "tests/pipeline/dd_sketch_reader.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using Aggregates = std::vector<Aggregate>;

PipelineOptions mergeable_window(Duration size,
                                 Aggregates aggregates = {Aggregate::stddev, Aggregate::percentile(90)}) {
  PipelineOptions options = one_window();
  options.windows[0].size = size;
  options.windows[0].aggregates = std::move(aggregates);
  add_merge_aggregates(options.windows[0]);
  return options;
}

TEST(MergeAggregates, are_added_behind_those_that_are_named_and_none_twice) {
  const Aggregate p50 = Aggregate::percentile(50);
  const struct {
    Aggregates named, all;
  } cases[] = {
      {{Aggregate::avg}, {Aggregate::avg, Aggregate::count, Aggregate::sum, Aggregate::m2}},
      {{Aggregate::sum, Aggregate::count}, {Aggregate::sum, Aggregate::count, Aggregate::m2}},
      {{p50}, {p50, Aggregate::count, Aggregate::sum, Aggregate::m2, Aggregate::sketch}},
      {{Aggregate::median}, {Aggregate::median, Aggregate::count, Aggregate::sum, Aggregate::m2, Aggregate::sketch}},
  };
  for (const auto& [named, all] : cases) {
    WindowOptions window;
    window.aggregates = named;
    add_merge_aggregates(window);
    add_merge_aggregates(window);
    EXPECT_EQ(window.aggregates, all);
    EXPECT_EQ(Aggregates(named_aggregates(window).begin(), named_aggregates(window).end()), named);
  }
}

// What somebody merges from rows with the columns stddev, p90, count, sum, m2, sketch.
struct Merged {
  double count = 0, sum = 0, m2 = 0;
  ReadSketch sketch;

  void add(std::span<const double> values, const std::vector<std::string>& sketches) {
    const double more = values[2];
    const double distance = values[3] / more - (count == 0 ? 0 : sum / count);
    m2 += values[4] + (count == 0 ? 0 : distance * distance * count * more / (count + more));
    count += more;
    sum += values[3];
    sketch.merge(read_sketch(sketches[static_cast<std::size_t>(values[5])]));
  }
  void add(Pipeline& pipeline) {
    const Emission emission = tick(pipeline, 100'000, Fire::all);
    for (const Row& row : emission.rows) add(std::span(emission.values).subspan(row.first_value, 6), emission.sketches);
  }
  double stddev() const { return std::sqrt(m2 / (count - 1)); }
};

double random_value(std::mt19937_64& random, int shape) {
  switch (shape) {
    case 0:
      return std::normal_distribution<double>(20, 3)(random);
    case 1:
      return std::round(std::normal_distribution<double>(0, 5)(random));  // zeros and both signs
    case 2:
      return std::lognormal_distribution<double>(0, 2)(random);
    default:
      return 1e6 + std::uniform_real_distribution<double>(0, 1)(random);
  }
}

TEST(MergedRows, of_several_gateways_and_of_minutes_are_those_of_one_pipeline_over_all_readings) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 60; ++round) {
    const std::size_t gateways = 2 + random() % 4, readings = gateways + random() % 2000;
    const Duration size = round % 2 == 0 ? Duration::hours(1) : Duration::minutes(1);
    std::vector<Pipeline> parts;
    for (std::size_t i = 0; i < gateways; ++i) parts.emplace_back(mergeable_window(size));
    Pipeline whole(mergeable_window(Duration::hours(1)));
    std::vector<double> values;
    for (std::size_t i = 0; i < readings; ++i) {
      const double time = 3600.0 * static_cast<double>(i) / static_cast<double>(readings);
      values.push_back(random_value(random, round % 4));
      read(parts[random() % gateways], "a", time, values.back());
      read(whole, "a", time, values.back());
    }
    Merged merged, at_once;
    for (Pipeline& part : parts) merged.add(part);
    at_once.add(whole);
    EXPECT_EQ(merged.count, static_cast<double>(readings));
    EXPECT_EQ(merged.count, at_once.count);
    EXPECT_NEAR(merged.sum, at_once.sum, 1e-12 * std::abs(at_once.sum) + 1e-9);
    EXPECT_NEAR(merged.stddev(), at_once.stddev(), 1e-9 * at_once.stddev());
    EXPECT_EQ(merged.sketch, at_once.sketch);
    std::sort(values.begin(), values.end());
    for (const double percent : {0.0, 50.0, 90.0, 99.0, 100.0}) {
      const double exact = values[static_cast<std::size_t>(percent / 100 * static_cast<double>(readings - 1))];
      EXPECT_NEAR(merged.sketch.percentile(percent), exact, 0.0100001 * std::abs(exact)) << percent;
    }
  }
}

TEST(MergeableRow, of_one_reading_has_no_squares_and_of_none_nothing_to_merge) {
  PipelineOptions options = mergeable_window(Duration::seconds(10), {Aggregate::percentile(50)});
  options.windows[0].emit_empty = true;
  Pipeline pipeline(options);
  read(pipeline, "a", 1, 7);
  read(pipeline, "a", 31, 8);
  const Emission emission = tick(pipeline, 60);
  ASSERT_GE(emission.rows.size(), 2U);
  const auto values = [&](std::size_t row) { return std::span(emission.values).subspan(5 * row, 5); };
  EXPECT_EQ(values(0)[1], 1);
  EXPECT_EQ(values(0)[2], 7);
  EXPECT_EQ(values(0)[3], 0);
  EXPECT_EQ(values(0)[4], 0);
  EXPECT_EQ(read_sketch(emission.sketches[0]).count(), 1);
  EXPECT_EQ(values(1)[1], 0);
  for (const std::size_t column : {2, 3, 4}) EXPECT_TRUE(std::isnan(values(1)[column]));
}

TEST(MergeableRow, of_a_session_that_is_joined_is_retracted_without_a_sketch) {
  PipelineOptions options = mergeable_window(Duration::seconds(10), {Aggregate::percentile(50)});
  options.windows[0].kind = WindowKind::session;
  options.windows[0].gap = Duration::seconds(5);
  options.windows[0].allowed_lateness = Duration::minutes(1);
  Pipeline pipeline(options);
  read(pipeline, "a", 1, 1);
  read(pipeline, "a", 8, 2);
  EXPECT_EQ(tick(pipeline, 20).sketches.size(), 2U);
  read(pipeline, "a", 4, 3);
  const Emission joined = tick(pipeline, 40);
  ASSERT_EQ(joined.sketches.size(), 1U);
  EXPECT_EQ(read_sketch(joined.sketches[0]).count(), 3);
  const auto retracted = std::find_if(joined.rows.begin(), joined.rows.end(),
                                      [](const Row& row) { return row.state == RowState::retracted; });
  ASSERT_NE(retracted, joined.rows.end());
  EXPECT_TRUE(std::isnan(joined.values[retracted->first_value + 4]));
}

TEST(MergeableRow, is_the_same_after_a_restart) {
  const PipelineOptions options = mergeable_window(Duration::seconds(10));
  Pipeline before(options), after(options);
  for (int i = 0; i < 100; ++i) read(before, "a", i / 20.0, i);
  ASSERT_EQ(after.restore(before.snapshot(), Connections::go_on), std::nullopt);
  const Emission first = tick(before, 60), other = tick(after, 60);
  ASSERT_EQ(first.sketches.size(), 1U);
  EXPECT_EQ(first.sketches, other.sketches);
  EXPECT_EQ(first.values, other.values);
}

}  // namespace
}  // namespace edgetide::test
