// The aggregates a window can compute, and the state they share.
//
// An `AggregateLayout` lists what a window was asked for and lays the state that needs out in one fixed-size block of
// 8-byte words: the count always, then only the parts that some aggregate reads (a sum, the extremes, the moments...).
// States are mergeable: `merge` gives the state that all readings together would have given.
//
// Units:  values as in the series; times in UTC microseconds.
// Owns:   nothing; the state blocks belong to the window store.
// Fails:  never; an aggregate that cannot be computed (stddev of one reading) is NaN.
// Source: compensated sum: Neumaier 1974; moments: Welford 1962, merged after Chan, Golub, LeVeque 1979.
// Thread: immutable after construction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "pipeline/time.h"

namespace edgetide {

enum class Aggregate : std::uint8_t { count, sum, min, max, avg, first, last, stddev, variance };

inline constexpr std::size_t aggregate_count = static_cast<std::size_t>(Aggregate::variance) + 1;

inline constexpr std::array<std::string_view, aggregate_count> aggregate_names = {
    "count", "sum", "min", "max", "avg", "first", "last", "stddev", "variance",
};

constexpr std::string_view name_of(Aggregate aggregate) noexcept {
  return aggregate_names[static_cast<std::size_t>(aggregate)];
}

std::optional<Aggregate> aggregate_named(std::string_view name) noexcept;

}  // namespace edgetide
