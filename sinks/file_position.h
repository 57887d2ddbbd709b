// What a file sink has confirmed, as the one line of its position file:
//
//   edgetide-position 1 STATE RUN EPOCH CREATED LENGTH NAME
//
// STATE in hex; CREATED in seconds since 1970, of the part; LENGTH in bytes; NAME of the part, "-" where there is none.
//
// Thread: pure. Fails: `parse` gives nothing for a line that is not one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sinks/row_batch.h"

namespace edgetide {

struct FilePosition {
  std::uint64_t state_id = 0;
  EpochId epoch;
  std::int64_t created = 0;
  std::uint64_t length = 0;
  std::string part;  // empty: none is begun
  bool operator==(const FilePosition&) const = default;
};

std::string to_text(const FilePosition& position);
std::optional<FilePosition> parse_file_position(std::string_view text);

}  // namespace edgetide
