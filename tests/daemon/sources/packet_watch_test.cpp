#include "daemon/sources/packet_watch.h"

#include <gtest/gtest.h>

namespace edgetide::test {
namespace {

TEST(PacketWatch, many_messages_of_any_number_of_bytes_are_not_one_packet) {
  PacketWatch watch(1000);
  for (std::uint64_t message = 1; message < 100; ++message) EXPECT_FALSE(watch.look(message * 5000, message));
}

TEST(PacketWatch, more_bytes_without_a_message_than_a_packet_may_have_are_one_that_is_too_large) {
  PacketWatch watch(1000);
  EXPECT_FALSE(watch.look(1000, 0));
  EXPECT_TRUE(watch.look(1001, 0));
  EXPECT_FALSE(watch.look(9000, 3)) << "it was whole before it was seen";
  EXPECT_FALSE(watch.look(10'000, 3));
  EXPECT_TRUE(watch.look(10'001, 3));
}

}  // namespace
}  // namespace edgetide::test
