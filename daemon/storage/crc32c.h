// CRC-32C (Castagnoli, as in iSCSI, ext4, SSE4.2): the checksum of everything in daemon/storage.
//
// Thread: pure. Fails: never.
// Cost:   8 bytes by one instruction where the processor has it (SSE4.2, ARMv8 CRC), which is found when the program
//         starts; else by tables of 8 KiB, 8 bytes at a time.
#pragma once

#include <cstdint>
#include <string_view>

namespace edgetide {

// Of `bytes` behind what `before` is the checksum of: crc32c(b, crc32c(a)) is that of a and b in a row.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) noexcept;

// The same without the instruction, whatever the processor has: for tests.
std::uint32_t crc32c_by_tables(std::string_view bytes, std::uint32_t before = 0) noexcept;

// What `crc` contributes to a checksum when so many bytes follow it:
//   crc32c(a + b) == crc32c_followed_by(crc32c(a), b.size()) ^ crc32c(b)
// So the checksum of any part of a file is known from those of the file up to its two ends.
std::uint32_t crc32c_followed_by(std::uint32_t crc, std::uint64_t bytes) noexcept;

}  // namespace edgetide
