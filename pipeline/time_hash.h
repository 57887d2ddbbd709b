// The hash of an id and a time, for finding a window by its key and start, or a reading by its series and event time.
// Peers choose event times: as with names (name_hash.h), who does not know the seed cannot make many that meet.
//
// Thread: pure. Never stored: it may differ between machines and versions.
#pragma once

#include <cstdint>

#include "pipeline/name_hash.h"
#include "pipeline/time.h"

namespace edgetide {

class TimeHash {
 public:
  explicit TimeHash(std::uint64_t seed) noexcept
      : time_secret_(detail::fold(seed ^ 0x2D35'8DCC'AA6C'78A5, 0x8BB8'4B93'962E'ACC9)),
        id_secret_(detail::fold(time_secret_ ^ 0x4B33'A62E'D433'D4A3, 0x4D5A'2DA5'1DE1'AA47)) {}

  std::uint32_t operator()(std::uint32_t id, Timestamp time) const noexcept {
    return static_cast<std::uint32_t>(
        detail::fold(static_cast<std::uint64_t>(time.count()) ^ time_secret_, id ^ id_secret_));
  }

 private:
  std::uint64_t time_secret_;
  std::uint64_t id_secret_;
};

}  // namespace edgetide
