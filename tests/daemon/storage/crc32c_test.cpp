#include "daemon/storage/crc32c.h"

#include <gtest/gtest.h>
#include <string>

namespace edgetide {
namespace {

std::string ascending(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(i);
  return bytes;
}

std::string descending(int count) {
  std::string bytes;
  for (int i = count; i-- > 0;) bytes += static_cast<char>(i);
  return bytes;
}

std::uint32_t bit_by_bit(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78 : 0);
  }
  return ~crc;
}

// RFC 3720, B.4, and the check value of the catalogue of parametrised CRC algorithms.
TEST(Crc32c, known_vectors) {
  const struct {
    std::string bytes;
    std::uint32_t crc;
  } cases[] = {
      {"", 0},
      {"123456789", 0xE3069283},
      {std::string(32, '\0'), 0x8A9136AA},
      {std::string(32, '\xFF'), 0x62A8AB43},
      {ascending(32), 0x46DD794E},
      {descending(32), 0x113FDB5C},
  };
  for (const auto& c : cases) EXPECT_EQ(crc32c(c.bytes), c.crc) << c.bytes.size() << " bytes";
}

TEST(Crc32c, every_length_and_every_cut_give_the_sum_of_the_definition) {
  const std::string bytes = ascending(100) + descending(37);
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const std::string_view part = std::string_view(bytes).substr(0, length);
    EXPECT_EQ(crc32c(part), bit_by_bit(part)) << length;
    EXPECT_EQ(crc32c_by_tables(part), bit_by_bit(part)) << length;
    const std::string_view rest = std::string_view(bytes).substr(length);
    EXPECT_EQ(crc32c(rest, crc32c(part)), bit_by_bit(bytes)) << "cut at " << length;
    EXPECT_EQ(crc32c_by_tables(rest, crc32c(part)), bit_by_bit(bytes)) << "cut at " << length;
  }
}

TEST(Crc32c, checksum_of_a_part_follows_from_those_up_to_its_ends) {
  const std::string bytes = ascending(256) + descending(200) + ascending(4096);
  for (std::size_t begin = 0; begin <= bytes.size(); begin += 53) {
    for (std::size_t end = begin; end <= bytes.size(); end += 101) {
      const std::uint32_t part = crc32c(std::string_view(bytes).substr(begin, end - begin));
      const std::uint32_t to_begin = crc32c(std::string_view(bytes).substr(0, begin));
      EXPECT_EQ(crc32c_followed_by(to_begin, end - begin) ^ crc32c(std::string_view(bytes).substr(0, end)), part)
          << begin << ' ' << end;
    }
  }
}

}  // namespace
}  // namespace edgetide
