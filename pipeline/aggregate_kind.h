// The table of aggregates: what each is called, which parts of a window's state it reads (state_part.h), and how its
// value comes from them. An aggregate is one line of the table in aggregate_kind.cpp, and its name in Aggregate::Kind.
//
// Thread: pure. Fails: an aggregate that cannot be computed is NaN.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/carried_reading.h"
#include "pipeline/state_part.h"

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
    mean,
    median,
    mode,
    mad,
    changes,
    duration,
    first_time,
    last_time,
    percentile,
    m2,
    sketch,
  };
  Kind kind = Kind::count;
  double argument = 0;  // of percentile: 0 to 100; of duration: the value

  bool operator==(const Aggregate&) const = default;

  static const Aggregate count, sum, min, max, avg, first, last, stddev, variance, range, delta, rate, increase,
      time_weighted_avg, distinct, max_gap, mean, median, mode, mad, changes, first_time, last_time, m2, sketch;
  static constexpr Aggregate percentile(double percent) noexcept { return {Kind::percentile, percent}; }
  static constexpr Aggregate duration(double value) noexcept { return {Kind::duration, value}; }
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
inline constexpr Aggregate Aggregate::mean{Kind::mean};
inline constexpr Aggregate Aggregate::median{Kind::median};
inline constexpr Aggregate Aggregate::mode{Kind::mode};
inline constexpr Aggregate Aggregate::mad{Kind::mad};
inline constexpr Aggregate Aggregate::changes{Kind::changes};
inline constexpr Aggregate Aggregate::first_time{Kind::first_time};
inline constexpr Aggregate Aggregate::last_time{Kind::last_time};
inline constexpr Aggregate Aggregate::m2{Kind::m2};
inline constexpr Aggregate Aggregate::sketch{Kind::sketch};

struct AggregateSpan {  // end latest(): it has none
  Timestamp start;
  Timestamp end;
};

// What the configuration says of how values are computed.
struct AggregateRules {
  double reset_below = 0.5;               // of a counter: the share of its base below which a reading is low
  Duration hold = Duration::unlimited();  // how long a value holds that is followed by none
  bool carry_in = false;                  // windows follow one another: what came before a window counts in it
  bool keep_last = false;                 // the last reading of a window is asked for, whatever the aggregates
};

// What a value is computed from: a state with readings.
struct AggregateInput {
  const StateWord* state;
  const std::array<std::uint16_t, state_part_count>& at;  // by part: its first word; 0: it is not there
  const Aggregate& aggregate;
  AggregateSpan span;
  const AggregateRules& rules;

  double count() const noexcept { return static_cast<double>(state[0]); }
  const StateWord* part(StatePart part) const noexcept { return state + at[index_of(part)]; }
  // The reading before the window.
  CarriedReading carried() const noexcept;
};

// Parts of a state, as bits.
class StateParts {
 public:
  template <typename... Part>
  constexpr explicit StateParts(Part... parts) noexcept : bits_((0U | ... | (1U << index_of(parts)))) {}
  constexpr bool has(StatePart part) const noexcept { return (bits_ >> index_of(part)) & 1U; }

 private:
  unsigned bits_;
};

struct HeldInput {
  const Aggregate& aggregate;
  AggregateSpan span;
  const AggregateRules& rules;
  CarriedReading carried;
};

struct AggregateKind {
  Aggregate::Kind kind;
  std::string_view name;
  StateParts reads;
  double (*value)(const AggregateInput&);
  bool integer = false;  // a whole number, for a column of that type
  bool carries = false;  // takes in the reading before the window
  bool merges = false;   // only there to merge rows (mergeable.h): no list names it
  // Of a window without readings, in which the value of `held.carried` holds from the start; null: it has none.
  double (*filled)(const HeldInput& held) = nullptr;
};

// In the order of Aggregate::Kind.
extern const std::array<AggregateKind, 27> aggregate_kinds;

inline const AggregateKind& kind_of(const Aggregate& aggregate) {
  return aggregate_kinds[static_cast<std::size_t>(aggregate.kind)];
}

// All that are named, but for percentiles, which are written pNN or pNN.N, and durations: duration_N.
const std::vector<std::string_view>& aggregate_names();

// "avg", "p95", "p99.9", "duration_1".
std::string name_of(const Aggregate& aggregate);
std::optional<Aggregate> aggregate_named(std::string_view name) noexcept;

}  // namespace edgetide
