// How long rows are kept, by window: a row is older than that when its start lies so far back. A window without an
// entry keeps its rows for ever.
//
// Pure; any thread; never fails.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "pipeline/time.h"

namespace edgetide {

using Retention = std::map<std::string, Duration>;

inline std::optional<Duration> retention_of(const Retention& retention, const std::string& window) {
  const auto found = retention.find(window);
  return found == retention.end() ? std::nullopt : std::optional(found->second);
}

// Old rows that one transaction deletes at most: a fraction of a second, in which other writers wait.
inline constexpr std::size_t max_rows_deleted_at_once = 5'000;

}  // namespace edgetide
