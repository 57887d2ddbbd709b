// Finds the intact records behind damage, in time that grows with the length of the file and nothing else: a head that
// may be one is noted, and the checksums of all payloads follow from one pass over the file (crc32c_followed_by).
//
// Owns:   nothing. Thread: one owner at a time. Fails: what cannot be read has no records.
// Limit:  max_candidates at a time, about 3 MiB.
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/storage/file_window.h"

namespace edgetide {

struct FoundRecord {
  std::uint64_t offset = 0;
  std::uint64_t number = 0;
};

class RecordSearch {
 public:
  static constexpr std::size_t max_candidates = 65536;

  // Of records that begin at `begin` or behind it, in order. `expected` would be the number of one at `begin`. `end`:
  // where the next search goes on, at the end of the file or where there were too many candidates.
  struct Result {
    std::vector<FoundRecord> records;
    std::uint64_t end = 0;
  };
  static Result search(FileWindow& window, std::uint64_t begin, std::uint64_t expected, std::uint64_t from);
};

}  // namespace edgetide
