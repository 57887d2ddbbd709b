// The notice about connections that were closed. Thread: pure. Fails: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "daemon/sources/source.h"

namespace edgetide {

// Requires: there is one.
inline std::string turned_away_text(const TurnedAwayCounts& counts) {
  std::string reasons;
  for (const EnumWord<TurnedAway>& one : turned_away_words) {
    const std::uint64_t count = counts[static_cast<std::size_t>(one.value)];
    if (count == 0) continue;
    reasons += (reasons.empty() ? "" : ", ") + std::string(one.word) + ' ' + std::to_string(count);
  }
  return "connections closed to keep the limits: " + reasons;
}

}  // namespace edgetide
