#include "sinks/mqtt_sink.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <gmock/gmock.h>
#include <limits>
#include <sstream>

#include "sinks/row_slice.h"
#include "tests/fakes/answering_broker.h"
#include "tests/fakes/mosquitto_server.h"
#include "tests/fakes/soon.h"
#include "tests/sinks/batch_builder.h"
#include "tests/sinks/outcome_matchers.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

MqttSinkOptions options_of(const std::string& uri, int protocol = 5) {
  MqttSinkOptions options;
  options.servers = {uri};
  options.protocol = protocol;
  options.client_id = "edgetide-test";
  options.topic = "rows/{sensor}";
  return options;
}

std::unique_ptr<Sink> sink_of(const MqttSinkOptions& options) {
  return make_mqtt_sink(options, this_gateway(), minute_window());
}

RowBatch rows_of(std::uint64_t epoch, const std::vector<std::string>& sensors) {
  std::vector<RowText> rows;
  for (const std::string& sensor : sensors) rows.push_back({series(sensor), 0, 1, {3, 1.5}});
  return batch(epoch, rows);
}

// What a program that has nothing of ours receives: lines "retain topic payload".
class Subscriber {
 public:
  explicit Subscriber(int port, const std::string& filter = "#", const std::vector<std::string>& more = {})
      : output_(folder_ / "out"), program_(arguments(port, filter, more), output_) {
    // It prints what it has subscribed to, with -d.
    EXPECT_TRUE(soon([this] { return text().find("Subscribed") != std::string::npos; }));
  }

  std::vector<std::string> messages() const {
    std::vector<std::string> all;
    std::istringstream in(text());
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("=")) all.push_back(line.substr(1));
    }
    return all;
  }
  bool receives(std::size_t count) const {
    return soon([&] { return messages().size() >= count; });
  }

 private:
  static std::vector<std::string> arguments(int port, const std::string& filter, const std::vector<std::string>& more) {
    std::vector<std::string> all = {
        "stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", std::to_string(port), "-q", "1",
        "-d",     "-t",  filter,          "-F", "=%r %t %p"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::string text() const {
    std::ostringstream all;
    all << std::ifstream(output_).rdbuf();
    return all.str();
  }

  TemporaryFolder folder_;
  std::string output_;
  ChildProcess program_;
};

TEST(MqttSink, rows_reach_an_independent_subscriber_over_both_protocols) {
  for (const int protocol : {3, 5}) {
    const MosquittoServer broker;
    const Subscriber subscriber(broker.port());
    const auto sink = sink_of(options_of(broker.uri(), protocol));
    ASSERT_THAT(sink->open(), IsDelivered()) << "protocol " << protocol;
    EXPECT_THAT(sink->deliver(rows_of(1, {"a", "b/c"})), IsDelivered());
    EXPECT_EQ(stored_epoch(*sink), 1U);
    ASSERT_TRUE(subscriber.receives(2));
    EXPECT_THAT(subscriber.messages(),
                ElementsAre("0 rows/a {\"gateway\":\"gw\",\"window\":\"minute\",\"sensor\":\"a\",\"metric\":\"t\","
                            "\"start\":\"1970-01-01T00:00:00.000000Z\",\"end\":\"1970-01-01T00:01:00.000000Z\","
                            "\"count\":3,\"avg\":1.5,\"state\":\"closed\",\"revision\":1,\"epoch\":1}",
                            HasSubstr("0 rows/b/c {")));
    sink->close();
  }
}

TEST(MqttSink, many_rows_with_a_small_window_all_arrive_once_and_in_order) {
  const MosquittoServer broker("allow_anonymous true\nmax_queued_messages 0\n");
  const Subscriber subscriber(broker.port());
  MqttSinkOptions options = options_of(broker.uri());
  options.max_in_flight = 3;
  const auto sink = sink_of(options);
  ASSERT_THAT(sink->open(), IsDelivered());
  std::vector<std::string> sensors, expected;
  for (int i = 0; i < 2000; ++i) sensors.push_back(numbered("s", i));
  ASSERT_THAT(sink->deliver(rows_of(1, sensors)), IsDelivered());
  ASSERT_TRUE(subscriber.receives(sensors.size()));
  const std::vector<std::string> messages = subscriber.messages();
  ASSERT_THAT(messages, SizeIs(sensors.size()));
  for (std::size_t i = 0; i < messages.size(); ++i) EXPECT_THAT(messages[i], HasSubstr("rows/" + sensors[i] + ' '));
}

TEST(MqttSink, status_says_online_offline_and_is_the_brokers_last_will) {
  for (const int protocol : {3, 5}) {
    const MosquittoServer broker;
    const Subscriber subscriber(broker.port(), "status");
    MqttSinkOptions options = options_of(broker.uri(), protocol);
    options.status_topic = "status";
    auto sink = sink_of(options);
    ASSERT_THAT(sink->open(), IsDelivered());
    sink->close();
    ASSERT_TRUE(subscriber.receives(2));
    EXPECT_THAT(subscriber.messages(), ElementsAre("0 status online", "0 status offline"));
    ASSERT_THAT(sink->open(), IsDelivered());
    sink->interrupt();
    sink->close();  // not in order: the will
    ASSERT_TRUE(subscriber.receives(4)) << "protocol " << protocol;
    EXPECT_EQ(subscriber.messages()[3], "0 status offline");
    const Subscriber later(broker.port(), "status");
    ASSERT_TRUE(later.receives(1));
    EXPECT_THAT(later.messages(), ElementsAre("1 status offline")) << "retained";
  }
}

TEST(MqttSink, retained_rows_are_kept_by_the_broker) {
  const MosquittoServer broker;
  MqttSinkOptions options = options_of(broker.uri());
  options.retain = true;
  options.topic = "last/{sensor}";
  const auto sink = sink_of(options);
  ASSERT_THAT(sink->open(), IsDelivered());
  ASSERT_THAT(sink->deliver(rows_of(1, {"a", "b"})), IsDelivered());
  const Subscriber later(broker.port());
  ASSERT_TRUE(later.receives(2));
  EXPECT_THAT(later.messages(), testing::UnorderedElementsAre(HasSubstr("1 last/a {"), HasSubstr("1 last/b {")));
}

TEST(MqttSink, row_that_no_topic_can_hold_is_rejected_by_name_and_the_others_arrive) {
  const MosquittoServer broker;
  const Subscriber subscriber(broker.port());
  MqttSinkOptions options = options_of(broker.uri());
  options.max_payload_bytes = 400;
  const auto sink = sink_of(options);
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(rows_of(1, {"a", "b+", std::string(400, 'c'), "d"})),
              IsDelivered(ElementsAre(testing::Field(&RejectedRow::sensor, "b+"),
                                      testing::Field(&RejectedRow::sensor, std::string(400, 'c')))));
  ASSERT_TRUE(subscriber.receives(2));
  EXPECT_THAT(subscriber.messages(), ElementsAre(HasSubstr("rows/a "), HasSubstr("rows/d ")));
}

TEST(MqttSink, password_is_needed_and_a_wrong_one_needs_a_person) {
  for (const int protocol : {3, 5}) {
    const TemporaryFolder folder;
    const std::string file = folder / "passwords";
    ASSERT_EQ(run_program({"mosquitto_passwd", "-b", "-c", file, "gw", "right"}), 0);
    const MosquittoServer broker("allow_anonymous false\npassword_file " + file + "\n");
    MqttSinkOptions options = options_of(broker.uri(), protocol);
    options.username = "gw";
    options.password = "right";
    EXPECT_THAT(sink_of(options)->open(), IsDelivered()) << "protocol " << protocol;
    options.password = "wrong";
    const Outcome outcome = sink_of(options)->open();
    ASSERT_THAT(outcome, IsRetryAfter(HasSubstr("the broker refuses: ")));
    EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
    EXPECT_THAT(std::get<RetryAfter>(outcome).reason, testing::Not(HasSubstr("wrong")));
  }
}

void make_authority(const TemporaryFolder& folder, const std::string& names) {
  const std::string key = folder / "s.key";
  ASSERT_EQ(run_program({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                         "/CN=broker", "-addext", "subjectAltName=" + names, "-keyout", key, "-out", folder / "s.crt"}),
            0);
  std::filesystem::permissions(key, std::filesystem::perms::owner_read | std::filesystem::perms::others_read);
}

TEST(MqttSink, tls_checks_the_chain_and_the_host_name) {
  const TemporaryFolder own, other;
  make_authority(own, "DNS:localhost");
  make_authority(other, "DNS:localhost");
  const MosquittoServer broker("allow_anonymous true\ncertfile " + (own / "s.crt") + "\nkeyfile " + (own / "s.key") +
                               "\n");
  for (const int protocol : {3, 5}) {
    MqttSinkOptions options = options_of(broker.uri("mqtts", "localhost"), protocol);
    options.tls.ca = own / "s.crt";
    {
      const auto sink = sink_of(options);
      ASSERT_THAT(sink->open(), IsDelivered());
      EXPECT_THAT(sink->deliver(rows_of(1, {"a"})), IsDelivered());
    }
    options.tls.ca = other / "s.crt";
    EXPECT_THAT(sink_of(options)->open(), IsRetryAfter(HasSubstr("certificate is not ")));
    options.tls.ca = own / "s.crt";
    options.servers = {broker.uri("mqtts", "127.0.0.1")};
    EXPECT_THAT(sink_of(options)->open(), IsRetryAfter(HasSubstr("certificate is for another name than 127.0.0.1")));
    options.tls.ca = own / "missing";
    EXPECT_THAT(sink_of(options)->open(), IsRetryAfter(HasSubstr("cannot read ")));
  }
}

TEST(MqttSink, next_server_is_used_where_the_first_one_is_away) {
  const MosquittoServer broker;
  MqttSinkOptions options = options_of("mqtt://127.0.0.1:" + std::to_string(free_port()));
  options.servers.push_back(broker.uri());
  const auto sink = sink_of(options);
  EXPECT_THAT(sink->open(), IsRetryAfter(HasSubstr("Connection refused")));
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(rows_of(1, {"a"})), IsDelivered());
}

TEST(MqttSink, refused_row_is_rejected_and_the_others_are_delivered) {
  const AnsweringBroker broker([](const std::string& topic) { return topic == "rows/b" ? 153 : 0; });
  const auto sink = sink_of(options_of(broker.uri()));
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(rows_of(1, {"a", "b", "c"})),
              IsDelivered(ElementsAre(testing::AllOf(
                  testing::Field(&RejectedRow::sensor, "b"),
                  testing::Field(&RejectedRow::reason,
                                 "the broker refuses it, reason 153 (payload format invalid), to 'rows/b'")))));
}

TEST(MqttSink, what_is_about_the_connection_is_tried_again_behind_the_rows_that_are_confirmed) {
  for (const int reason : {135, 151, 128, AnsweringBroker::cut}) {
    std::atomic<bool> refuses = true;
    const AnsweringBroker broker([&](const std::string& topic) { return topic == "rows/c" && refuses ? reason : 0; });
    const auto sink = sink_of(options_of(broker.uri()));
    ASSERT_THAT(sink->open(), IsDelivered());
    const RowBatch rows = rows_of(1, {"a", "b+", "c", "d"});
    const Outcome outcome = sink->deliver(rows);
    ASSERT_TRUE(std::holds_alternative<RetryAfter>(outcome)) << reason;
    const auto& later = std::get<RetryAfter>(outcome);
    EXPECT_EQ(later.rows_stored, 2U) << "a, and b+ which no topic can hold";
    EXPECT_EQ(later.needs_person, reason == 135);
    const std::string words = reason > 0 ? "a message to 'rows/c', reason " + std::to_string(reason) : broker.uri();
    EXPECT_THAT(later.reason, HasSubstr(words));
    sink->close();
    refuses = false;
    ASSERT_THAT(sink->open(), IsDelivered());
    EXPECT_THAT(sink->deliver(slice(rows, 2, 2)), IsDelivered(ElementsAre(testing::Field(&RejectedRow::sensor, "b+"))))
        << "said with the delivery that succeeds";
    EXPECT_EQ(broker.published().front(), "rows/a");
    EXPECT_THAT(broker.published(), testing::Contains("rows/a").Times(1));
    EXPECT_EQ(broker.published().back(), "rows/d");
  }
}

TEST(MqttSink, no_more_messages_are_in_flight_than_the_broker_allows) {
  std::atomic<int> unanswered = 0;
  const AnsweringBroker broker(
      [&](const std::string&) {
        ++unanswered;
        return AnsweringBroker::no_answer;
      },
      std::string("\x21\0\x02", 3));  // receive maximum
  const auto sink = sink_of(options_of(broker.uri()));
  ASSERT_THAT(sink->open(), IsDelivered());
  auto delivery = std::async(std::launch::async, [&] { return sink->deliver(rows_of(1, {"a", "b", "c", "d"})); });
  EXPECT_TRUE(soon([&] { return unanswered == 2; }));
  EXPECT_EQ(delivery.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  EXPECT_EQ(unanswered, 2);
  sink->interrupt();
  EXPECT_THAT(delivery.get(), IsRetryAfter(HasSubstr("interrupted")));
}

TEST(MqttSink, message_that_is_larger_than_the_broker_takes_is_not_sent) {
  const AnsweringBroker broker([](const std::string&) { return 0; }, std::string("\x27\0\0\x01\x40", 5));  // 320 bytes
  const auto sink = sink_of(options_of(broker.uri()));
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(rows_of(1, {"a", std::string(200, 'b'), "c"})), IsDelivered(SizeIs(1)));
  EXPECT_THAT(broker.published(), ElementsAre("rows/a", "rows/c"));
}

TEST(MqttSink, broker_without_what_is_configured_says_so_at_open) {
  const struct {
    std::string properties, reason;
    bool retain;
  } cases[] = {
      {std::string("\x24\0", 2), "allows QoS 0 at most, qos is 1", false},
      {std::string("\x25\0", 2), "keeps no retained messages, retain is set", true},
      {std::string("\x21\0\0", 3), "receive maximum 0", false},
  };
  for (const auto& c : cases) {
    const AnsweringBroker broker([](const std::string&) { return 0; }, c.properties);
    MqttSinkOptions options = options_of(broker.uri());
    options.retain = c.retain;
    EXPECT_THAT(sink_of(options)->open(), IsRetryAfter(HasSubstr(c.reason)));
  }
}

TEST(MqttSink, interrupt_ends_open_and_what_is_called_until_close) {
  const int port = free_port();
  const int silent = socket(AF_INET, SOCK_STREAM, 0);  // takes connections and says nothing
  const sockaddr_in address = loopback(port);
  ASSERT_EQ(bind(silent, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(silent, 8), 0);
  const auto sink = sink_of(options_of("mqtt://127.0.0.1:" + std::to_string(port)));
  auto opening = std::async(std::launch::async, [&] { return sink->open(); });
  EXPECT_EQ(opening.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  sink->interrupt();
  EXPECT_THAT(opening.get(), IsRetryAfter(HasSubstr("interrupted")));
  EXPECT_THAT(sink->open(), IsRetryAfter(HasSubstr("interrupted")));
  sink->close();
  close(silent);
}

TEST(MqttSink, publishes_are_paced) {
  MqttSinkOptions options;
  options.max_publishes = 100;
  EXPECT_EQ(mqtt_sink_traits(options).max_rows, 500U);
  options.max_publishes = 0.1;
  EXPECT_EQ(mqtt_sink_traits(options).max_rows, 1U);
  const AnsweringBroker broker([](const std::string&) { return 0; });
  options = options_of(broker.uri());
  options.max_publishes = 100;
  const auto sink = sink_of(options);
  ASSERT_THAT(sink->open(), IsDelivered());
  const auto began = std::chrono::steady_clock::now();
  ASSERT_THAT(sink->deliver(rows_of(1, {"a", "b", "c", "d", "e", "f"})), IsDelivered());
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(39)) << "the first one or two at once";
}

TEST(MqttSink, options_that_the_configuration_refuses_are_refused) {
  EXPECT_THROW(sink_of(options_of("mqtt://broker.example")), std::invalid_argument);
  EXPECT_THROW(sink_of(options_of("mqtt://user@localhost")), std::invalid_argument);
}

}  // namespace
}  // namespace edgetide::test
