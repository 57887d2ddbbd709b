// How long something took, counted in buckets that double.
//
// Thread: plain values. Fails: never.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "pipeline/time.h"

namespace edgetide {

// The bound of the first bucket, and how many have one.
template <std::uint64_t FirstMicroseconds, std::size_t Bounds>
struct DurationHistogram {
  static constexpr std::size_t bounds = Bounds;

  // By the smallest bound that holds the duration; the last one: more than all of them.
  std::array<std::uint64_t, bounds + 1> counts{};
  Duration sum;  // negative durations count as none

  static constexpr double bound_seconds(std::size_t bucket) noexcept {
    return static_cast<double>(FirstMicroseconds) * static_cast<double>(std::uint64_t{1} << bucket) / 1e6;
  }

  constexpr void add(Duration duration) noexcept {
    const auto microseconds = static_cast<std::uint64_t>(duration.count() > 0 ? duration.count() : 0);
    const std::size_t bucket =
        microseconds == 0 ? 0 : static_cast<std::size_t>(std::bit_width((microseconds - 1) / FirstMicroseconds));
    ++counts[bucket < bounds ? bucket : bounds];
    sum = sum + Duration::microseconds(static_cast<std::int64_t>(microseconds));
  }
};

// How late readings arrive: arrival less event time, 0.125 s to 65,536 s. From it one chooses max_out_of_orderness.
using DelayHistogram = DurationHistogram<125'000, 20>;
// How long a store takes for a delivery: 1 ms to 65 s.
using WriteHistogram = DurationHistogram<1'000, 17>;

}  // namespace edgetide
