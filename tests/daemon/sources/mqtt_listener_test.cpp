#include "daemon/sources/mqtt_listener.h"

#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "daemon/decoders/number_decoder.h"
#include "daemon/service/event_loop.h"
#include "daemon/service/password_hash.h"
#include "daemon/service/socket_address.h"
#include "daemon/sources/mqtt_listener_source.h"
#include "tests/fakes/mosquitto_server.h"
#include "tests/fakes/mqtt_packets.h"
#include "tests/fakes/recording_host.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr const char* let_in = "20 02 00 00";

MqttListenerOptions listener_options(int port) {
  MqttListenerOptions options;
  options.name = "devices";
  options.listen = "127.0.0.1:" + std::to_string(port);
  options.routes = {{.topic = "s/{device}", .mapping = {}}, {.topic = "own/{device}", .mapping = {}}};
  for (RouteOptions& route : options.routes) route.mapping.format = &number_format;
  return options;
}

// A client of bytes.
class Device {
 public:
  explicit Device(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{60, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const SocketAddress address = parse_inet("127.0.0.1:" + std::to_string(port));
    EXPECT_EQ(connect(socket_, address.get(), address.length), 0);
  }
  ~Device() { close(socket_); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // So many, in hex; fewer: the other side has closed.
  std::string read(std::size_t count) const {
    std::string bytes(count, '\0');
    std::size_t got = 0;
    while (got < count) {
      const ssize_t more = recv(socket_, bytes.data() + got, count - got, 0);
      if (more <= 0) break;
      got += static_cast<std::size_t>(more);
    }
    return mqtt::hex(bytes.substr(0, got));
  }
  std::string connect_as(const mqtt::ConnectOptions& options) const {
    send(mqtt::connect(options));
    return read(4);
  }
  bool is_closed() const { return read(1).empty(); }
  bool has_answer_within(std::chrono::milliseconds patience) const {
    pollfd one{socket_, POLLIN, 0};
    return poll(&one, 1, static_cast<int>(patience.count())) == 1;
  }

 private:
  int socket_;
};

struct MqttListenerTest : testing::Test {
  explicit MqttListenerTest() : options(listener_options(free_port())) {
    port = std::stoi(options.listen.substr(options.listen.rfind(':') + 1));
  }
  ~MqttListenerTest() override { source.reset(); }
  void start() {
    source.reset();
    source = make_mqtt_listener_source(options, SourceId{0}, host, loop);
    source->start();
  }
  std::vector<double> values() {
    std::vector<double> all;
    for (const RecordedReading& reading : host.readings()) all.push_back(reading.value);
    return all;
  }

  MqttListenerOptions options;
  int port = 0;
  RecordingHost host;
  EventLoop loop{"sources"};
  std::unique_ptr<Source> source;
};

using mqtt::publish;

TEST_F(MqttListenerTest, messages_of_every_qos_are_taken_and_answered) {
  start();
  const Device device(port);
  EXPECT_EQ(device.connect_as({}), let_in);
  device.send(publish("s/a", "1") + publish("s/a", "2", {.qos = 1, .id = 5}) +
              publish("s/b", "3", {.qos = 2, .id = 6}));
  EXPECT_EQ(device.read(8), "40 02 00 05 50 02 00 06");
  device.send(mqtt::pubrel(6) + mqtt::pingreq);
  EXPECT_EQ(device.read(6), "70 02 00 06 d0 00");
  EXPECT_THAT(host.readings(), ElementsAre(RecordedReading{"a", "value", 1}, RecordedReading{"a", "value", 2},
                                           RecordedReading{"b", "value", 3}));
}

TEST_F(MqttListenerTest, bytes_that_come_one_at_a_time_are_put_together) {
  start();
  const Device device(port);
  for (const char byte : mqtt::connect() + publish("s/a", "1", {.qos = 1, .id = 5})) device.send({&byte, 1});
  EXPECT_EQ(device.read(8), std::string(let_in) + " 40 02 00 05");
}

TEST_F(MqttListenerTest, nothing_is_answered_before_it_is_taken) {
  start();
  const Device first(port), second(port);
  first.connect_as({.client_id = "first"});
  second.connect_as({.client_id = "second"});
  host.hold(true);
  first.send(publish("s/a", "1", {.qos = 1, .id = 1}));
  ASSERT_TRUE(host.wait_for_offers(1));
  second.send(publish("s/b", "2", {.qos = 1, .id = 2}));
  EXPECT_FALSE(first.has_answer_within(50ms));
  EXPECT_FALSE(second.has_answer_within(50ms));
  EXPECT_THAT(values(), IsEmpty());
  host.hold(false);
  EXPECT_EQ(first.read(4), "40 02 00 01");
  EXPECT_EQ(second.read(4), "40 02 00 02");
  EXPECT_THAT(values(), ElementsAre(1, 2));
}

TEST_F(MqttListenerTest, nothing_is_answered_before_it_is_on_disk) {
  host.need_sync();
  start();
  const Device first(port), second(port);
  first.connect_as({.client_id = "first"});
  second.connect_as({.client_id = "second"});
  first.send(publish("s/a", "1", {.qos = 1, .id = 1}) + mqtt::pingreq);
  second.send(publish("s/b", "2", {.qos = 2, .id = 2}));
  ASSERT_TRUE(host.wait_for_readings(2));
  EXPECT_FALSE(first.has_answer_within(50ms));
  EXPECT_FALSE(second.has_answer_within(50ms));
  host.sync();
  EXPECT_EQ(first.read(6), "40 02 00 01 d0 00");
  EXPECT_EQ(second.read(4), "50 02 00 02");
}

TEST_F(MqttListenerTest, message_that_comes_again_is_not_answered_before_the_first_is_on_disk) {
  host.need_sync();
  start();
  const Device first(port), second(port);
  first.connect_as({});
  first.send(publish("s/a", "1", {.qos = 1, .id = 1}));
  ASSERT_TRUE(host.wait_for_readings(1));
  second.send(mqtt::connect() + publish("s/a", "1", {.qos = 1, .id = 1, .dup = true}));
  EXPECT_FALSE(second.has_answer_within(50ms));
  EXPECT_TRUE(first.is_closed());
  host.sync();
  EXPECT_EQ(second.read(8), std::string(let_in) + " 40 02 00 01");
  EXPECT_THAT(values(), ElementsAre(1));
}

TEST_F(MqttListenerTest, what_was_not_taken_ends_its_connection_and_is_not_known) {
  start();
  {
    const Device device(port);
    device.connect_as({});
    host.accept_from_now_on(false);
    device.send(publish("s/a", "1", {.qos = 1, .id = 1}) + publish("s/a", "2", {.qos = 2, .id = 2}));
    EXPECT_TRUE(device.is_closed());
  }
  host.accept_from_now_on(true);
  const Device again(port);
  again.connect_as({});
  again.send(publish("s/a", "1", {.qos = 1, .id = 1, .dup = true}) +
             publish("s/a", "2", {.qos = 2, .id = 2, .dup = true}));
  EXPECT_EQ(again.read(8), "40 02 00 01 50 02 00 02");
  EXPECT_THAT(values(), ElementsAre(1, 2));
}

TEST_F(MqttListenerTest, what_all_clients_send_meanwhile_is_taken_at_once) {
  start();
  std::vector<std::unique_ptr<Device>> devices;
  for (int i = 0; i < 50; ++i) {
    devices.push_back(std::make_unique<Device>(port));
    devices.back()->connect_as({.client_id = "c" + std::to_string(i)});
  }
  host.hold(true);
  devices[0]->send(publish("s/a", "0", {.qos = 1, .id = 1}));
  ASSERT_TRUE(host.wait_for_offers(1));
  for (const auto& device : devices) device->send(publish("s/a", "1", {.qos = 1, .id = 2}));
  host.hold(false);
  for (const auto& device : devices) EXPECT_THAT(device->read(4), HasSubstr("40 02 00"));
  ASSERT_TRUE(host.wait_for_readings(51));
  EXPECT_LE(host.offers(), 4) << "held, taken, and all the others together";
}

TEST_F(MqttListenerTest, session_and_messages_are_known_after_a_restart) {
  start();
  {
    const Device device(port);
    EXPECT_EQ(device.connect_as({.clean = false}), let_in);
    device.send(publish("s/a", "1", {.qos = 1, .id = 1}) + publish("s/a", "2", {.qos = 2, .id = 2}));
    device.read(8);
  }
  start();
  {
    const Device device(port), other(port), stranger(port);
    EXPECT_EQ(device.connect_as({.clean = false}), "20 02 01 00");
    device.send(publish("s/a", "1", {.qos = 1, .id = 1, .dup = true}) +
                publish("s/a", "2", {.qos = 2, .id = 2, .dup = true}) + mqtt::pubrel(2));
    EXPECT_EQ(device.read(12), "40 02 00 01 50 02 00 02 70 02 00 02");
    device.send(publish("s/a", "3", {.qos = 1, .id = 1, .dup = true}));
    EXPECT_EQ(device.read(4), "40 02 00 01") << "another message, whose first attempt was lost";
    EXPECT_EQ(other.connect_as({.client_id = "other", .clean = false}), let_in);
    other.send(publish("s/a", "1", {.qos = 1, .id = 1, .dup = true}));
    EXPECT_EQ(other.read(4), "40 02 00 01") << "the same of another client";
  }
  EXPECT_THAT(values(), ElementsAre(1, 2, 3, 1));
  start();
  const Device device(port), clean(port);
  EXPECT_EQ(clean.connect_as({.client_id = "other"}), let_in);
  EXPECT_EQ(device.connect_as({.clean = false}), "20 02 01 00");
  start();
  const Device ended(port);
  EXPECT_EQ(ended.connect_as({.client_id = "other", .clean = false}), let_in) << "ended by a clean one";
}

// Its third message was lost, not the answer to the second: that is with its kernel.
TEST_F(MqttListenerTest, equal_message_of_a_client_with_one_packet_id_counts_if_the_answer_has_arrived) {
  start();
  {
    const Device device(port);
    device.connect_as({.clean = false});
    for (int i = 0; i < 2; ++i) {
      device.send(publish("s/a", "1", {.qos = 1, .id = 1}));
      device.read(4);
    }
    const auto read_at = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() < read_at + 1100ms) std::this_thread::sleep_for(10ms);
  }
  const Device again(port);
  again.connect_as({.clean = false});
  again.send(publish("s/a", "1", {.qos = 1, .id = 1, .dup = true}));
  EXPECT_EQ(again.read(4), "40 02 00 01");
  EXPECT_THAT(values(), ElementsAre(1, 1, 1));
}

TEST_F(MqttListenerTest, messages_before_a_restart_are_known_though_the_first_connection_after_it_broke) {
  start();
  {
    const Device device(port);
    device.connect_as({.clean = false});
    device.send(publish("s/a", "1", {.qos = 1, .id = 1}) + publish("s/a", "2", {.qos = 1, .id = 2}));
    device.read(8);
  }
  start();
  {
    const Device device(port);
    EXPECT_EQ(device.connect_as({.clean = false}), "20 02 01 00");
    device.send(publish("s/a", "1", {.qos = 1, .id = 1, .dup = true}));
    device.read(4);
  }
  const Device device(port);
  EXPECT_EQ(device.connect_as({.clean = false}), "20 02 01 00");
  device.send(publish("s/a", "1", {.qos = 1, .id = 1, .dup = true}) +
              publish("s/a", "2", {.qos = 1, .id = 2, .dup = true}) + publish("s/a", "3", {.qos = 1, .id = 3}));
  EXPECT_EQ(device.read(12), "40 02 00 01 40 02 00 02 40 02 00 03");
  EXPECT_THAT(values(), ElementsAre(1, 2, 3));
}

TEST_F(MqttListenerTest, client_that_connects_twice_keeps_the_later_connection) {
  start();
  const Device first(port);
  first.send(mqtt::connect({.version = 5}));
  first.read(22);
  const Device second(port);
  EXPECT_EQ(second.connect_as({}), let_in);
  EXPECT_EQ(first.read(4), "e0 01 8e");
  second.send(publish("s/a", "1", {.qos = 1, .id = 1}));
  EXPECT_EQ(second.read(4), "40 02 00 01");
}

TEST_F(MqttListenerTest, only_users_of_the_password_file_may_publish_and_only_below_their_prefix) {
  const TemporaryFolder folder;
  options.password_file = folder.write(
      "passwords", "# devices\njoe:" + hash_password("secret", 10) + "\nann:" + hash_password("other", 10) + ":own/\n");
  start();
  const struct {
    mqtt::ConnectOptions connect;
    const char* answer;
  } cases[] = {{{}, "20 02 00 05"},
               {{.username = "joe"}, "20 02 00 05"},
               {{.username = "joe", .password = "other"}, "20 02 00 04"},
               {{.username = "jim", .password = "secret"}, "20 02 00 04"},
               {{.username = "joe", .password = "secret"}, let_in},
               {{.username = "joe", .password = "secret"}, let_in}};
  for (const auto& c : cases) EXPECT_EQ(Device(port).connect_as(c.connect), c.answer) << c.connect.username;
  const Device ann(port);
  ASSERT_EQ(ann.connect_as({.username = "ann", .password = "other"}), let_in);
  ann.send(publish("s/a", "1", {.qos = 1, .id = 1}) + publish("own/a", "2", {.qos = 1, .id = 2}));
  EXPECT_EQ(ann.read(8), "40 02 00 01 40 02 00 02");
  EXPECT_THAT(values(), ElementsAre(2));
  EXPECT_THAT(host.refusals(), Contains(Refusal::unauthorised).Times(5));
}

TEST_F(MqttListenerTest, users_with_the_same_client_id_are_two_clients) {
  const TemporaryFolder folder;
  options.password_file =
      folder.write("passwords", "joe:" + hash_password("p", 10) + "\nann:" + hash_password("p", 10) + "\n");
  start();
  const Device joe(port), ann(port);
  ASSERT_EQ(joe.connect_as({.username = "joe", .password = "p"}), let_in);
  ASSERT_EQ(ann.connect_as({.username = "ann", .password = "p"}), let_in);
  joe.send(mqtt::pingreq);
  EXPECT_EQ(joe.read(2), "d0 00") << "it was not taken over";
}

TEST_F(MqttListenerTest, changed_password_file_counts_without_a_restart) {
  const TemporaryFolder folder;
  options.password_file = folder.write("passwords", "joe:" + hash_password("old", 10) + "\n");
  start();
  ASSERT_EQ(Device(port).connect_as({.username = "joe", .password = "old"}), let_in);
  folder.write("passwords", "joe:" + hash_password("new one", 10) + "\n");
  std::string answer;
  const auto until = std::chrono::steady_clock::now() + 90s;
  while (answer != let_in && std::chrono::steady_clock::now() < until) {
    answer = Device(port).connect_as({.username = "joe", .password = "new one"});
  }
  EXPECT_EQ(answer, let_in);
  EXPECT_EQ(Device(port).connect_as({.username = "joe", .password = "old"}), "20 02 00 04");
  folder.write("passwords", "joe\n");
  const auto is_said = Contains(HasSubstr("passwords:1: a line is USER:HASH"));
  while (!testing::Matches(is_said)(host.notices()) && std::chrono::steady_clock::now() < until) {
    EXPECT_EQ(Device(port).connect_as({.username = "joe", .password = "new one"}), let_in) << "the users before stay";
  }
  EXPECT_THAT(host.notices(), is_said);
}

TEST_F(MqttListenerTest, bad_password_file_is_said_with_its_line) {
  const TemporaryFolder folder;
  const std::string too_long = std::string(256, 'u') + ':' + hash_password("secret", 10);
  for (const std::string& line :
       {std::string("joe"), std::string(":x"), std::string("joe:secret"), std::string("joe:$7$10$x$y"), too_long}) {
    options.password_file = folder.write("passwords", "# one\n" + line + "\n");
    try {
      start();
      ADD_FAILURE() << line;
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr("passwords:2: ")) << line;
    }
  }
}

TEST_F(MqttListenerTest, connections_are_bounded_in_all_and_of_one_peer) {
  options.max_connections = 3;
  options.max_connections_per_peer = 2;
  start();
  const Device first(port);
  auto second = std::make_unique<Device>(port);
  first.connect_as({.client_id = "1"});
  second->connect_as({.client_id = "2"});
  EXPECT_TRUE(Device(port).is_closed());
  ASSERT_TRUE(host.wait_until([](const RecordingHost& known) { return known.notice_count() > 0; }));
  EXPECT_GE(host.turned_away()[static_cast<std::size_t>(TurnedAway::max_connections_per_peer)], 1U);
  second.reset();
  std::string answer;
  const auto until = std::chrono::steady_clock::now() + 90s;
  while (answer != let_in && std::chrono::steady_clock::now() < until) {
    answer = Device(port).connect_as({.client_id = "3"});
  }
  EXPECT_EQ(answer, let_in) << "there is room again";
}

TEST_F(MqttListenerTest, malformed_packet_closes_its_connection_and_no_other) {
  start();
  const Device good(port), bad(port), large(port);
  good.connect_as({.client_id = "good"});
  bad.send(mqtt::connect({.version = 5, .client_id = "bad"}));
  bad.read(22);
  bad.send(mqtt::from_hex("c1 00"));
  EXPECT_EQ(bad.read(10), "e0 01 81");
  large.send(mqtt::connect({.version = 5, .client_id = "large"}));
  large.read(22);
  large.send(mqtt::from_hex("30 ff ff ff 7f"));
  EXPECT_EQ(large.read(10), "e0 01 95");
  good.send(publish("s/a", "1", {.qos = 1, .id = 1}));
  EXPECT_EQ(good.read(4), "40 02 00 01");
  EXPECT_THAT(host.refusals(), UnorderedElementsAre(Refusal::bad_syntax, Refusal::too_large));
}

TEST_F(MqttListenerTest, large_packets_in_pieces_are_taken_whole) {
  start();
  const Device first(port), second(port);
  first.connect_as({.client_id = "1"});
  second.connect_as({.client_id = "2"});
  const std::string blanks(200 * 1024, ' ');
  const std::string one = publish("s/a", blanks + "1", {.qos = 1, .id = 1}),
                    other = publish("s/a", blanks + "2", {.qos = 1, .id = 2});
  for (std::size_t at = 0; at < one.size(); at += 30'000) {
    first.send(std::string_view(one).substr(at, 30'000));
    second.send(std::string_view(other).substr(at, 30'000));
  }
  EXPECT_EQ(first.read(4), "40 02 00 01");
  EXPECT_EQ(second.read(4), "40 02 00 02");
  EXPECT_EQ(host.readings().size() + host.refusals().size(), 2U);
}

TEST_F(MqttListenerTest, silent_connection_is_closed) {
  options.connect_timeout = Duration::seconds(1);
  options.idle_timeout = Duration::seconds(1);
  start();
  EXPECT_TRUE(Device(port).is_closed()) << "without CONNECT";
  const Device device(port);
  device.connect_as({.keep_alive = 0});
  EXPECT_TRUE(device.is_closed()) << "without a message";
}

TEST_F(MqttListenerTest, client_that_sends_too_fast_is_read_later_and_loses_nothing) {
  options.max_messages_per_second = 200;
  start();
  const Device fast(port), slow(port);
  fast.connect_as({.client_id = "fast"});
  slow.connect_as({.client_id = "slow"});
  std::string many;
  for (unsigned id = 1; id <= 300; ++id) many += publish("s/a", "1", {.qos = 1, .id = id});
  const auto began = std::chrono::steady_clock::now();
  fast.send(many);
  fast.read(4 * 300);
  slow.send(publish("s/b", "2", {.qos = 1, .id = 1}));
  EXPECT_EQ(slow.read(4), "40 02 00 01");
  fast.send(many);
  fast.read(4 * 300);
  fast.send(many);
  fast.read(4 * 300);
  EXPECT_GT(std::chrono::steady_clock::now() - began, 1s);
  EXPECT_EQ(host.readings().size(), 901U);
}

TEST_F(MqttListenerTest, subscribe_is_refused_by_its_answer_and_counted) {
  start();
  const Device device(port);
  device.connect_as({});
  device.send(mqtt::from_hex("82 06 00 09 00 01 61 00"));
  EXPECT_EQ(device.read(5), "90 03 00 09 80");
  EXPECT_THAT(host.refusals(), ElementsAre(Refusal::unsupported));
}

TEST_F(MqttListenerTest, topic_without_a_route_is_said_to_clients_of_mqtt_5) {
  start();
  const Device device(port);
  device.send(mqtt::connect({.version = 5}));
  device.read(22);
  device.send(publish("other/a", "1", {.version = 5, .qos = 1, .id = 1}));
  EXPECT_EQ(device.read(5), "40 03 00 01 10");
  EXPECT_THAT(host.refusals(), ElementsAre(Refusal::no_route));
}

TEST_F(MqttListenerTest, port_in_use_is_an_error_with_the_address) {
  start();
  auto second = make_mqtt_listener_source(options, SourceId{1}, host, loop);
  try {
    second->start();
    ADD_FAILURE();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(options.listen));
  }
}

}  // namespace
}  // namespace edgetide::test
