#include "daemon/storage/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__SSE4_2__) && defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include <arm_acle.h>
#endif

namespace edgetide {

namespace {

#if defined(__SSE4_2__) && defined(__x86_64__)

std::uint32_t add_byte(std::uint32_t crc, unsigned char byte) noexcept {
  return _mm_crc32_u8(crc, byte);
}
std::uint32_t add_eight(std::uint32_t crc, const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return static_cast<std::uint32_t>(_mm_crc32_u64(crc, word));
}

#elif defined(__ARM_FEATURE_CRC32) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

std::uint32_t add_byte(std::uint32_t crc, unsigned char byte) noexcept {
  return __crc32cb(crc, byte);
}
std::uint32_t add_eight(std::uint32_t crc, const char* bytes) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return __crc32cd(crc, word);
}

#else

// tables[k][b]: what byte b does to the checksum when k bytes follow it (slicing by 8).
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() noexcept {
  constexpr std::uint32_t polynomial = 0x82F63B78;
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < tables.size(); ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 255];
    }
  }
  return tables;
}

constexpr Tables tables = make_tables();

std::uint32_t add_byte(std::uint32_t crc, unsigned char byte) noexcept {
  return (crc >> 8) ^ tables[0][(crc ^ byte) & 255];
}
std::uint32_t add_eight(std::uint32_t crc, const char* bytes) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    const std::uint32_t passed = i < 4 ? crc >> (8 * i) : 0;
    sum ^= tables[7 - i][(passed ^ static_cast<unsigned char>(bytes[i])) & 255];
  }
  return sum;
}

#endif

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) noexcept {
  std::uint32_t crc = ~before;
  while (bytes.size() >= 8) {
    crc = add_eight(crc, bytes.data());
    bytes.remove_prefix(8);
  }
  for (const char byte : bytes) crc = add_byte(crc, static_cast<unsigned char>(byte));
  return ~crc;
}

}  // namespace edgetide
