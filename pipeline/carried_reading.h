// The last reading of a key before a window, as its aggregates carry it in; and by key that of the windows that are
// final and forgotten.
//
// Units:  values as in the series; time in UTC microseconds. Thread: one owner at a time. Fails: never.
// Owns:   32 bytes per key, where some aggregate needs them.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/counter_track.h"
#include "pipeline/heap_bytes.h"
#include "pipeline/ids.h"
#include "pipeline/time.h"

namespace edgetide {

struct CarriedReading {
  Timestamp time;
  CounterTrack counter;  // up to that reading; of other aggregates just `last`

  bool known() const noexcept { return !std::isnan(counter.last); }
  double value() const noexcept { return counter.last; }
  bool operator==(const CarriedReading& other) const noexcept { return time == other.time && counter == other.counter; }
};

class CarriedReadings {
 public:
  explicit CarriedReadings(bool needed) noexcept : needed_(needed) {}

  void reserve_keys(std::size_t count) {
    if (needed_) keys_.resize(std::max(keys_.size(), count));
  }
  // Requires: room for the key, and that they are needed.
  const CarriedReading& of(KeyId key) const noexcept { return keys_[index_of(key)]; }
  void set(KeyId key, const CarriedReading& carried) noexcept { keys_[index_of(key)] = carried; }
  bool needed() const noexcept { return needed_; }
  // One that is older than the present one changes nothing. False: so does one that is the same.
  bool offer(KeyId key, const CarriedReading& carried) noexcept {
    const CarriedReading& present = of(key);
    if (!carried.known() || (present.known() && present.time > carried.time) || present == carried) return false;
    set(key, carried);
    return true;
  }
  void forget(KeyId key) noexcept {
    if (needed_) keys_[index_of(key)] = {};
  }

  std::size_t memory_bytes() const noexcept { return heap_bytes(keys_); }
  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  bool needed_;
  std::vector<CarriedReading> keys_;
};

}  // namespace edgetide
