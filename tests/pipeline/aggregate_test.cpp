#include "pipeline/aggregate.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

const std::vector<Aggregate> every = {Aggregate::count, Aggregate::sum,    Aggregate::min,
                                      Aggregate::max,   Aggregate::avg,    Aggregate::first,
                                      Aggregate::last,  Aggregate::stddev, Aggregate::variance};

struct Stamped {
  double time, value;
};

class State {
 public:
  explicit State(const std::vector<Stamped>& readings) : layout_(every), words_(layout_.words()) {
    layout_.clear(words_.data());
    for (const Stamped& reading : readings) layout_.add(words_.data(), at(reading.time), reading.value);
  }
  double operator[](Aggregate aggregate) const { return layout_.value(words_.data(), aggregate, {}); }
  void merge(const State& other) { layout_.merge(words_.data(), other.words_.data()); }

 private:
  AggregateLayout layout_;
  std::vector<AggregateLayout::Word> words_;
};

// Without rounding but once at the end, as Python's fsum: Shewchuk, "Adaptive Precision Floating-Point Arithmetic",
// 1997.
// (`long double` is as wide as double on 32-bit ARM.)
double exact_sum(const std::vector<double>& values) {
  std::vector<double> parts;  // that do not overlap, the smallest first
  for (double sum : values) {
    std::size_t kept = 0;
    for (double part : parts) {
      if (std::abs(sum) < std::abs(part)) std::swap(sum, part);
      const double rounded = sum + part;
      const double lost = part - (rounded - sum);
      if (lost != 0) parts[kept++] = lost;
      sum = rounded;
    }
    parts.resize(kept);
    parts.push_back(sum);
  }
  return std::accumulate(parts.rbegin(), parts.rend(), 0.0);
}

// The definition, over all readings at once. Their differences from the first one have the digits that matter.
double exact_variance(const std::vector<Stamped>& readings) {
  std::vector<double> differences, squares;
  for (const Stamped& reading : readings) differences.push_back(reading.value - readings[0].value);
  const double mean = exact_sum(differences) / static_cast<double>(readings.size());
  for (const double difference : differences) squares.push_back((difference - mean) * (difference - mean));
  return exact_sum(squares) / static_cast<double>(readings.size() - 1);
}

void expect_exact(const State& state, const std::vector<Stamped>& readings, const std::string& what) {
  std::vector<double> values;
  double magnitude = 0;
  double least = readings[0].value, greatest = readings[0].value;
  Stamped first = readings[0], last = readings[0];
  for (const Stamped& reading : readings) {
    values.push_back(reading.value);
    magnitude += std::abs(reading.value);
    least = std::min(least, reading.value);
    greatest = std::max(greatest, reading.value);
    if (reading.time < first.time) first = reading;
    if (reading.time >= last.time) last = reading;
  }
  const auto n = static_cast<double>(readings.size());
  const double sum = exact_sum(values), tolerance = magnitude * 1e-15;
  EXPECT_EQ(state[Aggregate::count], n) << what;
  EXPECT_NEAR(state[Aggregate::sum], sum, tolerance) << what;
  EXPECT_NEAR(state[Aggregate::avg], sum / n, tolerance) << what;
  EXPECT_EQ(state[Aggregate::min], least) << what;
  EXPECT_EQ(state[Aggregate::max], greatest) << what;
  EXPECT_EQ(state[Aggregate::first], first.value) << what;
  EXPECT_EQ(state[Aggregate::last], last.value) << what;
  if (readings.size() < 2) return;
  const double variance = exact_variance(readings);
  EXPECT_NEAR(state[Aggregate::variance], variance, variance * 1e-6 + 1e-12) << what;
  EXPECT_NEAR(state[Aggregate::stddev], std::sqrt(variance), std::sqrt(variance) * 1e-6 + 1e-6) << what;
}

TEST(Aggregate, what_cannot_be_computed_is_null) {
  const State none({});
  for (const Aggregate aggregate : every) {
    if (aggregate == Aggregate::count) {
      EXPECT_EQ(none[aggregate], 0);
    } else {
      EXPECT_TRUE(std::isnan(none[aggregate])) << name_of(aggregate);
    }
  }
  const State one({{1, 7}});
  EXPECT_TRUE(std::isnan(one[Aggregate::stddev]));
  EXPECT_TRUE(std::isnan(one[Aggregate::variance]));
  EXPECT_EQ(one[Aggregate::avg], 7);
}

TEST(Aggregate, equals_exact_computation_on_random_and_adversarial_readings) {
  struct Case {
    const char* name;
    double offset, spread;
  };
  const Case cases[] = {{"small", 0, 1},       {"negative", -50, 3}, {"large offset", 1e9, 1e-3},
                        {"1e15 + 1", 1e15, 1}, {"tiny", 0, 1e-300},  {"huge", 0, 1e150},
                        {"equal", 42, 0}};
  for (const Case& c : cases) {
    for (const std::size_t count : {1U, 2U, 3U, 1000U}) {
      std::mt19937_64 random(count);
      std::vector<Stamped> readings;
      for (std::size_t i = 0; i < count; ++i) {
        const double time = static_cast<double>(random() % 50);
        const double value = c.offset + c.spread * (static_cast<double>(random() % 2001) / 1000.0 - 1);
        readings.push_back({time, value});
      }
      expect_exact(State(readings), readings, std::string(c.name) + ", " + std::to_string(count) + " readings");
    }
  }
}

TEST(Aggregate, sum_is_compensated) {
  std::vector<Stamped> readings = {{0, 1e16}};
  for (int i = 0; i < 1000; ++i) readings.push_back({1, 1});
  readings.push_back({2, -1e16});
  EXPECT_EQ(State(readings)[Aggregate::sum], 1000);
}

TEST(Aggregate, sum_beyond_double_is_null_and_its_average_is_not) {
  const double null = std::numeric_limits<double>::quiet_NaN();
  const struct {
    std::vector<double> values;
    double sum, avg;
  } cases[] = {
      {{1e308, 1e308}, null, 1e308},
      {{-1e308, -1e308, -1e308}, null, -1e308},
      {{1.7e308, 1.7e308, -1.7e308, -1.7e308}, 0, 0},
      {{1e308, 1e308, -1e308}, 1e308, 1e308 / 3},
      {{5, 1e308, 1e308, 7}, null, 5e307},
      {{1e308, -1e308, 3}, 3, 1},
      {{5e-324}, 5e-324, 5e-324},
      {{1e300, 1e300, 1e300}, 3e300, 1e300},
      {{1e305, 1, -1e305}, 1, 1.0 / 3},
      {{-1e305, 7, 1e305, 1e305, -1e305}, 7, 7.0 / 5},
      {{3, 1e306, 4, -1e306, 1e10, -1e10}, 7, 7.0 / 6},
  };
  for (const auto& c : cases) {
    std::vector<Stamped> readings;
    for (const double value : c.values) readings.push_back({1, value});
    State merged({});
    for (const Stamped& reading : readings) merged.merge(State({reading}));
    for (const State& state : {State(readings), merged}) {
      const double sum = state[Aggregate::sum], avg = state[Aggregate::avg];
      EXPECT_TRUE(std::isnan(c.sum) ? std::isnan(sum) : std::abs(sum - c.sum) <= std::abs(c.sum) * 1e-15) << sum;
      EXPECT_TRUE(std::abs(avg - c.avg) <= std::abs(c.avg) * 1e-15) << avg << " is not " << c.avg;
    }
  }
}

TEST(Aggregate, first_and_last_go_by_event_time_and_ties_by_arrival) {
  const State state({{5, 1}, {5, 2}, {9, 3}, {9, 4}, {7, 5}});
  EXPECT_EQ(state[Aggregate::first], 1);
  EXPECT_EQ(state[Aggregate::last], 4);
}

TEST(Aggregate, merging_parts_equals_one_state_over_all) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Stamped> all;
    State merged({});
    for (std::uint64_t part = 0, parts = 1 + random() % 5; part < parts; ++part) {
      std::vector<Stamped> readings(static_cast<std::size_t>(random() % 20));
      // Parts cover different times, as panes do.
      for (Stamped& reading : readings) {
        reading = {static_cast<double>(part * 100 + random() % 100), 1e6 + static_cast<double>(random() % 1000)};
      }
      all.insert(all.end(), readings.begin(), readings.end());
      merged.merge(State(readings));
    }
    if (!all.empty()) expect_exact(merged, all, "round " + std::to_string(round));
  }
}

TEST(Aggregate, state_holds_only_what_is_asked_for) {
  const std::pair<std::vector<Aggregate>, std::size_t> cases[] = {
      {{Aggregate::count}, 1},
      {{Aggregate::count, Aggregate::min, Aggregate::max, Aggregate::avg}, 5},
      {{Aggregate::count, Aggregate::sum, Aggregate::min, Aggregate::max, Aggregate::avg, Aggregate::last}, 7},
      {every, 12},
  };
  for (const auto& [aggregates, words] : cases) EXPECT_EQ(AggregateLayout(aggregates).words(), words);
}

TEST(Aggregate, names_are_found_again) {
  for (const Aggregate aggregate : every) EXPECT_EQ(aggregate_named(name_of(aggregate)), aggregate);
  for (const std::string_view name : aggregate_names()) EXPECT_EQ(name_of(*aggregate_named(name)), name);
  EXPECT_EQ(aggregate_named("average"), std::nullopt);
}

}  // namespace
}  // namespace edgetide::test
