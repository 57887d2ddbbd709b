#include "daemon/broker/broker_packets.h"

#include <gmock/gmock.h>

namespace edgetide::test {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

std::string packet(int head, const std::string& body) {
  std::string bytes(1, static_cast<char>(head));
  for (std::size_t left = body.size(); bytes.size() == 1 || left > 0; left >>= 7) {
    bytes += static_cast<char>((left & 0x7F) | (left >> 7 > 0 ? 0x80 : 0));
  }
  return bytes + body;
}

const std::string connack_5 = packet(0x20, "\0\0\0"s), connack_3 = packet(0x20, "\0\0"s);

BrokerPackets packets_of(int protocol, std::uint64_t max_bytes = 1000) {
  return BrokerPackets({.protocol = protocol, .max_bytes = max_bytes, .max_unreleased_bytes = 1100});
}

struct Sent {
  const char* name;
  int protocol;
  std::string bytes;  // after a CONNACK
  const char* error;  // empty: accepted
};

// Whole, and byte by byte.
void expect_each(const std::vector<Sent>& all) {
  for (const Sent& sent : all) {
    SCOPED_TRACE(sent.name);
    for (const std::size_t piece : {sent.bytes.size(), std::size_t{1}}) {
      BrokerPackets packets = packets_of(sent.protocol);
      ASSERT_EQ(packets.take(sent.protocol == 5 ? connack_5 : connack_3), "");
      std::string error;
      for (std::size_t at = 0; at < sent.bytes.size() && error.empty(); at += piece) {
        error = packets.take(std::string_view(sent.bytes).substr(at, piece));
      }
      EXPECT_THAT(error, *sent.error == '\0' ? testing::Eq("") : testing::Matcher<std::string>(HasSubstr(sent.error)));
    }
  }
}

TEST(BrokerPackets, what_a_broker_may_send_is_accepted) {
  const std::string every_property =
      "\x01\1\x02\0\0\0\1\x03\0\1t\x08\0\1r\x09\0\0\x0b\xff\xff\xff\x7f\x23\0\1\x26\0\1k\0\1v\x26\0\0\0\0"s;
  expect_each({
      {"QoS 0", 3, packet(0x30, "\0\1t21.5"s), ""},
      {"QoS 1", 3, packet(0x3b, "\0\1t\0\7 21.5"s), ""},
      {"no payload", 3, packet(0x32, "\0\1t\0\7"s), ""},
      {"empty topic", 5, packet(0x30, "\0\0\0"s), ""},
      {"properties", 5, packet(0x32, "\0\1t\0\7"s + static_cast<char>(every_property.size()) + every_property + "x"),
       ""},
      {"several", 5, packet(0x30, "\0\1t\0x"s) + packet(0xd0, "") + packet(0x30, "\0\1u\0"s), ""},
      {"long payload", 5, packet(0x30, "\0\1t\0"s + std::string(900, 'x')), ""},
      {"SUBACK", 3, packet(0x90, "\0\1\x80"s), ""},
      {"SUBACK", 5, packet(0x90, "\0\1\x05\x1f\0\2no\x87"s), ""},
      {"UNSUBACK", 3, packet(0xb0, "\0\1"s), ""},
      {"UNSUBACK", 5, packet(0xb0, "\0\1\0\x11"s), ""},
      {"UNSUBACK of two filters", 5, packet(0xb0, "\0\1\0\0\x11"s), ""},
      {"QoS 2 and its release", 5, packet(0x34, "\0\1t\0\1\0"s) + packet(0x62, "\0\1"s) + packet(0x62, "\0\2\x92"s),
       ""},
      {"release with a reason", 5, packet(0x62, "\0\1\0\x05\x1f\0\2ok"s), ""},
      {"DISCONNECT", 5, packet(0xe0, ""), ""},
      {"DISCONNECT with a reason", 5, packet(0xe0, "\x8e"), ""},
      {"DISCONNECT with properties", 5, packet(0xe0, "\x8e\x05\x1f\0\2by"s), ""},
  });
}

TEST(BrokerPackets, puback_is_taken_where_something_is_published_with_qos_1) {
  struct Case {
    int protocol;
    std::string body;
    bool is_taken;
  };
  const Case cases[] = {{3, "\0\1"s, true},    {5, "\0\1"s, true}, {5, "\0\1\x87"s, true}, {5, "\0\1\x87\0"s, true},
                        {3, "\0\1\0"s, false}, {3, "\0"s, false},  {5, "\0"s, false},      {5, "\0\1\0\x7f"s, false}};
  for (const Case& c : cases) {
    BrokerPackets packets({.protocol = c.protocol, .max_bytes = 1000, .publishes_qos_1 = true});
    ASSERT_EQ(packets.take(c.protocol == 5 ? connack_5 : connack_3), "");
    EXPECT_EQ(packets.take(packet(0x40, c.body)), c.is_taken ? "" : "a malformed PUBACK") << c.protocol;
  }
}

TEST(BrokerPackets, tls_alert_instead_of_an_answer_to_connect_is_named) {
  for (const int protocol : {3, 5}) {
    BrokerPackets packets = packets_of(protocol);
    EXPECT_THAT(packets.take("\x15\x03\x03"), HasSubstr("a TLS alert: its port wants TLS"));
  }
}

TEST(BrokerPackets, what_the_library_could_not_parse_is_refused) {
  expect_each({
      {"no topic", 3, packet(0x30, ""), "a malformed PUBLISH"},
      {"topic beyond the end", 3, packet(0x30, "\xff\xfft"), "a malformed PUBLISH"},
      {"no packet id", 3, packet(0x32, "\0\1t\0"s), "a malformed PUBLISH"},
      {"no properties", 5, packet(0x30, "\0\1t"s), "a malformed PUBLISH"},
      {"properties beyond the end", 5, packet(0x30, "\0\1t\x7f"s), "a malformed PUBLISH"},
      {"length of properties without end", 5, packet(0x30, "\0\1t\xff\xff\xff\xff\1"s), "a malformed PUBLISH"},
      {"half a number", 5, packet(0x30, "\0\1t\2\x23\0"s), "a malformed PUBLISH"},
      {"number beyond its properties", 5, packet(0x30, "\0\1t\2\x02\0\0\0\1"s), "a malformed PUBLISH"},
      {"string beyond its properties", 5, packet(0x30, "\0\1t\4\x03\0\5abcde"s), "a malformed PUBLISH"},
      {"second string cut off", 5, packet(0x30, "\0\1t\6\x26\0\1k\0\2"s), "a malformed PUBLISH"},
      {"identifier without end", 5, packet(0x30, "\0\1t\5\x0b\xff\xff\xff\xff"s), "a malformed PUBLISH"},
      {"unknown property", 5, packet(0x30, "\0\1t\2\x7f\0"s), "a malformed PUBLISH"},
      {"property of two bytes' identifier", 5, packet(0x30, "\0\1t\3\x81\1\0"s), "a malformed PUBLISH"},
      {"QoS 3", 5, packet(0x36, "\0\1t\0\1\0"s), "a malformed PUBLISH"},
      {"QoS 2", 3, packet(0x34, "\0\1t\0\1x"s), "a PUBLISH of QoS 2"},
      {"three of QoS 2", 5,
       packet(0x34, "\0\1t\0\1\0"s) + packet(0x34, "\0\1t\0\2\0"s) + packet(0x3c, "\0\1t\0\2\0"s) +
           packet(0x34, "\0\1t\0\3\0"s),
       "messages of QoS 2 with more than 1100 bytes at once"},
      {"empty SUBACK", 3, packet(0x90, ""), "a malformed SUBACK"},
      {"SUBACK without a code", 3, packet(0x90, "\0\1"s), "a SUBACK with 0 reason codes"},
      {"SUBACK with two", 3, packet(0x90, "\0\1\0\0"s), "a SUBACK with 2 reason codes"},
      {"SUBACK without a code", 5, packet(0x90, "\0\1\0"s), "a SUBACK with 0 reason codes"},
      {"UNSUBACK without a code", 5, packet(0xb0, "\0\1\0"s), "a UNSUBACK with 0 reason codes"},
      {"UNSUBACK with a code", 3, packet(0xb0, "\0\1\0"s), "a UNSUBACK with 1 reason codes"},
      {"half a PUBREL", 5, packet(0x62, "\1"), "a malformed PUBREL"},
      {"PUBREL whose properties are cut off", 5, packet(0x62, "\0\1\0\x7f"s), "a malformed PUBREL"},
      {"DISCONNECT whose properties are cut off", 5, packet(0xe0, "\0\x05\x1f\0\7by"s), "a malformed DISCONNECT"},
      {"PINGRESP with something in it", 5, packet(0xd0, "x"), "a malformed PINGRESP"},
      {"DISCONNECT", 3, packet(0xe0, ""), "a DISCONNECT, which"},
      {"second CONNACK", 5, connack_5, "a second CONNACK"},
      {"PUBACK", 5, packet(0x40, "\0\1"s), "a PUBACK, which"},
      {"PUBREC", 5, packet(0x50, "\0\1"s), "a PUBREC, which"},
      {"PUBCOMP", 5, packet(0x70, "\0\1"s), "a PUBCOMP, which"},
      {"PINGREQ", 5, packet(0xc0, ""), "a PINGREQ, which"},
      {"CONNECT", 5, packet(0x10, ""), "a CONNECT, which"},
      {"AUTH", 5, packet(0xf0, ""), "a AUTH, which"},
      {"type 0", 5, packet(0x00, ""), "a packet of type 0, which"},
      {"length without end", 5, "\x30\xff\xff\xff\xff\x01", "a packet whose length has no end"},
  });
}

TEST(BrokerPackets, connack_comes_first_and_is_whole) {
  const Sent all[] = {
      {"message", 5, packet(0x30, "\0\1t\0"s), "a PUBLISH before its CONNACK"},
      {"SUBACK", 3, packet(0x90, "\0\1\0"s), "a SUBACK before its CONNACK"},
      {"one byte", 3, packet(0x20, "\0"s), "a malformed CONNACK"},
      {"of 3.1.1 for 5", 5, connack_3, "a CONNACK of MQTT 3.1.1"},
      {"properties beyond the end", 5, packet(0x20, "\0\0\x7f"s), "a malformed CONNACK"},
      {"string beyond the end", 5,
       packet(0x20,
              "\0\0\6\x12\xff\xff"
              "abc"s),
       "a malformed CONNACK"},
      {"HTTP", 5, "HTTP/1.1 400 Bad Request\r\n", "a PUBACK, which"},
  };
  for (const Sent& sent : all) {
    EXPECT_THAT(packets_of(sent.protocol).take(sent.bytes), HasSubstr(sent.error)) << sent.name;
  }
  EXPECT_EQ(packets_of(5).take(packet(0xe0, "\x87")), "") << "a broker of MQTT 5 may refuse with a DISCONNECT";
}

TEST(BrokerPackets, packet_that_is_too_large_is_refused_at_its_length) {
  for (const int protocol : {3, 5}) {
    BrokerPackets packets = packets_of(protocol, 300);
    EXPECT_EQ(packets.take(protocol == 5 ? connack_5 : connack_3), "");
    EXPECT_EQ(packets.take(packet(0x30, "\0\1t\0"s + std::string(296, 'x'))), "");
    EXPECT_FALSE(packets.is_too_large());
    EXPECT_EQ(packets.take("\x30\xad"), "");
    EXPECT_EQ(packets.take("\x02"), "a PUBLISH of 301 bytes, 300 are the most");
    EXPECT_TRUE(packets.is_too_large());
  }
}

TEST(BrokerPackets, released_messages_of_qos_2_make_room) {
  BrokerPackets packets = packets_of(5);
  EXPECT_EQ(packets.take(connack_5), "");
  for (char id = 1; id < 100; ++id) {
    EXPECT_EQ(packets.take(packet(0x34, "\0\1t\0"s + id + '\0')), "");
    EXPECT_EQ(packets.take(packet(0x62, "\0"s + id)), "");
    EXPECT_EQ(packets.take(packet(0x62, "\0"s + id)), "") << "a release of what is released already";
  }
}

}  // namespace
}  // namespace edgetide::test
