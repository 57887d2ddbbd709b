// The last file descriptors of the process, which peers of sources may not take: so that what answers a person, a
// scraper or a store, and what writes files, still gets some while all connections of sources are held.
//
// The kernel gives the lowest number that is free, so a connection with one of the last numbers is one too many.
//
// Units:  descriptors. Thread: any. Fails: never.
// Limit:  128, or a quarter of what the process may have.
#pragma once

#include <algorithm>
#include <sys/resource.h>

namespace edgetide {

constexpr rlim_t most_reserved_descriptors = 128;

// What others than peers leave them.
inline rlim_t descriptors_for_peers() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return RLIM_INFINITY;
  return limit.rlim_cur - std::min(most_reserved_descriptors, limit.rlim_cur / 4);
}

inline bool is_reserved_descriptor(int descriptor) noexcept {
  return static_cast<rlim_t>(descriptor) >= descriptors_for_peers();
}

}  // namespace edgetide
