#include "daemon/sources/spool_position.h"

#include <gtest/gtest.h>

#include "daemon/decoders/decoded_batch.h"

namespace edgetide::test {
namespace {

const SpoolPosition some_position{.sequence = 7,
                                  .inode = 1'234'567,
                                  .offset = std::uint64_t{1} << 40,
                                  .mark_bytes = 256,
                                  .mark = 0xABCDEF,
                                  .is_done = true,
                                  .is_damaged = true,
                                  .changed_ns = -5,
                                  .size = 99,
                                  .name = "a b\n.csv"};

TEST(SpoolPosition, comes_back_from_its_bytes) {
  EXPECT_EQ(parse_spool_position(to_bytes(some_position)), some_position);
}

TEST(SpoolPosition, bytes_that_are_none_are_refused) {
  const std::string bytes = to_bytes(some_position);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(parse_spool_position(bytes.substr(0, length))) << length;
  }
  EXPECT_FALSE(parse_spool_position(bytes + 'x'));
  EXPECT_FALSE(parse_spool_position('\x02' + bytes.substr(1))) << "of another version";
}

TEST(SpoolPosition, is_within_the_limit_with_the_longest_name) {
  SpoolPosition with_long_name = some_position;
  with_long_name.name = std::string(255, 'n');
  EXPECT_LE(to_bytes(with_long_name).size(), max_position_bytes);
}

}  // namespace
}  // namespace edgetide::test
