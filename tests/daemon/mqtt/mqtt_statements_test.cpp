// The normative statements of MQTT 3.1.1 and MQTT 5 that concern a server to which clients publish, each with the bytes
// that come in and the bytes that go out. "3" and "5" before the number: of MQTT 3.1.1, of MQTT 5.
#include <gmock/gmock.h>
#include <string>
#include <tuple>
#include <vector>

#include "tests/daemon/mqtt/recording_owner.h"
#include "tests/fakes/mqtt_packets.h"

namespace edgetide::test {
namespace {

using namespace mqtt;
using testing::ElementsAre;

constexpr const char* connack_3 = "20 02 00 00";
// Receive maximum 512, packets of 320 KiB, 64 topic aliases, no subscriptions.
constexpr const char* connack_5 = "20 14 00 00 11 21 02 00 27 00 05 00 00 22 00 40 28 00 29 00 2a 00";

enum class Then { goes_on, ends };
struct Statement {
  std::string numbers;
  std::string in;   // after CONNECT and its answer, if `connects` is not 0
  std::string out;  // hex
  Then then = Then::ends;
  int connects = 4;  // the version
  std::vector<std::string> delivered = {};
};

std::string five(std::string_view topic, std::string_view payload, std::string properties, unsigned qos = 0,
                 unsigned id = 0) {
  return publish(topic, payload, {.version = 5, .qos = qos, .id = id, .properties = std::move(properties)});
}

std::string connect_bytes(std::string_view digits) {
  return packet(0x10, from_hex(digits));
}

std::vector<Statement> of_connect() {
  const std::string tail = " 00 3c 00 01 63";  // keep alive, client id "c"
  return {
      {"3-3.1.0-1 5-3.1.0-1: the first packet is a CONNECT", pingreq, "", Then::ends, 0},
      {"3-3.1.0-2 5-3.1.0-2: a second CONNECT is a protocol error", connect(), "", Then::ends},
      {"5-3.1.0-2", connect({.version = 5}), "e0 01 82", Then::ends, 5},
      {"3-3.1.2-1 5-3.1.2-1: a protocol of another name", connect_bytes("00 04 4d 51 54 58 04 02" + tail),
       "20 02 00 01", Then::ends, 0},
      {"3-3.1.2-2 5-3.1.2-2: another version gets return code 1", connect({.version = 6}), "20 02 00 01", Then::ends,
       0},
      {"3-3.1.2-2: the version of a bridge of mosquitto", connect_bytes("00 04 4d 51 54 54 84 02" + tail),
       "20 02 00 01", Then::ends, 0},
      {"3-3.1.2-3: the reserved flag is 0", connect_bytes("00 04 4d 51 54 54 04 03" + tail), "", Then::ends, 0},
      {"5-3.1.2-3", connect_bytes("00 04 4d 51 54 54 05 03 00 3c 00 00 01 63"), "20 03 00 81 00", Then::ends, 0},
      {"3-3.1.2-13 5-3.1.2-11: without a will its QoS is 0", connect_bytes("00 04 4d 51 54 54 04 0a" + tail), "",
       Then::ends, 0},
      {"3-3.1.2-15 5-3.1.2-13: and it is not retained", connect_bytes("00 04 4d 51 54 54 04 22" + tail), "", Then::ends,
       0},
      {"3-3.1.2-14 5-3.1.2-12: the QoS of a will is not 3",
       connect_bytes("00 04 4d 51 54 54 04 1e" + tail + " 00 01 77 00 00"), "", Then::ends, 0},
      {"3-3.1.2-9 5-3.1.2-9: a will has topic and message",
       connect_bytes("00 04 4d 51 54 54 04 06" + tail + " 00 01 77 00 01 78"), connack_3, Then::goes_on, 0},
      {"3-3.1.2-9: its message is missing", connect_bytes("00 04 4d 51 54 54 04 06" + tail + " 00 01 77"), "",
       Then::ends, 0},
      {"3-3.1.2-18 5-3.1.2-16: without the flag no user name",
       connect_bytes("00 04 4d 51 54 54 04 02" + tail + " 00 01 75"), "", Then::ends, 0},
      {"3-3.1.2-19 5-3.1.2-17: with the flag there is one", connect_bytes("00 04 4d 51 54 54 04 82" + tail), "",
       Then::ends, 0},
      {"3-3.1.2-22: no password without a user name", connect_bytes("00 04 4d 51 54 54 04 42" + tail + " 00 01 70"), "",
       Then::ends, 0},
      {"3-3.1.3-7: no client id needs a clean session", connect({.client_id = "", .clean = false}), "20 02 00 02",
       Then::ends, 0},
      {"3-3.1.3-6: with that it gets one", connect({.client_id = ""}), connack_3, Then::goes_on, 0},
      {"5-3.1.3-7 5-3.2.2-16: the server says which", connect({.version = 5, .client_id = ""}),
       "20 1d 00 00 1a 21 02 00 27 00 05 00 00 12 00 06 6d 61 64 65 2d 31 22 00 40 28 00 29 00 2a 00", Then::goes_on,
       0},
      {"3-3.1.3-4 5-3.1.3-4: the client id is UTF-8", connect({.client_id = "\xff"}), "", Then::ends, 0},
      {"3-3.1.3-11 5-3.1.3-12: the user name is UTF-8", connect({.username = "\xc3"}), "", Then::ends, 0},
      {"3-3.1.4-4 5-3.1.4-5: it is answered by CONNACK 0", connect(), connack_3, Then::goes_on, 0},
      {"5-3.1.4-5", connect({.version = 5}), connack_5, Then::goes_on, 0},
      {"5-3.1.2-22 5-3.2.2-21: a keep alive that is too long gets another", connect({.version = 5, .keep_alive = 0}),
       "20 17 00 00 14 21 02 00 27 00 05 00 00 22 00 40 28 00 29 00 2a 00 13 0e 10", Then::goes_on, 0},
      {"5-4.12.0-1: an authentication method that is not known",
       connect({.version = 5, .properties = from_hex("15 00 01 78")}), "20 03 00 8c 00", Then::ends, 0},
      {"5-3.1.2-23: a property comes once",
       connect({.version = 5, .properties = from_hex("11 00 00 00 01 11 00 00 00 01")}), "20 03 00 82 00", Then::ends,
       0},
      {"5-3.1.2.11.3: a receive maximum of 0", connect({.version = 5, .properties = from_hex("21 00 00")}),
       "20 03 00 82 00", Then::ends, 0},
      {"5-3.1.2.11.4: a maximum packet size of 0", connect({.version = 5, .properties = from_hex("27 00 00 00 00")}),
       "20 03 00 82 00", Then::ends, 0},
      {"5-3.1.2.11.7: a flag that is 2", connect({.version = 5, .properties = from_hex("17 02")}), "20 03 00 82 00",
       Then::ends, 0},
      {"5-2.2.2.2: a property of another packet", connect({.version = 5, .properties = from_hex("23 00 01")}),
       "20 03 00 81 00", Then::ends, 0},
  };
}

std::vector<Statement> of_publish() {
  return {
      {"3-3.3.4-1 5-3.3.4-1: QoS 0 is not answered", publish("t", "1"), "", Then::goes_on, 4, {"t=1"}},
      {"3-3.3.4-1 5-3.3.4-1 4.3.2-2: QoS 1 gets PUBACK",
       publish("t", "1", {.qos = 1, .id = 258}),
       "40 02 01 02",
       Then::goes_on,
       4,
       {"t=1"}},
      {"3-4.3.3-2 5-4.3.3-8: QoS 2 gets PUBREC",
       publish("t", "1", {.qos = 2, .id = 7}),
       "50 02 00 07",
       Then::goes_on,
       4,
       {"t=1"}},
      {"3-4.3.3-2 5-4.3.3-10 5-4.3.3-12: it counts once until it is released",
       publish("t", "1", {.qos = 2, .id = 7}) + publish("t", "1", {.qos = 2, .id = 7, .dup = true}),
       "50 02 00 07 50 02 00 07",
       Then::goes_on,
       4,
       {"t=1"}},
      {"3-4.3.3-2 5-4.3.3-11: PUBREL gets PUBCOMP, and the id is free",
       publish("t", "1", {.qos = 2, .id = 7}) + pubrel(7) + publish("t", "2", {.qos = 2, .id = 7}),
       "50 02 00 07 70 02 00 07 50 02 00 07",
       Then::goes_on,
       4,
       {"t=1", "t=2"}},
      {"5-3.6.2.1: a PUBREL of an id that is not held is answered so", pubrel(9), "70 03 00 09 92", Then::goes_on, 5},
      {"3-3.6: the same in 3.1.1, which has no reasons", pubrel(9), "70 02 00 09", Then::goes_on},
      {"3-4.4.0-1 5-3.3.1-1: what comes with DUP and was not known is new",
       publish("t", "1", {.qos = 1, .id = 1, .dup = true}),
       "40 02 00 01",
       Then::goes_on,
       4,
       {"t=1"}},
      {"3-4.4.0-1: what was taken and comes with DUP is answered and counts once",
       publish("t", "1", {.qos = 1, .id = 1}) + publish("t", "1", {.qos = 1, .id = 1, .dup = true}),
       "40 02 00 01 40 02 00 01",
       Then::goes_on,
       4,
       {"t=1"}},
      {"3-3.3.1-3 5-3.3.1-3: without DUP an equal one is another message",
       publish("t", "1", {.qos = 1, .id = 1}) + publish("t", "1", {.qos = 1, .id = 1}),
       "40 02 00 01 40 02 00 01",
       Then::goes_on,
       4,
       {"t=1", "t=1"}},
      {"3-4.6.0-2 5-4.6.0-2: PUBACK in the order of PUBLISH",
       publish("t", "1", {.qos = 1, .id = 5}) + publish("t", "2", {.qos = 2, .id = 4}) +
           publish("t", "3", {.qos = 1, .id = 3}),
       "40 02 00 05 50 02 00 04 40 02 00 03",
       Then::goes_on,
       4,
       {"t=1", "t=2", "t=3"}},
  };
}

std::vector<Statement> of_topics() {
  return {
      {"3-3.3.1-4 5-3.3.1-4: QoS 3 is malformed", packet(0x36, text("t") + u16(1)), "", Then::ends},
      {"5-3.3.1-4", packet(0x36, text("t") + u16(1)), "e0 01 81", Then::ends, 5},
      {"3-3.3.1-2 5-3.3.1-2: QoS 0 has no DUP", packet(0x38, text("t") + "1"), "", Then::ends},
      {"3-2.3.1-1 5-2.2.1-3: a packet id is not 0", publish("t", "1", {.qos = 1, .id = 0}), "", Then::ends},
      {"5-2.2.1-3", five("t", "1", "", 1, 0), "e0 01 82", Then::ends, 5},
      {"3-3.3.2-2 5-3.3.2-2: a topic has no wildcards", publish("t/+", "1"), "", Then::ends},
      {"5-3.3.2-2", five("t/#", "1", ""), "e0 01 90", Then::ends, 5},
      {"3-4.7.3-1 5-4.7.3-1: a topic is not empty", publish("", "1"), "", Then::ends},
      {"3-4.7.3-2 5-4.7.3-2: it has no NUL", publish(std::string("a\0b", 3), "1"), "", Then::ends},
      {"3-1.5.3-1 5-1.5.4-1: it is UTF-8", publish("a\xc0\x80", "1"), "", Then::ends},
      {"5-1.5.4-1: nor has it surrogates", five("\xed\xa0\x80", "1", ""), "e0 01 81", Then::ends, 5},
      {"3-1.5.3-3 5-1.5.4-3: a byte order mark is kept",
       publish("\xef\xbb\xbft", "1"),
       "",
       Then::goes_on,
       4,
       {"\xef\xbb\xbft=1"}},
      {"3-3.3.3 5-3.3.3: a payload may be empty", publish("t", ""), "", Then::goes_on, 4, {"t="}},
      {"3-3.3.1.3 5-3.3.1.3: a retained message is one too",
       publish("t", "1", {.retain = true}),
       "",
       Then::goes_on,
       4,
       {"t=1"}},
  };
}

std::vector<Statement> of_aliases() {
  return {
      {"5-3.3.2-7: an alias stands for its topic",
       five("t", "1", from_hex("23 00 05")) + five("", "2", from_hex("23 00 05")),
       "",
       Then::goes_on,
       5,
       {"t=1", "t=2"}},
      {"5-3.3.2-12: it may get another one",
       five("t", "1", from_hex("23 00 05")) + five("u", "2", from_hex("23 00 05")) +
           five("", "3", from_hex("23 00 05")),
       "",
       Then::goes_on,
       5,
       {"t=1", "u=2", "u=3"}},
      {"5-3.3.2-8: an alias is not 0", five("t", "1", from_hex("23 00 00")), "e0 01 94", Then::ends, 5},
      {"5-3.3.2-9: nor above the maximum", five("t", "1", from_hex("23 00 41")), "e0 01 94", Then::ends, 5},
      {"5-3.3.4: one that stands for no topic", five("", "1", from_hex("23 00 05")), "e0 01 82", Then::ends, 5},
      {"5-3.3.2-14: a response topic has no wildcards", five("t", "1", from_hex("08 00 01 23")), "e0 01 82", Then::ends,
       5},
      {"5-3.3.4-6: a client sends no subscription identifier", five("t", "1", from_hex("0b 01")), "e0 01 81",
       Then::ends, 5},
      {"5-3.3.2-17: user properties keep their order",
       five("t", "1", from_hex("26 00 01 61 00 01 62")),
       "",
       Then::goes_on,
       5,
       {"t=1"}},
      {"5-3.3.2.3.2: the properties end within the packet", packet(0x30, text("t") + from_hex("05 01")), "e0 01 81",
       Then::ends, 5},
  };
}

std::vector<Statement> of_others() {
  return {
      {"3-3.12.4-1 5-3.12.4-1: PINGREQ gets PINGRESP", pingreq, "d0 00", Then::goes_on},
      {"3-2.2.2-2 5-2.1.3-1: flags that a packet does not have", from_hex("c1 00"), "", Then::ends},
      {"5-2.1.3-1", from_hex("c1 00"), "e0 01 81", Then::ends, 5},
      {"3-3.6.1-1 5-3.6.1-1: the flags of PUBREL are 2", from_hex("60 02 00 01"), "", Then::ends},
      {"3-3.8.1-1 5-3.8.1-1: and those of SUBSCRIBE", from_hex("80 06 00 01 00 01 61 00"), "", Then::ends},
      {"3-3.8.4-1 3-3.8.4-5 5-3.8.4-1: SUBSCRIBE gets SUBACK, a refusal for each filter",
       from_hex("82 0a 00 09 00 01 61 00 00 01 23 01"), "90 04 00 09 80 80", Then::goes_on},
      {"5-3.8.4-1 5-3.8.4-6", from_hex("82 07 00 09 00 00 01 61 00"), "90 04 00 09 00 83", Then::goes_on, 5},
      {"3-3.8.3-1 5-3.8.3-1: a filter is UTF-8", from_hex("82 06 00 09 00 01 ff 00"), "", Then::ends},
      {"3-3.8.3-3 5-3.8.3-2: there is a filter", from_hex("82 02 00 09"), "", Then::ends},
      {"3-3.8.3-4: the reserved bits of a QoS", from_hex("82 06 00 09 00 01 61 04"), "", Then::ends},
      {"5-3.8.3-5", from_hex("82 07 00 09 00 00 01 61 40"), "e0 01 81", Then::ends, 5},
      {"3-4.7.1-2 5-4.7.1-1: # is the last level", from_hex("82 08 00 09 00 03 23 2f 61 00"), "", Then::ends},
      {"3-4.7.1-3 5-4.7.1-2: + is a whole level", from_hex("82 07 00 09 00 02 61 2b 00"), "", Then::ends},
      {"3-2.3.1-1 5-2.2.1-3: SUBSCRIBE has a packet id", from_hex("82 06 00 00 00 01 61 00"), "", Then::ends},
      {"3-3.10.1-1 5-3.10.1-1: the flags of UNSUBSCRIBE", from_hex("a0 05 00 09 00 01 61"), "", Then::ends},
      {"3-3.10.4-4 3-3.10.4-5 5-3.10.4-4: UNSUBSCRIBE gets UNSUBACK", from_hex("a2 05 00 09 00 01 61"), "b0 02 00 09",
       Then::goes_on},
      {"5-3.10.4-5: with a reason for each filter", from_hex("a2 09 00 09 00 00 01 61 00 01 62"),
       "b0 05 00 09 00 11 11", Then::goes_on, 5},
      {"3-3.10.3-2 5-3.10.3-2: there is a filter", from_hex("a2 02 00 09"), "", Then::ends},
      {"3-3.14.4-1 5-3.14.4-1: DISCONNECT ends it", disconnect, "", Then::ends},
      {"3-3.14.1-1 5-3.14.1-1: with its flags", from_hex("e1 00"), "", Then::ends},
      {"5-3.14.2: with a reason and properties", from_hex("e0 07 04 05 11 00 00 00 00"), "", Then::ends, 5},
      {"5-3.1.2.11.2: a session without expiry cannot get one", from_hex("e0 07 00 05 11 00 00 00 09"), "e0 01 82",
       Then::ends, 5},
      {"5-4.13.1-1: what only a server sends is an error", from_hex("20 02 00 00"), "e0 01 82", Then::ends, 5},
      {"3-4.8.0-1: it closes the connection", from_hex("40 02 00 01"), "", Then::ends},
      {"5-3.15: AUTH without a method is an error", from_hex("f0 00"), "e0 01 82", Then::ends, 5},
      {"3-4.8.0-1 5-4.13.1-1: a type that does not exist", from_hex("00 00"), "", Then::ends},
      {"3-2.2.3 5-1.5.5: a length of five bytes", from_hex("30 80 80 80 80 01"), "", Then::ends},
      {"5-3.2.2-15: a packet beyond the maximum", from_hex("30 ff ff ff 7f"), "e0 01 95", Then::ends, 5},
  };
}

std::vector<Statement> all_statements() {
  std::vector<Statement> all = of_connect();
  for (const auto& more : {of_publish(), of_topics(), of_aliases(), of_others()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

void play(const Statement& statement, bool byte_by_byte) {
  SCOPED_TRACE(statement.numbers + (byte_by_byte ? " byte by byte" : ""));
  const DeviceLimits limits;
  RecordingOwner owner;
  DeviceConnection connection(limits, owner, {});
  if (statement.connects != 0) {
    connection.take(connect({.version = statement.connects}), {});
    EXPECT_EQ(hex(connection.answers()), statement.connects == 5 ? connack_5 : connack_3);
    connection.answers().clear();
  }
  std::string waiting;
  for (std::size_t i = 0; i < statement.in.size() && !connection.is_over();) {
    const std::size_t more = byte_by_byte ? 1 : statement.in.size();
    waiting += statement.in.substr(i, more);
    i += more;
    waiting.erase(0, connection.take(waiting, {}));
  }
  EXPECT_EQ(hex(connection.answers()), statement.out);
  EXPECT_EQ(connection.is_over(), statement.then == Then::ends) << words_of(connection.reason());
  EXPECT_EQ(owner.delivered, statement.delivered);
}

TEST(MqttStatements, each_holds_in_one_piece_and_byte_by_byte) {
  for (const Statement& statement : all_statements()) {
    play(statement, false);
    play(statement, true);
  }
}

struct DeviceConnectionTest : testing::Test {
  using Time = DeviceConnection::Time;
  static Time at(int seconds) { return Time(std::chrono::seconds(seconds)); }
  std::string answers_to(const std::string& bytes, int seconds = 0) {
    connection.take(bytes, at(seconds));
    std::string answers;
    answers.swap(connection.answers());
    return hex(answers);
  }

  DeviceLimits limits;
  RecordingOwner owner;
  DeviceConnection connection{limits, owner, at(0)};
};

// 3-3.1.2-24, 5-3.1.2-22
TEST_F(DeviceConnectionTest, client_that_is_silent_for_one_and_a_half_keep_alives_is_disconnected) {
  answers_to(connect({.version = 5, .keep_alive = 10}));
  answers_to(pingreq, 20);
  connection.check(at(34));
  EXPECT_TRUE(connection.is_connected());
  connection.check(at(35));
  EXPECT_EQ(connection.reason(), MqttReason::keep_alive_timeout);
  EXPECT_EQ(answers_to(""), "e0 01 8d");
}

TEST_F(DeviceConnectionTest, part_of_a_packet_does_not_keep_a_connection_alive) {
  answers_to(connect({.keep_alive = 10}));
  connection.take("\xc0", at(14));
  EXPECT_EQ(connection.deadline(), at(15));
}

TEST_F(DeviceConnectionTest, client_without_keep_alive_may_be_silent_for_the_idle_time) {
  answers_to(connect({.keep_alive = 0}));
  EXPECT_EQ(connection.deadline(), at(3600));
}

// 3-3.1.4-5, 5-3.1.4-6: a reasonable time
TEST_F(DeviceConnectionTest, connection_without_a_connect_ends_in_time) {
  connection.check(at(9));
  EXPECT_FALSE(connection.is_over());
  connection.check(at(10));
  EXPECT_TRUE(connection.is_over());
  EXPECT_EQ(answers_to(""), "");
}

// 3-3.2.2-2, 5-3.2.2-3
TEST_F(DeviceConnectionTest, known_session_is_present_unless_it_has_to_be_clean) {
  owner.is_session_known = true;
  EXPECT_EQ(answers_to(connect({.clean = false})), "20 02 01 00");
  DeviceConnection clean(limits, owner, at(0));
  clean.take(connect(), at(0));
  EXPECT_EQ(hex(clean.answers()), connack_3);
}

// 3-4.3.3-2, 5-4.3.3-10
TEST_F(DeviceConnectionTest, message_of_qos_2_counts_once_over_a_cut_at_each_packet) {
  owner.is_session_known = true;
  const std::string message = publish("t", "1", {.qos = 2, .id = 7});
  const std::string again = publish("t", "1", {.qos = 2, .id = 7, .dup = true});
  DeviceConnection after_publish(limits, owner, at(0)), after_pubrec(limits, owner, at(0));
  after_publish.take(connect({.clean = false}) + message, at(0));  // its PUBREC is lost
  after_pubrec.take(connect({.clean = false}) + again, at(0));     // and the next one's PUBREL is
  EXPECT_EQ(hex(after_pubrec.answers()), "20 02 01 00 50 02 00 07");
  EXPECT_EQ(answers_to(connect({.clean = false}) + pubrel(7) + pubrel(7)), "20 02 01 00 70 02 00 07 70 02 00 07");
  EXPECT_THAT(owner.delivered, ElementsAre("t=1"));
  answers_to(message);
  EXPECT_THAT(owner.delivered, ElementsAre("t=1", "t=1")) << "the id was free for another message";
}

TEST_F(DeviceConnectionTest, message_that_a_former_run_has_taken_is_answered_and_not_delivered) {
  owner.taken_in_former_run = message_fingerprint(3, "t", "1");
  answers_to(connect({.clean = false}));
  EXPECT_EQ(answers_to(publish("t", "1", {.qos = 1, .id = 3, .dup = true})), "40 02 00 03");
  EXPECT_EQ(answers_to(publish("t", "1", {.qos = 2, .id = 3, .dup = true}) + pubrel(3)), "50 02 00 03 70 02 00 03");
  EXPECT_TRUE(owner.delivered.empty());
  EXPECT_EQ(owner.resent, 2);
  owner.taken_in_former_run.reset();  // its client has been here since
  EXPECT_EQ(answers_to(publish("t", "1", {.qos = 1, .id = 3, .dup = true})), "40 02 00 03");
  EXPECT_TRUE(owner.delivered.empty()) << "the answer was lost again";
}

TEST_F(DeviceConnectionTest, of_two_messages_with_one_packet_id_only_the_later_may_come_again) {
  answers_to(connect());
  answers_to(publish("t", "1", {.qos = 1, .id = 1}) + publish("t", "2", {.qos = 1, .id = 1}));
  answers_to(publish("t", "1", {.qos = 1, .id = 1, .dup = true}));
  EXPECT_THAT(owner.delivered, ElementsAre("t=1", "t=2", "t=1"));
}

// 5-3.3.4-7, 5-4.9.0-1
TEST_F(DeviceConnectionTest, more_messages_than_the_receive_maximum_end_the_connection) {
  answers_to(connect({.version = 5}));
  std::string many;
  for (unsigned id = 1; id <= DeviceSession::max_in_flight; ++id) many += five("t", "1", "", 1, id);
  answers_to(many);
  EXPECT_TRUE(connection.is_connected());
  connection.note_answered(1);
  answers_to(five("t", "1", "", 1, 600));
  EXPECT_TRUE(connection.is_connected());
  EXPECT_EQ(answers_to(five("t", "1", "", 1, 601)), "e0 01 93");
}

TEST_F(DeviceConnectionTest, as_many_messages_of_qos_2_as_the_receive_maximum_are_taken_in_one_turn) {
  answers_to(connect({.version = 5}));
  std::string many;
  for (unsigned id = 1; id <= DeviceSession::max_in_flight; ++id) many += five("t", "1", "", 2, id);
  answers_to(many);
  EXPECT_TRUE(connection.is_connected());
  answers_to(pubrel(1) + five("t", "1", "", 2, 600));
  EXPECT_TRUE(connection.is_connected());
  EXPECT_EQ(answers_to(five("t", "1", "", 2, 601)), "e0 01 93");
}

// 3-3.3.5-2, 5-3.3.5
TEST_F(DeviceConnectionTest, topic_of_another_user_is_refused_where_the_protocol_can_say_so) {
  owner.prefix = "mine/";
  answers_to(connect({.version = 5}));
  EXPECT_EQ(answers_to(five("mine/t", "1", "", 1, 1)), "40 02 00 01");
  EXPECT_EQ(answers_to(five("t", "1", "", 1, 1)), "40 03 00 01 87");
  EXPECT_EQ(answers_to(five("t", "1", "", 2, 1)), "50 03 00 01 87");
  answers_to(five("t", "1", ""));
  EXPECT_THAT(owner.delivered, ElementsAre("mine/t=1"));
}

TEST_F(DeviceConnectionTest, refused_connect_says_why_and_ends) {
  const struct {
    MqttReason reason;
    const char *answer_3, *answer_5;
  } cases[] = {{MqttReason::bad_user_or_password, "20 02 00 04", "20 03 00 86 00"},
               {MqttReason::not_authorized, "20 02 00 05", "20 03 00 87 00"},
               {MqttReason::client_id_not_valid, "20 02 00 02", "20 03 00 85 00"},
               {MqttReason::server_busy, "20 02 00 03", "20 03 00 89 00"}};
  for (const auto& c : cases) {
    owner.refuse_connect = c.reason;
    for (const int version : {4, 5}) {
      DeviceConnection refused(limits, owner, at(0));
      refused.take(connect({.version = version}), at(0));
      EXPECT_EQ(hex(refused.answers()), version == 5 ? c.answer_5 : c.answer_3);
      EXPECT_TRUE(refused.is_over());
    }
  }
}

TEST_F(DeviceConnectionTest, size_of_a_packet_is_known_from_its_head) {
  answers_to(connect());
  EXPECT_EQ(connection.take(publish("t", std::string(1000, 'x')).substr(0, 1), at(0)), 0U);
  EXPECT_EQ(connection.packet_bytes(), 0U);
  EXPECT_EQ(connection.take(publish("t", std::string(1000, 'x')).substr(0, 10), at(0)), 0U);
  EXPECT_EQ(connection.packet_bytes(), 1006U);
}

TEST_F(DeviceConnectionTest, topic_that_is_too_long_ends_the_connection) {
  answers_to(connect({.version = 5}));
  EXPECT_EQ(answers_to(five(std::string(1025, 't'), "1", "")), "e0 01 90");
}

// 3-3.1.4-2, 5-3.1.4-3
TEST_F(DeviceConnectionTest, connection_that_is_taken_over_hears_of_it) {
  answers_to(connect({.version = 5}));
  connection.end(MqttReason::session_taken_over);
  EXPECT_EQ(hex(connection.answers()), "e0 01 8e");
  EXPECT_EQ(connection.take(pingreq, at(0)), 0U) << "3-3.14.4-2: nothing follows";
}

TEST_F(DeviceConnectionTest, will_is_checked_and_is_not_a_reading) {
  answers_to(connect_bytes("00 04 4d 51 54 54 04 06 00 3c 00 01 63 00 01 77 00 01 78"));
  connection.check(at(1000));
  EXPECT_TRUE(connection.is_over());
  EXPECT_TRUE(owner.delivered.empty());
}

TEST(DeviceSession, message_that_was_not_taken_after_all_is_not_known) {
  DeviceSession session;
  const std::uint64_t first = message_fingerprint(1, "t", "1"), second = message_fingerprint(2, "t", "1");
  session.add(first);
  session.add(second);
  ASSERT_TRUE(session.hold(2));
  session.take_back(second, true);
  EXPECT_TRUE(session.knows(first));
  EXPECT_FALSE(session.knows(second));
  EXPECT_FALSE(session.is_unreleased(2));
}

TEST(DeviceSession, packet_id_that_is_used_again_settles_what_came_before) {
  DeviceSession session;
  for (std::uint16_t id = 1; id <= 3; ++id) session.add(message_fingerprint(id, "t", "1"));
  EXPECT_FALSE(session.reuses_ids());
  session.add(message_fingerprint(2, "t", "2"));
  EXPECT_TRUE(session.reuses_ids());
  for (const auto& [id, payload, known] :
       {std::tuple{1, "1", false}, {2, "1", false}, {3, "1", true}, {2, "2", true}}) {
    EXPECT_EQ(session.knows(message_fingerprint(static_cast<std::uint16_t>(id), "t", payload)), known) << id << payload;
  }
}

TEST(DeviceSession, keeps_the_newest) {
  DeviceSession session;
  for (std::uint16_t id = 1; id <= DeviceSession::max_in_flight + 1; ++id)
    session.add(message_fingerprint(id, "t", "1"));
  EXPECT_FALSE(session.knows(message_fingerprint(1, "t", "1")));
  EXPECT_TRUE(session.knows(message_fingerprint(2, "t", "1")));
}

}  // namespace
}  // namespace edgetide::test
