// The parts of an aggregate state that grow with the readings: sketch, distinct values, points.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <set>

#include "pipeline/distinct_counter.h"
#include "pipeline/point_list.h"
#include "pipeline/quantile_sketch.h"
#include "tests/pipeline/model/model_aggregates.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

template <typename Part>
std::string bytes_of(const Part& part) {
  std::string bytes;
  ByteWriter out(bytes);
  part.save(out);
  return bytes;
}

// Distributions that sensors have, and some that they should not.
std::vector<std::vector<double>> streams() {
  std::mt19937_64 random(7);
  std::vector<std::vector<double>> all(9);
  std::lognormal_distribution<double> latencies(0, 3);
  std::normal_distribution<double> temperatures(-2, 15);
  for (int i = 0; i < 5000; ++i) {
    all[0].push_back(temperatures(random));
    all[1].push_back(latencies(random));
    all[2].push_back(static_cast<double>(random() % 3) - 1);
    all[3].push_back(std::ldexp(1.0, static_cast<int>(random() % 50) - 25) * (random() % 2 == 0 ? 1 : -1));
    all[4].push_back(1e15 + static_cast<double>(random() % 7) * 1e-1);
    all[5].push_back(i % 2 == 0 ? 0.0 : -0.0);
    if (i % 80 == 0) all[7].push_back(temperatures(random));
    all[8].push_back(i % 100 == 0 ? std::pow(10.0, i % 300 - 150) : temperatures(random));
  }
  all[6] = {42};
  return all;
}

TEST(QuantileSketch, every_quantile_is_within_one_percent_of_the_exact_one) {
  for (const std::vector<double>& values : streams()) {
    QuantileSketch sketch;
    for (const double value : values) sketch.add(value);
    std::vector<Kept> readings;
    for (const double value : values) readings.push_back({Timestamp(), value});
    const double error = values.size() <= QuantileSketch::max_exact ? 1e-12 : 0.0100001;
    for (const double percent : {0.0, 1.0, 25.0, 29.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0}) {
      const double exact = aggregate_of(readings, Aggregate::percentile(percent), {});
      EXPECT_LE(std::abs(sketch.percentile(percent) - exact), error * std::abs(exact))
          << "p" << percent << " exact " << exact << " of " << values.size();
    }
  }
}

TEST(QuantileSketch, ranks_are_exact_and_the_ends_are_the_values_themselves) {
  QuantileSketch powers;
  for (int i = 0; i <= 100; ++i) powers.add(std::pow(1.5, i));
  EXPECT_NEAR(powers.percentile(29) / std::pow(1.5, 29), 1, 0.0101);
  QuantileSketch constant;
  for (int i = 0; i < 5; ++i) constant.add(20);
  EXPECT_EQ(constant.percentile(50), 20);
  QuantileSketch largest;
  for (const double value : {1.7e308, -1.7e308}) largest.add(value);
  EXPECT_EQ(largest.percentile(100), 1.7e308);
  EXPECT_EQ(largest.percentile(0), -1.7e308);
}

TEST(PointList, large_values_and_steps_keep_their_digits) {
  const PointList::Span until_the_end{at(0), at(100'000), Duration::unlimited()};
  PointList points;
  for (int i = 99'999; i >= 0; --i) points.add(at(i), i % 2 == 0 ? 1e15 + 0.5 : 1e15 + 0.5);  // newest first
  EXPECT_EQ(points.time_weighted_average(until_the_end, {}), 1e15 + 0.5);
  EXPECT_EQ(points.increase({}, 0.5).sum, 0);
  EXPECT_EQ(points.largest_gap(), 1);
  PointList tenths;
  for (int i = 0; i < 100'000; ++i) tenths.add(at(i), 0.1);
  EXPECT_EQ(tenths.time_weighted_average(until_the_end, {}), 0.1);
}

TEST(Aggregate, of_neighbours_in_small_cases) {
  const double null = std::numeric_limits<double>::quiet_NaN();
  const struct {
    const char* what;
    std::vector<std::pair<double, double>> readings;  // time and value, in order of arrival
    double increase, time_weighted_avg, max_gap;      // of the window [0, 10)
  } cases[] = {
      {"one reading holds to the end", {{4, 7}}, null, 7, null},
      {"the time before the first does not count", {{2, 1}, {6, 3}}, 2, 2, 4},
      {"at the end by a hair", {{9.999999, 5}}, null, 5, null},
      {"a counter starts again from zero",
       {{0, 90}, {1, 100}, {2, 4}, {3, 10}},
       10 + 4 + 6,
       (90 + 100 + 4 + 10 * 7) / 10.0,
       1},
      {"late arrivals find their place", {{8, 9}, {0, 5}, {4, 6}}, 4, (5 * 4 + 6 * 4 + 9 * 2) / 10.0, 4},
      {"of one instant the later arrival holds", {{0, 1}, {5, 2}, {5, 4}}, 3, (1 * 5 + 4 * 5) / 10.0, 5},
      {"equal readings", {{0, 3}, {5, 3}}, 0, 3, 5},
      {"a value below zero is none of a counter", {{0, -5}, {1, 3}, {2, 6}}, null, (-5 + 3 + 6 * 8) / 10.0, 1},
      {"huge values of both signs", {{0, 1e308}, {5, -1e308}}, null, 0, 5},
      {"huge values", {{0, 1.7e308}, {5, 1.7e308}}, 0, 1.7e308, 5},
  };
  const std::vector<Aggregate> of_neighbours = {Aggregate::increase, Aggregate::time_weighted_avg, Aggregate::max_gap};
  const AggregateLayout layout(of_neighbours);
  for (const auto& c : cases) {
    std::vector<AggregateLayout::Word> state(layout.words());
    layout.clear(state.data());
    for (const auto& [time, value] : c.readings) layout.add(state.data(), at(time), value);
    const auto expect = [&](const Aggregate& aggregate, double wanted) {
      const double got = layout.value(state.data(), aggregate, {at(0), at(10)});
      EXPECT_TRUE(std::isnan(wanted) ? std::isnan(got) : std::abs(got - wanted) < 1e-12)
          << c.what << ": " << name_of(aggregate) << ' ' << got << " is not " << wanted;
    };
    expect(Aggregate::increase, c.increase);
    expect(Aggregate::time_weighted_avg, c.time_weighted_avg);
    expect(Aggregate::max_gap, c.max_gap);
    layout.release(state.data());
  }
}

TEST(Aggregate, zero_has_no_sign_in_minimum_and_maximum) {
  const std::vector<Aggregate> ends = {Aggregate::min, Aggregate::max};
  const AggregateLayout layout(ends);
  for (const auto& values : {std::vector{0.0, -0.0}, std::vector{-0.0, 0.0}}) {
    std::vector<AggregateLayout::Word> state(layout.words());
    layout.clear(state.data());
    for (const double value : values) layout.add(state.data(), at(0), value);
    EXPECT_FALSE(std::signbit(layout.value(state.data(), Aggregate::min, {})));
    EXPECT_FALSE(std::signbit(layout.value(state.data(), Aggregate::max, {})));
  }
}

TEST(Aggregate, percentile_names_read_back) {
  for (const char* name : {"p0", "p50", "p99.9", "p0.0001", "p100"}) {
    ASSERT_TRUE(aggregate_named(name)) << name;
    EXPECT_EQ(name_of(*aggregate_named(name)), name);
  }
  for (const char* name : {"duration_0", "duration_1", "duration_-2.5", "duration_1000000"}) {
    ASSERT_TRUE(aggregate_named(name)) << name;
    EXPECT_EQ(name_of(*aggregate_named(name)), name);
  }
  EXPECT_EQ(name_of(*aggregate_named("duration_1.0")), "duration_1");
  for (const char* name : {"duration_", "duration_on", "duration_1s", "duration_inf", "duration_nan", "duration", "p.5",
                           "pnan", "p", "p101", "p1e2", "p-1", "p50x", "p0.00000000001"})
    EXPECT_FALSE(aggregate_named(name)) << name;
}

TEST(QuantileSketch, few_values_are_exact_and_interpolated_as_percentile_cont_does) {
  const struct {
    std::vector<double> values;
    double percent, wanted;  // SELECT percentile_cont(percent / 100) WITHIN GROUP (ORDER BY v)
  } cases[] = {
      {{1, 100}, 99, 99.01},
      {{1, 100}, 50, 50.5},
      {{1, 2, 7.77}, 100, 7.77},
      {{1, 2, 7.77}, 0, 1},
      {{5}, 99.9, 5},
      {{4, 1, 3, 2}, 50, 2.5},
      {{4, 1, 3, 2}, 25, 1.75},
      {{10, 20, 30, 40, 50}, 90, 46},
      {{-1.7e308, 1.7e308}, 50, 0},
      {{-0.0}, 50, 0},
  };
  for (const auto& c : cases) {
    QuantileSketch sketch;
    for (const double value : c.values) sketch.add(value);
    EXPECT_DOUBLE_EQ(sketch.percentile(c.percent), c.wanted) << "p" << c.percent << " of " << c.values.size();
  }
  QuantileSketch most;
  for (std::size_t i = 0; i < QuantileSketch::max_exact; ++i) most.add(static_cast<double>(i));
  EXPECT_EQ(most.percentile(50), 31.5);
}

TEST(QuantileSketch, outlier_changes_no_other_quantile) {
  for (const std::size_t count : {59U, 1000U}) {
    for (const double outlier : {3.4028234663852886e38, -3.4028234663852886e38, 1.7e308, 1e-299}) {
      QuantileSketch sketch;
      for (std::size_t i = 0; i < count; ++i) sketch.add(20 + static_cast<double>(i % 10) / 10);
      sketch.add(outlier);
      EXPECT_NEAR(sketch.percentile(50), 20.45, 0.3) << outlier << " among " << count;
      EXPECT_EQ(sketch.percentile(0), std::min(outlier, 20.0));
      EXPECT_EQ(sketch.percentile(100), std::max(outlier, 20.9));
    }
  }
}

// Of 1000 values between least and 1.02 * least, or 10 * least, and of those below zero. Times 1.0, what is beyond the
// range of a double is not among them.
TEST(QuantileSketch, values_at_both_ends_of_double_are_within_the_error_too) {
  const double largest = std::numeric_limits<double>::max();
  const struct {
    double least, most;
  } cases[] = {{1e308, largest},   {0x1p1022, 0x1p1023}, {1.7e308, largest}, {0x1p1023, largest},
               {1e-308, 1.1e-308}, {1e-307, 1e-305},     {1e-301, 1.5e-301}, {2.3e-308, 3e-308},
               {1e-310, 1e-309},   {5e-324, 5e-323},     {5e-324, 5.1e-324}};
  for (const auto& [least, most] : cases) {
    for (const double sign : {1.0, -1.0}) {
      QuantileSketch whole, part;
      std::vector<double> sorted;
      for (int i = 0; i < 1000; ++i) sorted.push_back(sign * (least + (most - least) * (i / 999.0)));
      for (std::size_t i = 0; i < sorted.size(); ++i) (i % 2 == 0 ? whole : part).add(sorted[i]);
      whole.merge(part);
      std::sort(sorted.begin(), sorted.end());
      for (const double percent : {0.0, 1.0, 50.0, 99.0, 99.9, 100.0}) {
        const double exact = sorted[static_cast<std::size_t>(percent * 999 / 100)];
        EXPECT_LE(std::abs(whole.percentile(percent) - exact), std::abs(exact) * 0.0100001)
            << "p" << percent << " of " << sorted.front() << " to " << sorted.back();
      }
    }
  }
}

TEST(QuantileSketch, values_over_all_magnitudes_keep_to_its_bound_of_memory_and_to_an_error_of_their_magnitude) {
  QuantileSketch sketch;
  std::vector<double> sorted;
  for (int i = -29'000; i <= 30'000; ++i) sorted.push_back(std::pow(10.0, i / 100.0));
  for (const double value : sorted) sketch.add(value);
  for (const double percent : {1.0, 25.0, 50.0, 75.0, 99.0}) {
    const double exact = sorted[static_cast<std::size_t>(percent * static_cast<double>(sorted.size() - 1) / 100)];
    EXPECT_NEAR(sketch.percentile(percent) / exact, 1, 0.6) << "p" << percent;
  }
  EXPECT_LE(sketch.owned_bytes(), 2 * 264 * QuantileSketch::max_pages);  // a vector may be twice as long
  EXPECT_EQ(sketch.count(), sorted.size());
}

// Any order, any split: the same bytes.
template <typename Part, typename Add>
void expect_same_bytes_however_merged(Add&& add) {
  std::mt19937_64 random(3);
  for (std::vector<double> values : streams()) {
    Part whole;
    for (const double value : values) add(whole, value);
    std::shuffle(values.begin(), values.end(), random);
    Part parts[3];
    for (std::size_t i = 0; i < values.size(); ++i) add(parts[i % 3], values[i]);
    parts[2].merge(parts[0]);
    parts[2].merge(parts[1]);
    EXPECT_EQ(bytes_of(parts[2]), bytes_of(whole));
    Part loaded;
    const std::string bytes = bytes_of(whole);
    ByteReader in(bytes);
    EXPECT_TRUE(loaded.load(in) && in.at_end());
    EXPECT_EQ(bytes_of(loaded), bytes);
    for (std::size_t cut = 0; cut < std::min<std::size_t>(bytes.size(), 300); ++cut) {
      Part torn;
      ByteReader torn_in(std::string_view(bytes).substr(0, cut));
      EXPECT_FALSE(torn.load(torn_in)) << cut;
    }
  }
}

TEST(QuantileSketch, order_and_splits_change_no_byte) {
  expect_same_bytes_however_merged<QuantileSketch>([](QuantileSketch& part, double value) { part.add(value); });
}

TEST(DistinctCounter, order_and_splits_change_no_byte) {
  expect_same_bytes_however_merged<DistinctCounter>([](DistinctCounter& part, double value) { part.add(value); });
}

TEST(DistinctCounter, is_exact_up_to_its_bound_and_within_five_errors_beyond) {
  for (const std::size_t count : {0, 1, 2, 255, 256, 257, 1000, 5000, 100'000}) {
    DistinctCounter counter;
    for (int round = 0; round < 2; ++round) {
      for (std::size_t i = 0; i < count; ++i) counter.add(static_cast<double>(i) * 0.1 - 3);
    }
    const double allowed = count <= DistinctCounter::max_exact ? 0 : 5 * DistinctCounter::standard_error;
    EXPECT_LE(std::abs(static_cast<double>(counter.count()) - static_cast<double>(count)),
              allowed * static_cast<double>(count))
        << count << " counted as " << counter.count();
  }
  DistinctCounter zeros;
  zeros.add(0.0);
  zeros.add(-0.0);
  EXPECT_EQ(zeros.count(), 1U);
}

TEST(Aggregate, of_every_kind_equals_the_definition_on_random_and_adversarial_readings) {
  std::mt19937_64 random(11);
  std::vector<Aggregate> all = {Aggregate::percentile(50), Aggregate::m2};
  for (const std::string_view name : aggregate_names()) all.push_back(*aggregate_named(name));
  const AggregateLayout layout(all);
  const Timestamp end = at(2000);
  for (const std::vector<double>& values : streams()) {
    std::vector<Kept> readings;
    std::vector<AggregateLayout::Word> whole(layout.words()), parts[2];
    layout.clear(whole.data());
    for (auto& part : parts) layout.clear((part.resize(layout.words()), part.data()));
    for (const double value : values) {
      const Kept reading{at(static_cast<double>(random() % 2000)), value};
      readings.push_back(reading);
      layout.add(whole.data(), reading.time, value);
    }
    // Panes: disjoint in time, merged in order.
    for (const Kept& reading : readings)
      layout.add(parts[reading.time < at(900) ? 0 : 1].data(), reading.time, reading.value);
    layout.merge(parts[0].data(), parts[1].data());
    std::stable_sort(readings.begin(), readings.end(), [](const Kept& a, const Kept& b) { return a.time < b.time; });
    for (const Aggregate& aggregate : all) {
      const double exact = aggregate_of(readings, aggregate, {.start = at(0), .end = end, .before = {}});
      for (const auto& state : {whole, parts[0]}) {
        const double got = layout.value(state.data(), aggregate, {at(0), end});
        if (std::isnan(exact)) {
          EXPECT_TRUE(std::isnan(got)) << name_of(aggregate);
          continue;
        }
        const bool estimated = aggregate.kind == Aggregate::Kind::percentile ||
                               aggregate.kind == Aggregate::Kind::distinct || aggregate == Aggregate::median;
        double scale = std::abs(exact);
        for (const Kept& reading : readings)
          scale = std::max(scale, aggregate == Aggregate::sum ? std::abs(reading.value) : 0);
        EXPECT_LE(std::abs(got - exact), (estimated ? 0.12 : 1e-9) * scale + 1e-9)
            << name_of(aggregate) << " of " << values.size();
      }
    }
    layout.release(whole.data());
    for (auto& part : parts) layout.release(part.data());
  }
}

}  // namespace
}  // namespace edgetide::test
