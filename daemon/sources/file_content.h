// A hash of what a file holds, to tell a file that was written from one whose time alone has changed (`touch`, a copy
// that keeps no times). Of a file beyond `max_hashed_bytes` it is that of its size, its beginning and its end.
//
// Owns:   nothing. Thread: any. Blocks: for the disk, for 16 MiB at most.
// Fails:  nothing, if it cannot be read, or is not as it was found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/sources/spool_folder.h"

namespace edgetide {

inline constexpr std::size_t max_hashed_bytes = 16 * 1024 * 1024;

std::optional<std::uint64_t> hash_of_content(int descriptor, const FoundFile& found);

}  // namespace edgetide
