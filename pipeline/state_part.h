// The parts that the state of a window is made of: what each adds, merges, saves and loads. An AggregateLayout
// (aggregate.h) lays out those that its aggregates read, one behind the other.
//
// A part is some 8-byte words, or one word that points to what grows with the readings (quantile_sketch.h,
// distinct_counter.h, point_list.h): 0 before the first reading. `carried` and `counter` change with no reading: they
// say what came before the window (carried_reading.h), and are set when rows are about to be emitted.
//
// Units:  values as in the series; times in UTC microseconds.
// Owns:   nothing; a part that owns memory has to be released before its words are forgotten.
// Fails:  never. Thread: pure.
// See:    compensated sum: Neumaier 1974; moments: Welford 1962, merged after Chan, Golub, LeVeque 1979.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "pipeline/bytes.h"
#include "pipeline/time.h"

namespace edgetide {

using StateWord = std::uint64_t;

// In the order in which they are laid out: those that own memory come last.
enum class StatePart : std::uint8_t {
  sum,
  min,
  max,
  first,
  last,
  moments,
  carried,  // value and time of the reading before the window; NaN: there is none
  counter,  // CounterTrack::base and before of that reading, and of the last one in the window
  sketch,
  distinct,
  points,
};
inline constexpr std::size_t state_part_count = 11;

constexpr std::size_t index_of(StatePart part) noexcept {
  return static_cast<std::size_t>(part);
}

struct StatePartKind {
  std::size_t words;
  StateWord initial = 0;  // of its first word, in the state of no readings

  // `count`: readings in the state, with this one. Returns how many bytes the part took for it. Null: readings do not
  // change it.
  std::size_t (*add)(StateWord* part, std::uint64_t count, Timestamp event_time, double value);
  // Takes in the readings of `other`, which arrived later. Requires: both states have readings; or, where the part owns
  // memory, `other` has. The counts are those before the merge.
  void (*merge)(StateWord* part, std::uint64_t count, const StateWord* other, std::uint64_t other_count);

  // Of parts that own memory; null for others.
  void (*release)(StateWord& part) = nullptr;
  std::size_t (*owned_bytes)(StateWord part) = nullptr;
  std::size_t (*growth)(StateWord part, double value) = nullptr;  // what `add` of that value would take at most
  std::size_t largest_growth = 0;                                 // of `add`, whatever the value
  void (*save)(StateWord part, ByteWriter& out) = nullptr;
  bool (*load)(StateWord& part, ByteReader& in) = nullptr;

  bool owns_memory() const noexcept { return release != nullptr; }
};

const StatePartKind& kind_of(StatePart part) noexcept;

// ---- the bytes of a word

constexpr StateWord word_of(double value) noexcept {
  return std::bit_cast<StateWord>(value);
}
constexpr double real_of(StateWord word) noexcept {
  return std::bit_cast<double>(word);
}
constexpr Timestamp time_of(StateWord word) noexcept {
  return Timestamp::microseconds(static_cast<std::int64_t>(word));
}
template <typename Part>
Part* part_at(StateWord word) noexcept {
  return reinterpret_cast<Part*>(static_cast<std::uintptr_t>(word));
}

// ---- those on the way of every reading: a call among them costs it four instructions

// part: sum, compensation. Once a value is huge and the sum could be beyond double, both are divided by sum_scale: the
// first word is a NaN that has the compensation in its low bits, the second the sum.
inline constexpr double sum_scale = 0x1p60;
// Of such a part, sum and compensation together.
double scaled_sum(const StateWord* part) noexcept;
// False: the sum is of smaller magnitude than the value, as that of no readings is, or it is scaled.
[[gnu::always_inline]] inline bool is_larger_sum(const StateWord* part, double value) noexcept {
  return std::abs(real_of(part[0])) >= std::abs(value);
}
[[gnu::always_inline]] inline void add_to_larger_sum(StateWord* part, double value) noexcept {
  const double sum = real_of(part[0]);
  const double total = sum + value;
  part[0] = word_of(total);
  part[1] = word_of(real_of(part[1]) + ((sum - total) + value));
}
void add_to_sum(StateWord* part, double value) noexcept;
[[gnu::always_inline]] inline void add_to_min(StateWord& part, double value) noexcept {
  if (value < real_of(part)) part = word_of(value + 0.0);  // -0 is 0
}
[[gnu::always_inline]] inline void add_to_max(StateWord& part, double value) noexcept {
  if (value > real_of(part)) part = word_of(value + 0.0);
}
// part: event time, value. Ties in event time go by arrival: `first` keeps, `last` takes the newer reading.
[[gnu::always_inline]] inline void add_to_first(StateWord* part, std::uint64_t count, Timestamp event_time,
                                                double value) noexcept {
  if (count > 1 && event_time >= time_of(part[0])) return;
  part[0] = static_cast<StateWord>(event_time.count());
  part[1] = word_of(value);
}
[[gnu::always_inline]] inline void add_to_last(StateWord* part, std::uint64_t count, Timestamp event_time,
                                               double value) noexcept {
  if (count > 1 && event_time < time_of(part[0])) return;
  part[0] = static_cast<StateWord>(event_time.count());
  part[1] = word_of(value);
}

}  // namespace edgetide
