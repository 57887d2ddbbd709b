#include "daemon/sources/file_content.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/decoders/message_fingerprint.h"

namespace edgetide {

namespace {

constexpr std::size_t piece_bytes = 64 * 1024;

bool is_still(int descriptor, const FoundFile& found) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return false;
  const FoundFile now = found_file({}, status, true);
  return now.size == found.size && now.changed_ns == found.changed_ns;
}

// Adds the bytes from `begin` to `end` to the hash.
bool add_bytes(int descriptor, std::uint64_t begin, std::uint64_t end, std::uint64_t& hash) {
  std::string buffer(piece_bytes, '\0');
  while (begin < end) {
    const std::size_t wanted = std::min<std::uint64_t>(piece_bytes, end - begin);
    std::size_t got = 0;
    while (got < wanted) {
      const ssize_t some = pread(descriptor, buffer.data() + got, wanted - got, static_cast<off_t>(begin + got));
      if (some <= 0) return false;
      got += static_cast<std::size_t>(some);
    }
    hash = hash_of_names(std::to_string(hash), std::string_view(buffer).substr(0, got));
    begin += got;
  }
  return true;
}

}  // namespace

std::optional<std::uint64_t> hash_of_content(int descriptor, const FoundFile& found) {
  if (!is_still(descriptor, found)) return std::nullopt;
  const std::uint64_t half = std::min<std::uint64_t>(found.size, max_hashed_bytes) / 2;
  std::uint64_t hash = found.size;
  if (!add_bytes(descriptor, 0, half, hash)) return std::nullopt;
  const std::uint64_t rest = found.size <= max_hashed_bytes ? half : found.size - half;
  if (!add_bytes(descriptor, rest, found.size, hash)) return std::nullopt;
  return is_still(descriptor, found) ? std::optional(hash) : std::nullopt;
}

}  // namespace edgetide
