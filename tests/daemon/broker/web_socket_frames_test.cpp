#include "daemon/broker/web_socket_frames.h"

#include <gmock/gmock.h>

namespace edgetide::test {
namespace {

using namespace std::string_literals;

const std::string connack = "\x20\3\0\0\0"s, message = "\x30\5\0\1t\0x"s;

std::string frame(int first, const std::string& content) {
  const auto byte = [](std::size_t value) { return std::string(1, static_cast<char>(value)); };
  std::string bytes = byte(static_cast<std::size_t>(first));
  if (content.size() < 126) {
    bytes += byte(content.size());
  } else {
    bytes += '\x7e' + byte(content.size() >> 8U) + byte(content.size() & 0xFFU);
  }
  return bytes + content;
}

// The answer to all of the bytes, given whole and one by one.
std::string answer(const std::string& bytes) {
  std::string answers[2];
  for (const std::size_t piece : {bytes.size(), std::size_t{1}}) {
    BrokerPackets packets({.protocol = 5, .max_bytes = 300, .over_web_socket = true, .max_unreleased_bytes = 600});
    WebSocketFrames frames;
    std::string& error = answers[piece == 1 ? 1 : 0];
    for (std::size_t at = 0; at < bytes.size() && error.empty(); at += piece) {
      error = frames.take(std::string_view(bytes).substr(at, piece), packets);
    }
  }
  EXPECT_EQ(answers[0], answers[1]);
  return answers[0];
}

TEST(WebSocketFrames, packets_are_read_however_they_lie_in_frames) {
  EXPECT_EQ(answer(frame(0x82, connack)), "");
  EXPECT_EQ(answer(frame(0x82, connack + message + message)), "");
  EXPECT_EQ(answer(frame(0x82, connack.substr(0, 1)) + frame(0x82, connack.substr(1))), "");
  EXPECT_EQ(answer(frame(0x02, connack) + frame(0x80, message)), "");
  EXPECT_EQ(answer(frame(0x82, connack) + frame(0x89, "ping") + frame(0x8a, "") + frame(0x82, message)), "");
  EXPECT_EQ(
      answer(frame(0x82, connack) + frame(0x82, "\x30\xc0\1\0\1t\0"s + std::string(188, 'x')) + frame(0x82, message)),
      "");
  EXPECT_EQ(answer(frame(0x82, connack) + frame(0x88, "")), "");
}

TEST(WebSocketFrames, what_the_library_would_choke_on_is_refused) {
  const std::string begun = frame(0x82, connack);
  EXPECT_EQ(answer(begun + frame(0x82, "\x30\5\0\1t\x7fx"s)), "a malformed PUBLISH");
  EXPECT_EQ(answer(begun + "\x82\x85\1\2\3\4"s), "a WebSocket frame with a mask");
  EXPECT_EQ(answer(begun + frame(0x81, message)), "a WebSocket frame that is not binary");
  EXPECT_EQ(answer(begun + frame(0x83, message)), "a WebSocket frame that is not binary");
  EXPECT_EQ(answer(begun + frame(0x82, "\x30") + frame(0x89, "")), "a WebSocket control frame inside of a message");
  EXPECT_EQ(answer(begun + frame(0x02, message) + frame(0x89, "")), "a WebSocket control frame inside of a message");
  EXPECT_EQ(answer(begun + frame(0x09, "")), "a WebSocket control frame inside of a message");
  EXPECT_EQ(answer(begun + frame(0x89, std::string(126, 'x'))), "a WebSocket control frame inside of a message");
  EXPECT_EQ(answer(begun + "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"s), "a WebSocket message that is too large");
  std::string endless = begun;
  for (int i = 0; i < 50; ++i) endless += frame(i == 0 ? 0x02 : 0x00, message);
  EXPECT_EQ(answer(endless), "a WebSocket message that is too large");
}

}  // namespace
}  // namespace edgetide::test
