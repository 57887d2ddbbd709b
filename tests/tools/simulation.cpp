#include "tests/tools/simulation.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>

namespace edgetide::simulation {
namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t hour_us = 3600 * second_us;

// The first sensors of a demonstration.
enum Role : std::size_t { fast_clock, falls_silent, word_for_number, sends_late, out_of_order };
constexpr std::array<std::string_view, 5> role_names = {
    "fast-clock", "falls-silent", "no-number", "sends-late", "out-of-order",
};

std::int64_t microseconds(double seconds) {
  return std::llround(seconds * 1e6);
}

class Planner {
 public:
  explicit Planner(const Options& options) : options_(options), random_(options.seed) {}

  Reading reading(std::size_t sensor, double at) {
    Reading reading{options_.start_us + microseconds(at), 0, sensor, value(sensor, at), kind()};
    const bool has_role = options_.demo && sensor < role_names.size();
    if (has_role) reading.kind = kind_of_role(sensor);
    // Regular sensors of a demonstration hurry, so that the one that is out of order can be distinguished from them.
    const double disorder = options_.demo && sensor != out_of_order ? options_.disorder / 10 : options_.disorder;
    reading.due_us = reading.event_time_us + microseconds(disorder * fraction() + delay(reading.kind));
    if (reading.kind == Kind::future) reading.event_time_us += hour_us;
    if (reading.kind == Kind::ancient) reading.event_time_us -= 30 * 24 * hour_us;
    return reading;
  }

 private:
  double fraction() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  double value(std::size_t sensor, double at) {
    const double swing = 4 * std::sin(2 * std::numbers::pi * at / 300 + static_cast<double>(sensor));
    return std::round((20 + swing + fraction()) * 64) / 64;
  }

  Kind kind() {
    double rest = fraction();
    const auto falls_to = [&](double share) { return (rest -= share) < 0; };
    if (falls_to(options_.late)) return Kind::late;
    if (falls_to(options_.very_late)) return Kind::very_late;
    for (const Kind bad : {Kind::future, Kind::ancient, Kind::no_number, Kind::no_json}) {
      if (falls_to(options_.bad / 4)) return bad;
    }
    return Kind::regular;
  }

  Kind kind_of_role(std::size_t role) {
    if (role == fast_clock) return Kind::future;
    if (role == word_for_number) return Kind::no_number;
    if (role != sends_late || fraction() < 0.6) return Kind::regular;
    return fraction() < 0.6 ? Kind::late : Kind::very_late;
  }

  double delay(Kind kind) {
    if (kind == Kind::late) return options_.disorder + options_.late_by * fraction();
    if (kind == Kind::very_late) return options_.very_late_by * (1 + fraction());
    return 0;
  }

  const Options& options_;
  std::mt19937_64 random_;
};

// A sensor's twin of a reading: the same event time, another value, sent in its own time.
Reading twin(const Reading& of, std::int64_t disorder_us) {
  Reading twin = of;
  twin.kind = Kind::same_time;
  twin.value += 1;
  twin.due_us =
      of.event_time_us + (of.due_us - of.event_time_us + disorder_us / 2) % std::max<std::int64_t>(disorder_us, 1);
  return twin;
}

}  // namespace

std::string sensor_name(const Options& options, std::size_t sensor) {
  if (options.demo && sensor < role_names.size()) return std::string(role_names[sensor]);
  const std::string number = std::to_string(sensor + 1);
  return (options.demo ? "room-" : "sensor-") + std::string(number.size() < 2 ? 1 : 0, '0') + number;
}

std::vector<Reading> plan(const Options& options) {
  Planner planner(options);
  const double per_sensor = static_cast<double>(options.readings) / static_cast<double>(options.sensors);
  const double twins_every = options.same_time > 0 ? 1 / options.same_time : 0;
  double to_next_twin = twins_every;
  std::vector<Reading> readings;
  readings.reserve(options.readings);
  for (std::size_t made = 0; made < options.readings; ++made) {
    const std::size_t sensor = made % options.sensors;
    const double at = options.span * static_cast<double>(made / options.sensors) / per_sensor;
    if (options.demo && sensor == falls_silent && at > options.span / 3) continue;
    readings.push_back(planner.reading(sensor, at));
    if (twins_every > 0 && --to_next_twin < 0 && readings.back().kind == Kind::regular && made + 1 < options.readings) {
      readings.push_back(twin(readings.back(), microseconds(options.disorder)));
      to_next_twin += twins_every;
      ++made;
    }
  }
  std::stable_sort(readings.begin(), readings.end(),
                   [](const Reading& a, const Reading& b) { return a.due_us < b.due_us; });
  return readings;
}

}  // namespace edgetide::simulation
