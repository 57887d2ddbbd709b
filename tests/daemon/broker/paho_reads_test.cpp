#include "daemon/broker/paho_reads.h"

#include <cerrno>
#include <functional>
#include <gmock/gmock.h>
#include <pthread.h>
#include <sys/socket.h>
#include <thread>
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

constexpr char opening_answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
constexpr std::size_t first_read = 12, second_read = 1024;  // of the library, of an answer

// A server, and the library, which reads what it sends.
class WebSocket {
 public:
  explicit WebSocket(const std::string& client_id, std::uint64_t max_bytes = 1000)
      : client_id_(client_id),
        reads_(client_id, {.protocol = 3, .max_bytes = max_bytes, .over_web_socket = true, .max_unreleased_bytes = 0}) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets_) != 0) std::abort();
  }
  ~WebSocket() {
    for (const int each : sockets_) close(each);
  }
  WebSocket(const WebSocket&) = delete;
  WebSocket& operator=(const WebSocket&) = delete;

  void send(std::string_view bytes) {
    if (::send(sockets_[1], bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  }
  void end() { close(std::exchange(sockets_[1], -1)); }
  // What there is, "wait" for nothing yet, or "end".
  std::string read(std::size_t size) {
    std::string bytes(size, '\0');
    const ssize_t count = recv(sockets_[0], bytes.data(), size, 0);
    if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? "wait" : "error";
    return count == 0 ? "end" : bytes.substr(0, static_cast<std::size_t>(count));
  }
  int socket() const { return sockets_[0]; }
  void send_connect() { PahoReads::connect_sent(sockets_[0], client_id_, 3); }
  // As it comes up.
  void open() {
    send_connect();
    send("\x82\4\x20\2\0\0"s);
    EXPECT_EQ(read(2), "\x82\x7f");
    EXPECT_EQ(read(8), "\0\0\0\0\0\0\0\4"s);
    EXPECT_EQ(read(4), "\x20\2\0\0"s);
  }
  PahoReads& reads() { return reads_; }

 private:
  const std::string client_id_;
  PahoReads reads_;
  int sockets_[2];
};

void on_thread_of_library(const std::function<void()>& read) {
  std::thread([&] {
    pthread_setname_np(pthread_self(), "MQTTAsync_rcv");
    read();
  }).join();
}

TEST(PahoReads, answer_that_opens_a_web_socket_is_read_whole_or_not_at_all) {
  on_thread_of_library([] {
    WebSocket good("a"), bad("b"), ended("c");
    good.send(std::string_view(opening_answer).substr(0, 20));
    EXPECT_EQ(good.read(first_read), "wait");
    ended.send("HTTP/1.1 1");
    EXPECT_EQ(ended.read(first_read), "wait");
    bad.send("HTTP/1.1 502 Bad Gateway\r\n");
    EXPECT_EQ(bad.read(first_read), "end");
    ended.end();
    EXPECT_EQ(ended.read(first_read), "end");
    good.send(std::string_view(opening_answer).substr(20));
    EXPECT_EQ(good.read(first_read), "HTTP/1.1 101");
    EXPECT_EQ(good.read(second_read), std::string(opening_answer).substr(first_read));
    good.open();
  });
}

TEST(PahoReads, other_threads_read_as_ever_while_a_web_socket_opens) {
  WebSocket other("a");
  other.send("x");
  EXPECT_EQ(other.read(first_read), "x");
}

TEST(PahoReads, library_sees_only_whole_packets_of_a_web_socket) {
  WebSocket connection("a");
  connection.open();
  EXPECT_TRUE(connection.reads().is_checked());
  connection.send("\x02\3\x30\4\0"s);
  EXPECT_EQ(connection.read(2), "wait");
  connection.send("\x89\0"s);
  EXPECT_EQ(connection.read(2), "\x89\0"s);
  EXPECT_EQ(connection.read(2), "wait");
  connection.send("\x80\6\1t\x78\xd0\0\x30"s);
  for (const auto& [size, bytes] : {std::pair(2, "\x82\x7f"s), {8, "\0\0\0\0\0\0\0\6"s}, {6, "\x30\4\0\1t\x78"s}}) {
    EXPECT_EQ(connection.read(static_cast<std::size_t>(size)), bytes);
  }
  char left = 0;
  EXPECT_EQ(recv(connection.socket(), &left, 1, MSG_PEEK), 1) << "the next packet wakes the library";
  EXPECT_EQ(connection.read(100), "\x82\x7f\0\0\0\0\0\0\0\2\xd0\0"s);
  connection.end();
  EXPECT_EQ(connection.read(2), "end") << "without the half packet";
  EXPECT_TRUE(connection.reads().is_ended_by_broker());
}

TEST(PahoReads, packet_of_a_web_socket_that_is_too_large_is_named_so) {
  WebSocket connection("a");
  connection.open();
  connection.send("\x82\x7e\xff\xff\x30\xff\x7f"s);
  EXPECT_EQ(connection.read(2), "end");
  EXPECT_TRUE(connection.reads().is_too_large());
  EXPECT_THAT(connection.reads().error(), HasSubstr("1000 are the most"));
}

}  // namespace
}  // namespace edgetide::test
