// Where a spool source is with a file: what is journaled with the readings of its lines, and says after a restart which
// file that was and from where it is to be read.
//
// A file is known by its inode, and, since the numbers of removed files are used again, by a mark: the hash of the 256
// bytes before the position (of an archive: of its first 256). One that is done is known by its time and size as well.
//
//   bytes: u8 version, u64 sequence, inode, offset, u32 mark_bytes, u64 mark, u8 state, i64 changed_ns, u64 size, name
//
// Thread: pure. Fails: `parse` gives nothing for bytes that are no position.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgetide {

struct SpoolPosition {
  std::uint64_t sequence = 0;  // of the files that were begun: the higher, the later
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;  // of the next line, in the content
  std::uint32_t mark_bytes = 0;
  std::uint64_t mark = 0;
  bool is_done = false;         // all of it was taken; the three below are set then
  bool is_damaged = false;      // as far as it can be read
  std::int64_t changed_ns = 0;  // since 1970
  std::uint64_t size = 0;
  std::string name;
  bool operator==(const SpoolPosition&) const = default;
};

std::string to_bytes(const SpoolPosition& position);
std::optional<SpoolPosition> parse_spool_position(std::string_view bytes);

}  // namespace edgetide
