// What simulated sensors measure, and the order in which it is sent: a plan made from a seed before anything is sent.
//
// Regular readings respect the configured disorder: each is sent at most `disorder` of event time after a newer one of
// its sensor. The others break one rule each (Kind). The outcome of a reading follows from the order of sending alone,
// so the log of a run determines the rows that a receiver must produce.
//
// Units:  event times in UTC microseconds, durations in seconds.
// Thread: pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace edgetide::simulation {

enum class Kind : std::uint8_t {
  regular,
  same_time,  // a second reading of an event time, with another value
  late,       // sent up to `late_by` after the promised disorder
  very_late,  // sent `very_late_by` or more after a newer reading
  future,     // event time an hour ahead
  ancient,    // event time thirty days back
  no_number,  // the value is a word
  no_json,    // the payload is not JSON
};
inline constexpr std::array<std::string_view, 8> kind_names = {
    "regular", "same_time", "late", "very_late", "future", "ancient", "no_number", "no_json",
};

struct Options {
  std::uint64_t seed = 1;
  std::size_t sensors = 20;
  std::size_t readings = 2000;  // of all kinds and sensors together
  std::int64_t start_us = 0;    // event time of the first reading
  double span = 600;            // of event time
  double disorder = 5;
  double same_time = 0;  // fractions of the readings
  double late = 0;
  double very_late = 0;
  double bad = 0;  // future, ancient, no_number and no_json, as many of each
  double late_by = 10;
  double very_late_by = 120;
  bool demo = false;  // the first five sensors each show one thing that goes wrong in the field
};

struct Reading {
  std::int64_t event_time_us;
  std::int64_t due_us;  // when it is sent, on the clock of the event times
  std::size_t sensor;
  double value;  // a multiple of 1/64, so that sums are exact in any order
  Kind kind;
};

std::string sensor_name(const Options& options, std::size_t sensor);

// In order of sending.
std::vector<Reading> plan(const Options& options);

}  // namespace edgetide::simulation
