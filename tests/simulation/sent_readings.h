// What sensors have sent, and the naive model of what a store has to hold for it: per sensor and window of ten seconds
// the count and the sum of all that was sent.
//
// Thread: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "pipeline/time.h"

namespace edgetide::test {

struct SentReading {
  std::string sensor;
  Timestamp time;
  double value = 0;

  std::string text() const { return sensor + ' ' + std::to_string(time.count()) + ' ' + std::to_string(value); }
};

class SentReadings {
 public:
  static constexpr Duration window_size = Duration::seconds(10);
  using Key = std::pair<std::string, std::int64_t>;  // sensor, start of the window
  struct Row {
    std::size_t count = 0;
    double sum = 0;
    bool operator==(const Row&) const = default;
  };
  using Rows = std::map<Key, Row>;

  // Requires: a time after 1970.
  static Key key_of(const SentReading& reading) {
    return {reading.sensor, reading.time.count() - reading.time.count() % window_size.count()};
  }
  void add(const SentReading& reading) {
    Row& row = rows_[key_of(reading)];
    ++row.count;
    row.sum += reading.value;
  }
  // It was lost on its way to us. Requires: it was added.
  void remove(const SentReading& reading) {
    Row& row = rows_[key_of(reading)];
    row.sum -= reading.value;
    if (--row.count == 0) rows_.erase(key_of(reading));
  }
  const Rows& rows() const noexcept { return rows_; }

 private:
  Rows rows_;
};

}  // namespace edgetide::test
