#include "daemon/broker/paho_reads.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace edgetide::test {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

constexpr std::uint64_t most = 10'000'000;

// A connection of MQTT 3.1.1 whose broker has accepted it.
class Connection {
 public:
  explicit Connection(const std::string& client_id)
      : reads_(client_id, {.protocol = 3, .max_bytes = most, .over_web_socket = false, .max_unreleased_bytes = 0}) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets_) != 0) std::abort();
    PahoReads::connect_sent(sockets_[0], client_id, 3);
    read("\x20\2\0\0"s);
  }
  ~Connection() {
    for (const int each : sockets_) close(each);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // False: the library sees the end of the connection.
  bool read(const std::string& bytes) {
    return PahoReads::checked(sockets_[0], bytes.data(), static_cast<long>(bytes.size())) > 0;
  }
  bool begin_message(std::uint64_t length) {
    std::string head = "\x30"s;
    for (left_ = length; length > 0; length >>= 7) {
      head += static_cast<char>((length & 0x7F) | (length >> 7 > 0 ? 0x80 : 0));
    }
    --left_, --left_, --left_;
    return read(head + "\0\1t"s);
  }
  bool end_message() { return read(std::string(left_, 'x')); }
  // As the library reads, after the broker has closed its end.
  long read_behind_end(bool unread_by_broker) {
    if (unread_by_broker && send(sockets_[0], "x", 1, 0) != 1) std::abort();
    close(std::exchange(sockets_[1], -1));
    char byte = 0;
    return recv(sockets_[0], &byte, 1, 0);
  }
  PahoReads& reads() { return reads_; }

 private:
  PahoReads reads_;
  int sockets_[2];
  std::uint64_t left_ = 0;
};

TEST(PahoReads, large_messages_of_all_connections_together_are_bounded) {
  Connection first("a"), second("b"), third("c");
  EXPECT_TRUE(first.begin_message(6'000'000));
  EXPECT_TRUE(second.begin_message(300'000)) << "small ones have room";
  EXPECT_FALSE(third.begin_message(6'000'000));
  EXPECT_THAT(third.reads().error(), HasSubstr("a packet of 6000000 bytes while others have the memory for it"));
  EXPECT_TRUE(third.reads().is_crowded());
  EXPECT_FALSE(third.reads().is_too_large()) << "it would fit alone, and its session goes on";
  EXPECT_FALSE(first.reads().is_crowded());
}

TEST(PahoReads, room_is_free_again_once_a_message_was_handled_or_its_connection_is_gone) {
  Connection first("a"), second("b"), third("c");
  EXPECT_TRUE(first.begin_message(6'000'000));
  EXPECT_TRUE(first.end_message());
  EXPECT_TRUE(second.begin_message(6'000'000)) << "this read comes when the message was handled";
  second.reads().release();
  EXPECT_TRUE(third.begin_message(6'000'000));
}

TEST(PahoReads, message_that_is_too_large_by_itself_is_not_crowded) {
  Connection alone("a");
  EXPECT_FALSE(alone.begin_message(most + 1));
  EXPECT_TRUE(alone.reads().is_too_large());
  EXPECT_FALSE(alone.reads().is_crowded());
}

TEST(PahoReads, stream_that_the_broker_ends_in_order_differs_from_a_reset) {
  Connection ended("a"), reset("b"), broken("c");
  EXPECT_FALSE(ended.reads().is_ended_by_broker());
  EXPECT_EQ(ended.read_behind_end(false), 0);
  EXPECT_TRUE(ended.reads().is_ended_by_broker());
  EXPECT_EQ(reset.read_behind_end(true), -1);
  EXPECT_FALSE(reset.reads().is_ended_by_broker());
  EXPECT_FALSE(broken.begin_message(most + 1));
  EXPECT_EQ(broken.read_behind_end(false), 0);
  EXPECT_FALSE(broken.reads().is_ended_by_broker()) << "it was us";
}

}  // namespace
}  // namespace edgetide::test
