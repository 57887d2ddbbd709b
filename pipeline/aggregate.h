// The aggregates a window can compute, and the state they share.
//
// An `AggregateLayout` takes the list a window was asked for and lays the state it needs out in a block of 8-byte
// words: the count always, then only the parts that some aggregate reads (a sum, the minimum, the moments...). What
// grows with the readings (quantile_sketch.h, distinct_counter.h, point_list.h) is held by one pointer each.
// States merge: `merge` gives the state that all readings together would have given.
//
// Units:  values as in the series; times in UTC microseconds.
// Owns:   nothing; the blocks belong to the window stores, which release them.
// Fails:  never; an aggregate that cannot be computed (stddev of one reading, a sum beyond double) is NaN.
// See: compensated sum: Neumaier 1974; moments: Welford 1962, merged after Chan, Golub, LeVeque 1979.
// Thread: immutable after construction.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/time.h"

namespace edgetide {

// One aggregate of a window's list. Named ones compare equal to themselves: `aggregate == Aggregate::avg`.
struct Aggregate {
  enum class Kind : std::uint8_t {
    count,
    sum,
    min,
    max,
    avg,
    first,
    last,
    stddev,
    variance,
    range,
    delta,
    rate,
    increase,
    time_weighted_avg,
    distinct,
    max_gap,
    percentile,
  };
  Kind kind = Kind::count;
  double percent = 0;  // of percentile: 0 to 100

  bool operator==(const Aggregate&) const = default;

  static const Aggregate count, sum, min, max, avg, first, last, stddev, variance, range, delta, rate, increase,
      time_weighted_avg, distinct, max_gap;
  static constexpr Aggregate percentile(double percent) noexcept { return {Kind::percentile, percent}; }
};

inline constexpr Aggregate Aggregate::count{Kind::count};
inline constexpr Aggregate Aggregate::sum{Kind::sum};
inline constexpr Aggregate Aggregate::min{Kind::min};
inline constexpr Aggregate Aggregate::max{Kind::max};
inline constexpr Aggregate Aggregate::avg{Kind::avg};
inline constexpr Aggregate Aggregate::first{Kind::first};
inline constexpr Aggregate Aggregate::last{Kind::last};
inline constexpr Aggregate Aggregate::stddev{Kind::stddev};
inline constexpr Aggregate Aggregate::variance{Kind::variance};
inline constexpr Aggregate Aggregate::range{Kind::range};
inline constexpr Aggregate Aggregate::delta{Kind::delta};
inline constexpr Aggregate Aggregate::rate{Kind::rate};
inline constexpr Aggregate Aggregate::increase{Kind::increase};
inline constexpr Aggregate Aggregate::time_weighted_avg{Kind::time_weighted_avg};
inline constexpr Aggregate Aggregate::distinct{Kind::distinct};
inline constexpr Aggregate Aggregate::max_gap{Kind::max_gap};

// All but percentiles, which are written pNN or pNN.N.
inline constexpr std::array<std::string_view, 16> aggregate_names = {
    "count",    "sum",      "min",   "max",   "avg",  "first",    "last",
    "stddev",   "variance", "range", "delta", "rate", "increase", "time_weighted_avg",
    "distinct", "max_gap",
};

// "avg", "p95", "p99.9".
std::string name_of(const Aggregate& aggregate);
std::optional<Aggregate> aggregate_named(std::string_view name) noexcept;

class AggregateLayout {
 public:
  using Word = std::uint64_t;

  explicit AggregateLayout(std::span<const Aggregate> aggregates);

  std::size_t words() const noexcept { return words_; }
  const std::vector<Aggregate>& aggregates() const noexcept { return aggregates_; }

  // The state of no readings. Does not free what the state held.
  void clear(Word* state) const noexcept;
  // Some aggregate keeps more than words: a state has to be released before it is forgotten.
  bool owns_memory() const noexcept { return sketch_ != absent || distinct_ != absent || points_ != absent; }
  void release(Word* state) const noexcept;  // leaves the state of no readings

  // Requires: `value` is finite. Ties in event time go by arrival: `first` keeps, `last` takes the newer reading.
  [[gnu::always_inline]] void add(Word* state, Timestamp event_time, double value) const {
    const Word count = ++state[0];
    if (sum_min_max_) [[likely]] {
      add_compensated(state + sum_at, value);
      add_minimum(state[min_at], value);
      add_maximum(state[max_at], value);
    } else {
      if (sum_ != absent) add_compensated(state + sum_, value);
      if (min_ != absent) add_minimum(state[min_], value);
      if (max_ != absent) add_maximum(state[max_], value);
    }
    if (in_order_ && (first_ != absent && (count == 1 || event_time < time(state[first_])))) {
      keep(state + first_, event_time, value);
    }
    if (in_order_ && (last_ != absent && (count == 1 || event_time >= time(state[last_])))) {
      keep(state + last_, event_time, value);
    }
    if (more_) [[unlikely]]
      add_more(state, event_time, value);
  }

  // Adds the readings of `other`, which arrived after those of `state`.
  void merge(Word* state, const Word* other) const;

  struct Span {  // of the window; end latest(): it has none
    Timestamp start;
    Timestamp end;
  };
  static std::uint64_t count(const Word* state) noexcept { return state[0]; }
  double value(const Word* state, const Aggregate& aggregate, Span span) const noexcept;

  std::size_t heap_bytes(const Word* state) const noexcept;
  void save(ByteWriter& out, const Word* state) const;
  // False for bytes that no state has. Requires: a cleared state; it is released if the bytes are refused.
  bool load(ByteReader& in, Word* state) const;

 private:
  static constexpr std::size_t absent = 0;  // word 0 is the count
  // Where the usual three are, if all of them are wanted: then a reading need not ask for each.
  static constexpr std::size_t sum_at = 1;
  static constexpr std::size_t min_at = 3;
  static constexpr std::size_t max_at = 4;

  static Word word(double value) noexcept { return std::bit_cast<Word>(value); }
  static double real(Word word) noexcept { return std::bit_cast<double>(word); }
  static Timestamp time(Word word) noexcept { return Timestamp::microseconds(static_cast<std::int64_t>(word)); }

  static void keep(Word* part, Timestamp event_time, double value) noexcept {
    part[0] = static_cast<Word>(event_time.count());
    part[1] = word(value);
  }

  static void add_minimum(Word& part, double value) noexcept {
    if (value < real(part)) part = word(value + 0.0);  // -0 is 0
  }
  static void add_maximum(Word& part, double value) noexcept {
    if (value > real(part)) part = word(value + 0.0);
  }
  // part: sum, compensation
  static void add_compensated(Word* part, double value) noexcept {
    const double sum = real(part[0]);
    const double total = sum + value;
    const double lost = std::abs(sum) >= std::abs(value) ? (sum - total) + value : (value - total) + sum;
    part[0] = word(total);
    part[1] = word(real(part[1]) + lost);
  }

  static void add_moments(Word* part, double count, double value) noexcept;
  static void merge_moments(Word* part, double n, const Word* other, double m) noexcept;
  [[gnu::noinline]] void add_more(Word* state, Timestamp event_time, double value) const;
  void merge_more(Word* state, const Word* other) const;

  // The pointers come last.
  std::size_t plain_words() const noexcept {
    return words_ - (sketch_ != absent ? 1 : 0) - (distinct_ != absent ? 1 : 0) - (points_ != absent ? 1 : 0);
  }

  double sum(const Word* state) const noexcept { return real(state[sum_]) + real(state[sum_ + 1]); }
  double variance(const Word* state) const noexcept;
  double rate(const Word* state) const noexcept;
  double computed(const Word* state, const Aggregate& aggregate, Span span) const noexcept;

  std::vector<Aggregate> aggregates_;
  std::size_t words_ = 1;
  std::size_t sum_ = absent;
  std::size_t min_ = absent;
  std::size_t max_ = absent;
  std::size_t first_ = absent;
  std::size_t last_ = absent;
  std::size_t moments_ = absent;
  std::size_t sketch_ = absent;    // a pointer, 0 before the first reading
  std::size_t distinct_ = absent;  // likewise
  std::size_t points_ = absent;    // likewise
  bool sum_min_max_ = false;       // all three, at sum_at, min_at and max_at
  bool in_order_ = false;          // first or last
  bool more_ = false;              // moments, sketch, distinct or points
};

}  // namespace edgetide
