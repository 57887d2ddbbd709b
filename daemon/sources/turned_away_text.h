// The notice about connections that were closed. Thread: pure. Fails: never.
#pragma once

#include <cstddef>
#include <string>

#include "daemon/sources/source.h"

namespace edgetide {

// Requires: there is one.
inline std::string turned_away_text(const TurnedAwayCounts& counts) {
  std::string reasons;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    reasons += (reasons.empty() ? "" : ", ") + std::string(turned_away_names[i]) + ' ' + std::to_string(counts[i]);
  }
  return "connections closed to keep the limits: " + reasons;
}

}  // namespace edgetide
