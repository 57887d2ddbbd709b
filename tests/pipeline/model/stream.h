// A test case for the whole engine: options and a list of inputs, made from a seed; readable, and easy to cut down.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/options.h"
#include "pipeline/series.h"

namespace edgetide::test {

struct Input {
  enum class Kind { reading, tick, tick_all, connect, disconnect, raise, restart } kind = Kind::reading;
  std::uint32_t source = 0;
  std::string sensor;
  std::string metric;
  Timestamp time;  // event time; of raise the new watermark
  double value = 0;
  std::uint32_t labels = 0;      // of series_of
  std::optional<Moment> moment;  // arrival, or now
};

struct Case {
  std::uint64_t seed = 0;
  PipelineOptions options;
  std::vector<Input> inputs;
};

// Labels follow from the sensor and a number, so that a case is small to print.
Series series_of(const std::string& sensor, const std::string& metric, std::uint32_t labels = 0);

Case random_case(std::uint64_t seed);

// From the environment, e.g. how many seeds to run.
std::uint64_t number_from(const char* variable, std::uint64_t otherwise);

std::string to_text(const Case& test_case);

}  // namespace edgetide::test
