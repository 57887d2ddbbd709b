#include "daemon/service/reachability.h"

#include <gtest/gtest.h>

#include "tests/fakes/mosquitto_server.h"

namespace edgetide::test {
namespace {

using namespace std::chrono_literals;

constexpr auto going_on = [] { return false; };

TEST(Reachability, says_why_a_server_cannot_be_reached) {
  EXPECT_EQ(why_unreachable("127.0.0.1", static_cast<std::uint16_t>(free_port()), 2s, going_on), "Connection refused");
  EXPECT_EQ(why_unreachable("nosuchhost.invalid", 1, 2s, going_on).find("unknown host nosuchhost.invalid ("), 0U);
}

TEST(Reachability, server_that_listens_on_one_address_of_a_name_is_reached) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  bind(listener, reinterpret_cast<sockaddr*>(&address), length);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  ASSERT_EQ(listen(listener, 1), 0);
  EXPECT_EQ(why_unreachable("localhost", ntohs(address.sin_port), 2s, going_on), "");
  close(listener);
}

}  // namespace
}  // namespace edgetide::test
