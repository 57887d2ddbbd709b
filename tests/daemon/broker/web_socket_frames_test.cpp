#include "daemon/broker/web_socket_frames.h"

#include <gmock/gmock.h>

namespace edgetide::test {
namespace {

using namespace std::string_literals;

const std::string connack = "\x20\3\0\0\0"s, message = "\x30\5\0\1t\0x"s, pingresp = "\xd0\0"s;

std::string byte(std::size_t value) {
  return std::string(1, static_cast<char>(value));
}

std::string frame(int first, const std::string& content) {
  std::string bytes = byte(static_cast<std::size_t>(first));
  if (content.size() < 126) {
    bytes += byte(content.size());
  } else {
    bytes += '\x7e' + byte(content.size() >> 8U) + byte(content.size() & 0xFFU);
  }
  return bytes + content;
}

// As the library gets a packet.
std::string whole(const std::string& packet) {
  return "\x82\x7f\0\0\0\0\0\0"s + byte(packet.size() >> 8U) + byte(packet.size() & 0xFFU) + packet;
}

class Reader {
 public:
  // Empty, or what is wrong.
  std::string take(const std::string& bytes) { return frames.take(bytes, packets); }
  std::string given(std::size_t at_once = 3) {
    std::string all;
    for (char bytes[100]; const std::size_t count = frames.give(bytes, at_once);) all.append(bytes, count);
    return all;
  }

  BrokerPackets packets{{.protocol = 5, .max_bytes = 300, .over_web_socket = true, .max_unreleased_bytes = 600}};
  WebSocketFrames frames;
};

struct Result {
  std::string error, given;
  bool operator==(const Result&) const = default;
};

// Of all the bytes, given whole and one by one.
Result result(const std::string& bytes) {
  Result results[2];
  for (const std::size_t piece : {bytes.size(), std::size_t{1}}) {
    Reader reader;
    Result& one = results[piece == 1 ? 1 : 0];
    for (std::size_t at = 0; at < bytes.size() && one.error.empty(); at += piece) {
      one.error = reader.take(bytes.substr(at, piece));
    }
    one.given = reader.given();
  }
  EXPECT_EQ(results[0].error, results[1].error);
  if (results[0].error.empty()) {
    EXPECT_EQ(results[0].given, results[1].given);
  }
  return results[0];
}

std::string error(const std::string& bytes) {
  return result(bytes).error;
}

TEST(WebSocketFrames, library_gets_each_packet_in_one_frame_however_they_lie_in_frames) {
  const std::string two = whole(connack) + whole(message);
  const std::string large = "\x30\xc0\1\0\1t\0"s + std::string(188, 'x');
  const struct {
    const char* name;
    std::string sent, given;
  } cases[] = {
      {"one in a frame", frame(0x82, connack), whole(connack)},
      {"three in a frame", frame(0x82, connack + message + pingresp), two + whole(pingresp)},
      {"one in two messages", frame(0x82, connack.substr(0, 1)) + frame(0x82, connack.substr(1)), whole(connack)},
      {"two in a message of two frames", frame(0x02, connack + "\x30"s) + frame(0x80, message.substr(1)), two},
      {"ping and pong between", frame(0x82, connack) + frame(0x89, "ping") + frame(0x8a, "") + frame(0x82, message),
       whole(connack) + frame(0x89, "ping") + whole(message)},
      {"ping inside of a packet",
       frame(0x82, connack) + frame(0x82, "\x30") + frame(0x89, "") + frame(0x82, message.substr(1)),
       whole(connack) + frame(0x89, "") + whole(message)},
      {"ping inside of a message", frame(0x02, connack) + frame(0x89, "") + frame(0x80, message),
       whole(connack) + frame(0x89, "") + whole(message)},
      {"frames without content", frame(0x82, "") + frame(0x02, "") + frame(0x00, connack) + frame(0x80, ""),
       whole(connack)},
      {"length of two bytes", frame(0x82, connack) + frame(0x82, large) + frame(0x82, message),
       whole(connack) + whole(large) + whole(message)},
      {"close", frame(0x82, connack) + frame(0x88, "\3\xe8"), whole(connack) + frame(0x88, "\3\xe8")},
  };
  for (const auto& [name, sent, given] : cases) EXPECT_EQ(result(sent), (Result{"", given})) << name;
}

TEST(WebSocketFrames, large_packet_comes_in_a_message_of_frames_of_64_kib) {
  constexpr std::size_t frame_size = 65'536;
  for (const std::size_t size : {frame_size, frame_size + 1, 3 * frame_size, 3 * frame_size + 5}) {
    const std::size_t length = size - 4;
    const std::string packet = "\x30"s + byte(0x80 | (length & 0x7FU)) + byte(0x80 | (length >> 7U & 0x7FU)) +
                               byte(length >> 14U) + "\0\1t"s + std::string(length - 3, 'x');
    BrokerPackets packets({.protocol = 3, .max_bytes = 300'000, .over_web_socket = true});
    WebSocketFrames frames;
    const std::string sent = frame(0x82, "\x20\2\0\0"s) + "\x82\x7f\0\0\0\0\0"s + byte(size >> 16U) +
                             byte(size >> 8U & 0xFFU) + byte(size & 0xFFU) + packet;
    ASSERT_EQ(frames.take(sent, packets), "");
    std::string expected = whole("\x20\2\0\0"s), given(size + 1000, '\0');
    for (std::size_t at = 0; at < size; at += frame_size) {
      const std::string part = packet.substr(at, frame_size);
      expected += byte((at == 0 ? 2U : 0U) | (at + frame_size >= size ? 0x80U : 0U)) + "\x7f\0\0\0\0\0"s +
                  byte(part.size() >> 16U) + byte(part.size() >> 8U & 0xFFU) + byte(part.size() & 0xFFU) + part;
    }
    given.resize(frames.give(given.data(), given.size()));
    EXPECT_TRUE(given == expected) << size << ": " << given.size() << " bytes, not " << expected.size();
  }
}

TEST(WebSocketFrames, library_gets_nothing_of_what_is_not_whole) {
  Reader reader;
  for (const char next : frame(0x82, connack)) {
    EXPECT_FALSE(reader.frames.has_ready());
    EXPECT_EQ(reader.take(std::string(1, next)), "");
  }
  EXPECT_EQ(reader.given(), whole(connack));
  EXPECT_EQ(reader.take(frame(0x02, message.substr(0, 5))), "");
  EXPECT_EQ(reader.take("\x89\4pin"s), "");
  EXPECT_EQ(reader.given(), "");
}

TEST(WebSocketFrames, no_more_is_wanted_than_up_to_the_end_of_a_packet_or_control_frame) {
  const std::string sent =
      frame(0x82, connack + message + pingresp) + frame(0x89, "ping") + frame(0x82, message + pingresp);
  Reader reader;
  std::size_t times = 0;
  for (std::size_t at = 0; at < sent.size();) {
    const std::size_t wanted = reader.frames.wanted(reader.packets);
    ASSERT_GT(wanted, 0);
    EXPECT_EQ(reader.take(sent.substr(at, wanted)), "");
    at += wanted;
    const std::string given = reader.given();
    if (given.empty()) continue;
    ++times;
    const bool is_one = given == whole(connack) || given == whole(message) || given == whole(pingresp);
    EXPECT_TRUE(is_one || given == frame(0x89, "ping")) << times;
  }
  EXPECT_EQ(times, 6);
}

TEST(WebSocketFrames, what_the_library_would_choke_on_is_refused) {
  const std::string begun = frame(0x82, connack);
  const struct {
    std::string sent, error;
  } cases[] = {
      {frame(0x82, "\x30\5\0\1t\x7fx"s), "a malformed PUBLISH"},
      {frame(0x02, "\x30\5\0"s) + frame(0x80, "\1t\x7fx"s), "a malformed PUBLISH"},
      {"\x82\x85\1\2\3\4"s, "a WebSocket frame with a mask"},
      {frame(0x81, message), "a WebSocket frame that is not binary"},
      {frame(0x83, message), "a WebSocket frame that is not binary"},
      {frame(0x8b, ""), "a WebSocket frame that is not binary"},
      {frame(0xc2, message), "a WebSocket frame with reserved bits"},
      {frame(0xff, "abcd"), "a WebSocket frame with reserved bits"},
      {frame(0x80, "abcd"), "a WebSocket frame that continues no message"},
      {frame(0x00, "abcd"), "a WebSocket frame that continues no message"},
      {frame(0x82, message) + frame(0x80, message), "a WebSocket frame that continues no message"},
      {frame(0x02, message) + frame(0x82, message), "a WebSocket message inside of another"},
      {frame(0x09, ""), "a WebSocket control frame that is too long or in parts"},
      {frame(0x89, std::string(126, 'x')), "a WebSocket control frame that is too long or in parts"},
      {"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"s, "a WebSocket frame whose length is malformed"},
      {frame(0x88, "") + frame(0x82, message), "bytes behind the end of its WebSocket"},
  };
  for (const auto& [sent, wrong] : cases) EXPECT_EQ(error(begun + sent), wrong) << testing::PrintToString(sent);
}

TEST(WebSocketFrames, packet_that_is_too_large_is_named_as_without_a_web_socket) {
  const std::string begun = frame(0x82, connack), large = "\x30\xad\2"s;  // 301 bytes
  const std::string words = "a PUBLISH of 301 bytes, 300 are the most";
  EXPECT_EQ(error(begun + frame(0x82, large)), words);
  EXPECT_EQ(error(begun + "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"s + large), words);
  Reader reader;
  EXPECT_EQ(reader.take(begun + frame(0x02, large)), words);
  EXPECT_TRUE(reader.packets.is_too_large());
}

TEST(WebSocketFrames, frames_that_bring_nothing_are_bounded_until_the_reader_has_caught_up) {
  for (const int first : {0x82, 0x89, 0x8a}) {
    Reader reader;
    std::string some;
    for (int i = 0; i < 700; ++i) some += frame(first, "");
    EXPECT_EQ(reader.take(frame(0x82, connack) + some + frame(0x82, pingresp) + some), "") << first;
    reader.frames.rest();
    EXPECT_EQ(reader.take(some), "") << first;
    EXPECT_EQ(reader.take(some), "more WebSocket frames than its packets need") << first;
  }
}

}  // namespace
}  // namespace edgetide::test
