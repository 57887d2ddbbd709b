// How every reading ended, by source. The identity always holds:
//   received = on_time + late_accepted + late_dropped + duplicates + unmatched + refused (all reasons)
//
// Thread: plain values.
#pragma once

#include <array>
#include <cstdint>

#include "pipeline/refusal.h"

namespace edgetide {

// How a reading ended that was not refused; the best of what its windows say.
enum class ReadingOutcome : std::uint8_t {
  on_time,        // some window of it is open
  late_accepted,  // some window of it is closed but may still be corrected
  duplicate,      // where duplicates are dropped: its windows know this series and event time already
  late_dropped,   // all its windows are final
  unmatched,      // no window definition takes it
};

struct Counters {
  std::uint64_t received = 0;
  std::array<std::uint64_t, 5> outcomes{};  // by ReadingOutcome
  std::uint64_t restamped = 0;              // bad event time replaced by the arrival time; these have a outcome as well
  std::array<std::uint64_t, refusal_count> refused{};

  std::uint64_t of(ReadingOutcome outcome) const noexcept { return outcomes[static_cast<std::size_t>(outcome)]; }
  std::uint64_t duplicates() const noexcept { return of(ReadingOutcome::duplicate); }
  std::uint64_t of(Refusal reason) const noexcept { return refused[static_cast<std::size_t>(reason)]; }

  std::uint64_t outcomes_total() const noexcept {
    std::uint64_t total = 0;
    for (const std::uint64_t n : outcomes) total += n;
    return total;
  }
  std::uint64_t refused_total() const noexcept {
    std::uint64_t total = 0;
    for (const std::uint64_t n : refused) total += n;
    return total;
  }

  Counters& operator+=(const Counters& other) noexcept {
    received += other.received;
    for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i] += other.outcomes[i];
    restamped += other.restamped;
    for (std::size_t i = 0; i < refused.size(); ++i) refused[i] += other.refused[i];
    return *this;
  }
  // Requires: none is less than in `earlier`.
  Counters& operator-=(const Counters& earlier) noexcept {
    received -= earlier.received;
    for (std::size_t i = 0; i < outcomes.size(); ++i) outcomes[i] -= earlier.outcomes[i];
    restamped -= earlier.restamped;
    for (std::size_t i = 0; i < refused.size(); ++i) refused[i] -= earlier.refused[i];
    return *this;
  }
};

}  // namespace edgetide
