// What the quarantine may take of the disk. Thread: plain values.
#pragma once

#include <cstddef>

#include "pipeline/time.h"

namespace edgetide {

struct QuarantineOptions {
  std::size_t max_bytes = 16 * 1024 * 1024;        // of disk
  std::size_t write_bytes_per_second = 64 * 1024;  // over longer times; a flash card wears with every byte
  // Messages of each source: so many at once, then one after each such time. 100 and 10 s: 35 MB a day at most.
  std::size_t messages_at_once = 100;
  Duration message_every = Duration::seconds(10);
  bool operator==(const QuarantineOptions&) const = default;
};

}  // namespace edgetide
