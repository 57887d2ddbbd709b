// The files of a record log: `<folder>/<name>-<number of its first record, 16 hex digits>.log`, in that order.
//
// Thread: any. Fails: with the error of the file system.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/storage/file_system.h"

namespace edgetide {

// Where a log is.
struct LogLocation {
  std::string folder;
  std::string name;  // [a-z0-9_]

  std::string path_of(std::uint64_t first_record) const;
};

struct Segment {
  std::uint64_t first_record = 0;
  std::uint64_t bytes = 0;
};

std::string segment_name(std::string_view log, std::uint64_t first_record);
// Nothing for the name of another log, or of no segment.
std::optional<std::uint64_t> parse_segment_name(std::string_view log, std::string_view file) noexcept;

// Oldest first. A folder that is not there has none.
FileResult<std::vector<Segment>> list_segments(FileSystem& files, const LogLocation& location);

}  // namespace edgetide
