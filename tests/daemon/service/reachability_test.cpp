#include "daemon/service/reachability.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

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

// Takes connections, and ends each at once or never.
class Listener {
 public:
  explicit Listener(bool ends) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    bind(socket_, reinterpret_cast<sockaddr*>(&address), length);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length);
    listen(socket_, 8);
    port = ntohs(address.sin_port);
    if (!ends) return;
    thread_ = std::thread([this] {
      for (int peer = accept(socket_, nullptr, nullptr); peer >= 0; peer = accept(socket_, nullptr, nullptr))
        close(peer);
    });
  }
  ~Listener() {
    shutdown(socket_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    close(socket_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::uint16_t port = 0;

 private:
  const int socket_;
  std::thread thread_;
};

TEST(Reachability, server_that_is_away_behind_a_proxy_keeps_no_connection) {
  const Listener server(false), proxy(true);
  EXPECT_TRUE(keeps_connections("127.0.0.1", server.port, 2s, 50ms, going_on));
  EXPECT_EQ(why_unreachable("127.0.0.1", proxy.port, 2s, going_on), "");
  EXPECT_FALSE(keeps_connections("127.0.0.1", proxy.port, 2s, 90s, going_on));
  EXPECT_FALSE(keeps_connections("127.0.0.1", static_cast<std::uint16_t>(free_port()), 2s, 50ms, going_on));
}

}  // namespace
}  // namespace edgetide::test
