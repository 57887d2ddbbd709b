// How late readings arrive: arrival less event time, counted in buckets that double from 0.125 s to 65,536 s. From it
// one chooses max_out_of_orderness.
//
// Thread: plain values. Fails: never.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "pipeline/time.h"

namespace edgetide {

struct DelayHistogram {
  static constexpr std::size_t bounds = 20;
  static constexpr double first_bound_seconds = 0.125;

  // By the smallest bound that holds the delay; the last one: more than all of them.
  std::array<std::uint64_t, bounds + 1> counts{};
  Duration sum;  // of the delays; those of readings from the future count as none

  static constexpr double bound_seconds(std::size_t bucket) noexcept {
    return first_bound_seconds * static_cast<double>(std::uint64_t{1} << bucket);
  }

  constexpr void add(Duration delay) noexcept {
    const auto microseconds = static_cast<std::uint64_t>(delay.count() > 0 ? delay.count() : 0);
    const std::size_t bucket =
        microseconds == 0 ? 0 : static_cast<std::size_t>(std::bit_width((microseconds - 1) / 125'000));
    ++counts[bucket < bounds ? bucket : bounds];
    sum = sum + Duration::microseconds(static_cast<std::int64_t>(microseconds));
  }
};

}  // namespace edgetide
