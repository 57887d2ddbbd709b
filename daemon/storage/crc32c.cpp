#include "daemon/storage/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__) && !defined(__clang__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define EDGETIDE_ARM_CRC
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

namespace edgetide {

namespace {

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

// Of the bytes behind what `crc` is the state of, neither inverted.
using Add = std::uint32_t (*)(std::uint32_t crc, std::string_view bytes) noexcept;

std::uint32_t add_by_tables(std::uint32_t crc, std::string_view bytes) noexcept {
  while (bytes.size() >= 8) {
    crc = add_eight(crc, bytes.data());
    bytes.remove_prefix(8);
  }
  for (const char byte : bytes) crc = add_byte(crc, static_cast<unsigned char>(byte));
  return crc;
}

#if defined(__x86_64__) || defined(EDGETIDE_ARM_CRC)

#if defined(__x86_64__)
#define EDGETIDE_CRC_TARGET __attribute__((target("sse4.2")))
EDGETIDE_CRC_TARGET inline std::uint32_t instruct(std::uint32_t crc, std::uint64_t eight) noexcept {
  return static_cast<std::uint32_t>(_mm_crc32_u64(crc, eight));
}
EDGETIDE_CRC_TARGET inline std::uint32_t instruct(std::uint32_t crc, unsigned char byte) noexcept {
  return _mm_crc32_u8(crc, byte);
}
bool has_instruction() noexcept {
  __builtin_cpu_init();
  return __builtin_cpu_supports("sse4.2") != 0;
}
#else
#define EDGETIDE_CRC_TARGET __attribute__((target("+crc")))
EDGETIDE_CRC_TARGET inline std::uint32_t instruct(std::uint32_t crc, std::uint64_t eight) noexcept {
  return __crc32cd(crc, eight);
}
EDGETIDE_CRC_TARGET inline std::uint32_t instruct(std::uint32_t crc, unsigned char byte) noexcept {
  return __crc32cb(crc, byte);
}
bool has_instruction() noexcept {
  return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#endif

EDGETIDE_CRC_TARGET std::uint32_t add_by_instruction(std::uint32_t crc, std::string_view bytes) noexcept {
  while (bytes.size() >= 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes.data(), sizeof eight);
    crc = instruct(crc, eight);
    bytes.remove_prefix(8);
  }
  for (const char byte : bytes) crc = instruct(crc, static_cast<unsigned char>(byte));
  return crc;
}

const Add add = has_instruction() ? add_by_instruction : add_by_tables;

#else

constexpr Add add = add_by_tables;

#endif

// Checksums as polynomials modulo the one of CRC-32C, the highest bit first.
constexpr std::uint32_t reflected_polynomial = 0x82F63B78, one_byte_on = 1U << 23;

constexpr std::uint32_t product(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t result = 0;
  for (std::uint32_t bit = 1U << 31; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) result ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? reflected_polynomial : 0);
  }
  return result;
}

// [k]: what 2^k bytes behind a checksum multiply it by.
constexpr std::array<std::uint32_t, 64> make_powers() noexcept {
  std::array<std::uint32_t, 64> powers{one_byte_on};
  for (std::size_t k = 1; k < powers.size(); ++k) powers[k] = product(powers[k - 1], powers[k - 1]);
  return powers;
}

constexpr std::array<std::uint32_t, 64> powers = make_powers();

}  // namespace

std::uint32_t crc32c_followed_by(std::uint32_t crc, std::uint64_t bytes) noexcept {
  for (std::size_t k = 0; bytes != 0; ++k, bytes >>= 1) {
    if ((bytes & 1) != 0) crc = product(powers[k], crc);
  }
  return crc;
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) noexcept {
  return ~add(~before, bytes);
}

std::uint32_t crc32c_by_tables(std::string_view bytes, std::uint32_t before) noexcept {
  return ~add_by_tables(~before, bytes);
}

}  // namespace edgetide
