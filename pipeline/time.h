// Event and processing time: UTC microseconds since 1970-01-01T00:00:00Z, and durations of the same unit.
//
// Units:  int64 microseconds everywhere; never time_t (32 bits on some boards).
// Fails:  never; every operation saturates at the ends of int64, so no input can overflow.
// Thread: values, any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace edgetide {

namespace detail {

constexpr std::int64_t saturating_add(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

constexpr std::int64_t saturating_sub(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b < 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

constexpr std::int64_t saturating_mul(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return (a < 0) == (b < 0) ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

}  // namespace detail

class Duration {
 public:
  constexpr Duration() noexcept = default;
  static constexpr Duration microseconds(std::int64_t n) noexcept { return Duration(n); }
  static constexpr Duration milliseconds(std::int64_t n) noexcept { return Duration(detail::saturating_mul(n, 1'000)); }
  static constexpr Duration seconds(std::int64_t n) noexcept { return Duration(detail::saturating_mul(n, 1'000'000)); }
  static constexpr Duration minutes(std::int64_t n) noexcept { return Duration(detail::saturating_mul(n, 60'000'000)); }
  static constexpr Duration hours(std::int64_t n) noexcept {
    return Duration(detail::saturating_mul(n, 3'600'000'000));
  }
  static constexpr Duration days(std::int64_t n) noexcept {
    return Duration(detail::saturating_mul(n, 86'400'000'000));
  }
  // Longer than anything; a rule with this duration is switched off ("none" in the configuration).
  static constexpr Duration unlimited() noexcept { return Duration(std::numeric_limits<std::int64_t>::max()); }

  constexpr std::int64_t count() const noexcept { return microseconds_; }
  constexpr auto operator<=>(const Duration&) const noexcept = default;

  friend constexpr Duration operator+(Duration a, Duration b) noexcept {
    return Duration(detail::saturating_add(a.microseconds_, b.microseconds_));
  }
  friend constexpr Duration operator-(Duration a, Duration b) noexcept {
    return Duration(detail::saturating_sub(a.microseconds_, b.microseconds_));
  }

 private:
  explicit constexpr Duration(std::int64_t n) noexcept : microseconds_(n) {}
  std::int64_t microseconds_ = 0;
};

class Timestamp {
 public:
  constexpr Timestamp() noexcept = default;
  static constexpr Timestamp microseconds(std::int64_t since_epoch) noexcept { return Timestamp(since_epoch); }
  static constexpr Timestamp earliest() noexcept { return Timestamp(std::numeric_limits<std::int64_t>::min()); }
  static constexpr Timestamp latest() noexcept { return Timestamp(std::numeric_limits<std::int64_t>::max()); }

  constexpr std::int64_t count() const noexcept { return microseconds_; }
  constexpr auto operator<=>(const Timestamp&) const noexcept = default;

  friend constexpr Timestamp operator+(Timestamp t, Duration d) noexcept {
    return Timestamp(detail::saturating_add(t.microseconds_, d.count()));
  }
  friend constexpr Timestamp operator-(Timestamp t, Duration d) noexcept {
    return Timestamp(detail::saturating_sub(t.microseconds_, d.count()));
  }
  friend constexpr Duration operator-(Timestamp a, Timestamp b) noexcept {
    return Duration::microseconds(detail::saturating_sub(a.microseconds_, b.microseconds_));
  }

 private:
  explicit constexpr Timestamp(std::int64_t n) noexcept : microseconds_(n) {}
  std::int64_t microseconds_ = 0;
};

// One reading of both clocks, taken once per batch and once per tick by the shell.
//
// wall     UTC; may step in either direction when the clock is set. Decides what is too early or too old.
// running  how long the daemon has run, across restarts, with as much of the downtime as is known; never goes back.
//          Triggers and idleness use it, so that a stepped wall clock moves neither.
struct Moment {
  Timestamp wall;
  Duration running;
};

}  // namespace edgetide
