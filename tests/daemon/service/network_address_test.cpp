#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

#include "daemon/service/cidr.h"
#include "daemon/service/host_port.h"
#include "daemon/service/server_address.h"
#include "daemon/service/socket_address.h"

namespace edgetide {

TEST(NetworkAddress, listen_is_a_numeric_address_and_a_port) {
  ASSERT_TRUE(parse_listen("127.0.0.1:8094"));
  EXPECT_EQ(to_text(parse_listen("127.0.0.1:8094")->storage), "127.0.0.1:8094");
  ASSERT_TRUE(parse_listen("[::1]:80"));
  EXPECT_EQ(to_text(parse_listen("[::1]:80")->storage), "[::1]:80");
  for (const char* text : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "localhost:80", "::1:80",
                           "[::1]", "[::1]80", "[::1]:", "[::1:80", ":80", "1.2.3.4:80x", "[127.0.0.1]:80"}) {
    EXPECT_FALSE(parse_listen(text)) << text;
  }
}

TEST(NetworkAddress, servers_have_a_scheme_and_take_its_port_by_default) {
  struct Case {
    const char* text;
    const char* complete;
  };
  for (const Case& c :
       {Case{"mqtt://localhost:1883", "mqtt://localhost:1883"}, Case{"mqtt://localhost", "mqtt://localhost:1883"},
        Case{"mqtts://broker.example", "mqtts://broker.example:8883"}, Case{"mqtt://[::1]", "mqtt://[::1]:1883"},
        Case{"mqtt://[::1]:7", "mqtt://[::1]:7"}, Case{"mqtt://host/", "mqtt://host:1883"},
        Case{"ws://host/mqtt", "ws://host:80/mqtt"}, Case{"wss://host:9001", "wss://host:9001"}}) {
    const auto server = parse_server(c.text);
    ASSERT_TRUE(server) << c.text;
    EXPECT_EQ(server->text(), c.complete);
  }
}

TEST(NetworkAddress, texts_of_another_form_are_no_servers) {
  for (const char* text : {"", "localhost", "localhost:1883", "tcp://localhost", "mqtt://", "mqtt://:1883",
                           "mqtt://host:0", "mqtt://host:99999", "mqtt://host:", "mqtt://host/path", "mqtt://a b",
                           "mqtt://u:p@host", "mqtt://[::1", "MQTT://host", "mqtt://[xyz]:1"}) {
    EXPECT_FALSE(parse_server(text)) << text;
  }
}

TEST(NetworkAddress, loopback_is_distinguished_from_the_network) {
  for (const char* host : {"localhost", "127.0.0.1", "127.8.9.1", "::1"}) EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host : {"", "127.evil.example", "128.0.0.1", "0.0.0.0", "::", "localhost.example"}) {
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
}

TEST(NetworkAddress, addresses_that_cannot_be_parsed_say_what_to_write) {
  struct Case {
    const char* text;
    const char* reason;
  };
  for (const Case& c :
       {Case{"127.0.0.1", "has no port;"}, Case{"[::1]", "has no port;"},
        Case{"127.0.0.1:65536", "has no port from 0 to 65535"}, Case{"::1:80", "is not a numeric address"},
        Case{"localhost:80", "is not a numeric address"}, Case{"", "is not a numeric address"}}) {
    try {
      parse_inet(c.text);
      FAIL() << c.text;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(c.reason), std::string::npos) << c.text << ": " << error.what();
    }
  }
  EXPECT_NO_THROW(parse_inet("127.0.0.1:0"));
}

TEST(NetworkAddress, networks_are_addresses_with_a_prefix) {
  for (const char* text : {"10.20.0.0/16", "10.1.2.3", "0.0.0.0/0", "fd00::/8", "::1", "::/128"})
    EXPECT_TRUE(Cidr::parse(text)) << text;
  for (const char* text : {"", "10.20.0.0/33", "10.20.0/16", "fd00::/129", "10.0.0.0/", "10.0.0.0/x", "host/8"}) {
    EXPECT_FALSE(Cidr::parse(text)) << text;
  }
}

TEST(Cidr, contains_what_shares_its_prefix) {
  struct Case {
    const char* range;
    const char* address;
    bool contained;
  };
  const Case cases[] = {
      {"10.20.0.0/16", "10.20.255.1:1", true},
      {"10.20.0.0/16", "10.21.0.1:1", false},
      {"0.0.0.0/0", "8.8.8.8:1", true},
      {"10.0.0.1", "10.0.0.1:1", true},
      {"10.0.0.1", "10.0.0.2:1", false},
      {"10.0.0.0/31", "10.0.0.1:1", true},
      {"fd00::/8", "[fd12::1]:1", true},
      {"fd00::/8", "[fe80::1]:1", false},
      {"0.0.0.0/0", "[fd12::1]:1", false},
      {"10.0.0.0/8", "[::ffff:10.1.2.3]:1", true},
      {"::/0", "10.0.0.1:1", true},
  };
  for (const Case& c : cases) {
    const auto range = Cidr::parse(c.range);
    ASSERT_TRUE(range.has_value()) << c.range;
    EXPECT_EQ(range->contains(parse_inet(c.address).storage), c.contained) << c.range << " " << c.address;
  }
  for (const char* text : {"", "10.0.0", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/33", "fd00::/129", "10.0.0.0/-1"}) {
    EXPECT_FALSE(Cidr::parse(text).has_value()) << text;
  }
}

}  // namespace edgetide
