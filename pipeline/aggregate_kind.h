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

struct AggregateSpan {  // end latest(): it has none
  Timestamp start;
  Timestamp end;
};

// What a value is computed from: a state with readings.
struct AggregateInput {
  const StateWord* state;
  const std::array<std::uint16_t, state_part_count>& at;  // by part: its first word
  const Aggregate& aggregate;
  AggregateSpan span;

  double count() const noexcept { return static_cast<double>(state[0]); }
  const StateWord* part(StatePart part) const noexcept { return state + at[index_of(part)]; }
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

struct AggregateKind {
  Aggregate::Kind kind;
  std::string_view name;
  StateParts reads;
  double (*value)(const AggregateInput&);
  bool integer = false;  // a whole number, for a column of that type
};

// In the order of Aggregate::Kind.
extern const std::array<AggregateKind, 17> aggregate_kinds;

inline const AggregateKind& kind_of(const Aggregate& aggregate) {
  return aggregate_kinds[static_cast<std::size_t>(aggregate.kind)];
}

// All but percentiles, which are written pNN or pNN.N.
const std::vector<std::string_view>& aggregate_names();

// "avg", "p95", "p99.9".
std::string name_of(const Aggregate& aggregate);
std::optional<Aggregate> aggregate_named(std::string_view name) noexcept;

}  // namespace edgetide
