// A pipeline of one source and one window that tests drive by hand, with times in seconds.
//
// Thread: one test.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/pipeline.h"

namespace edgetide::test {

constexpr Timestamp at(double seconds) {
  return Timestamp::microseconds(static_cast<std::int64_t>(seconds * 1e6));
}
constexpr Moment moment(double seconds) {
  return {at(seconds), at(seconds) - Timestamp()};
}

// One source "s", one window "w" of 10 s; no disorder, lateness or idleness unless a test asks.
inline PipelineOptions one_window() {
  PipelineOptions options;
  TimeOptions time;
  time.max_out_of_orderness = Duration();
  time.idle_timeout = Duration::unlimited();
  options.sources = {{"s", time}};
  WindowOptions window;
  window.name = std::string("w");
  window.size = Duration::seconds(10);
  window.inputs = {SourceId{0}};
  window.aggregates = {Aggregate::count, Aggregate::sum};
  options.windows = {window};
  return options;
}

struct Product final : Formula {
  double evaluate(std::span<const double> inputs) const noexcept override { return inputs[0] * inputs[1]; }
  std::string_view text() const noexcept override { return "a * b"; }
};

inline DerivedMetric product(const std::string& metric, const std::string& first, const std::string& second) {
  return {metric, {{first, Aggregate::avg}, {second, Aggregate::avg}}, std::make_shared<Product>()};
}

struct Sum final : Formula {
  double evaluate(std::span<const double> inputs) const noexcept override { return inputs[0] + inputs[1]; }
  std::string_view text() const noexcept override { return "a + b"; }
};

inline SeriesId series_of(Pipeline& pipeline, const std::string& sensor) {
  const auto known = pipeline.series().find(sensor, "t");
  return known ? *known : pipeline.add_series({sensor, "t", {}, {}}).value();
}

// A reading without a clock: event time rules are not applied.
inline void read(Pipeline& pipeline, const std::string& sensor, double time, double value = 1) {
  const Reading reading{series_of(pipeline, sensor), at(time), value};
  pipeline.apply({SourceId{0}, std::nullopt, std::span<const Reading>(&reading, 1)});
}

inline void read_at(Pipeline& pipeline, double arrival, const std::string& sensor, double time, double value = 1) {
  const Reading reading{series_of(pipeline, sensor), at(time), value};
  pipeline.apply({SourceId{0}, moment(arrival), std::span<const Reading>(&reading, 1)});
}

inline Emission tick(Pipeline& pipeline, double seconds, Fire fire = Fire::due) {
  Emission emission;
  pipeline.tick(moment(seconds), fire, emission);
  return emission;
}

// "a [0,10) closed r2: 3 6" per row; times in seconds.
inline std::vector<std::string> lines(const Pipeline& pipeline, const Emission& emission, std::size_t columns = 2) {
  const auto number = [](double value) {
    std::string text = std::to_string(value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
  };
  std::vector<std::string> result;
  for (const Row& row : emission.rows) {
    constexpr const char* states[] = {"open", "closed", "final", "retracted"};
    std::string line = pipeline.key_of(row)->sensor + " [" + number(static_cast<double>(row.start.count()) / 1e6) +
                       "," + number(static_cast<double>(row.end.count()) / 1e6) + ") " +
                       states[static_cast<int>(row.state)] + " r" + std::to_string(row.revision) + ":";
    for (std::size_t i = 0; i < columns; ++i) line += " " + number(emission.values[row.first_value + i]);
    result.push_back(line);
  }
  return result;
}

}  // namespace edgetide::test
