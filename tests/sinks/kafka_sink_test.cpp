#include "sinks/kafka_sink.h"

#include <future>
#include <gmock/gmock.h>
#include <set>

#include "sinks/row_slice.h"
#include "tests/fakes/kafka_cluster.h"
#include "tests/fakes/soon.h"
#include "tests/sinks/batch_builder.h"
#include "tests/sinks/outcome_matchers.h"

namespace edgetide::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr std::int16_t produce_request = 0, end_transaction_request = 26;

RowBatch rows_of_sensors(std::uint64_t epoch, const std::vector<std::string>& sensors) {
  std::vector<RowText> rows;
  for (const std::string& sensor : sensors) rows.push_back({series(sensor), 0, 1, {3, 1.5}});
  return batch(epoch, rows);
}

std::vector<std::string> keys_of(const std::vector<ReceivedRecord>& records) {
  std::vector<std::string> keys;
  for (const ReceivedRecord& record : records) keys.push_back(record.key);
  return keys;
}

struct KafkaSinkTest : testing::Test {
  KafkaSinkTest() {
    options.servers = {cluster.servers()};
    options.client_id = "edgetide-test";
    options.topic = "rows";
    options.linger = Duration();
  }
  std::unique_ptr<Sink> make(SinkIdentity identity = this_gateway()) const {
    return make_kafka_sink(options, std::move(identity), minute_window());
  }

  KafkaCluster cluster;
  KafkaSinkOptions options;
};

TEST_F(KafkaSinkTest, rows_reach_a_topic_with_key_and_headers) {
  cluster.make_topic("rows", 1);
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  ASSERT_THAT(sink->deliver(rows_of_sensors(7, {"a", "b"})), IsDelivered());
  EXPECT_EQ(stored_epoch(*sink), 7U);
  sink->close();
  const auto records = cluster.records("rows");
  EXPECT_THAT(keys_of(records), ElementsAre("a/t", "b/t"));
  EXPECT_THAT(records[0].headers, ElementsAre(Pair("epoch", "7"), Pair("gateway", "gw"), Pair("run", "1"),
                                              Pair("state", "0000000000000001")));
  EXPECT_THAT(records[0].payload, AllOf(HasSubstr("{\"gateway\":\"gw\",\"window\":\"minute\",\"sensor\":\"a\""),
                                        HasSubstr("\"revision\":1,\"epoch\":7,\"run\":1}")));
}

TEST_F(KafkaSinkTest, many_rows_arrive_once_and_those_of_a_series_in_order) {
  cluster.make_topic("rows", 4);
  options.max_queued_bytes = 64 * 1024;  // far less than the rows
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  constexpr int epochs = 5, sensors = 1000;
  std::vector<std::string> names;
  for (int i = 0; i < sensors; ++i) names.push_back(numbered("s", i));
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    ASSERT_THAT(sink->deliver(rows_of_sensors(static_cast<std::uint64_t>(epoch), names)), IsDelivered());
  }
  std::map<std::string, std::vector<std::string>> found;
  for (const ReceivedRecord& record : cluster.records("rows", 4)) {
    found[record.key].push_back(record.headers.at("epoch"));
  }
  ASSERT_THAT(found, SizeIs(sensors));
  for (const auto& [key, of_epochs] : found) {
    ASSERT_THAT(of_epochs, ElementsAre("1", "2", "3", "4", "5")) << key;
  }
}

TEST_F(KafkaSinkTest, epoch_in_parts_is_stored_with_its_last_and_not_again) {
  cluster.make_topic("rows", 1);
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  const RowBatch whole = rows_of_sensors(3, {"a", "b", "c"});
  ASSERT_THAT(sink->deliver(slice(whole, 0, 2)), IsDelivered());
  EXPECT_EQ(stored_epoch(*sink), std::nullopt);
  ASSERT_THAT(sink->deliver(slice(whole, 2, 1)), IsDelivered());
  EXPECT_EQ(stored_epoch(*sink), 3U);
  ASSERT_THAT(sink->deliver(whole), IsDelivered());  // again
  EXPECT_THAT(keys_of(cluster.records("rows")), ElementsAre("a/t", "b/t", "c/t"));
}

TEST_F(KafkaSinkTest, row_that_is_too_large_is_set_aside_and_the_others_go_on) {
  cluster.make_topic("rows", 1);
  options.max_message_bytes = 2048;
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  const std::string large(3000, 'x');
  EXPECT_THAT(sink->deliver(rows_of_sensors(1, {"a", large, "b"})),
              IsDelivered(ElementsAre(AllOf(Field(&RejectedRow::sensor, large),
                                            Field(&RejectedRow::reason, HasSubstr("larger than max_message"))))));
  EXPECT_THAT(keys_of(cluster.records("rows")), ElementsAre("a/t", "b/t"));
}

TEST_F(KafkaSinkTest, rows_of_a_batch_that_the_broker_refuses_are_sent_alone) {
  cluster.make_topic("rows", 1);
  options.linger = Duration::milliseconds(500);  // so that they are one batch
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  cluster.answer_with(produce_request, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_NO_ERROR,
                                        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  EXPECT_THAT(sink->deliver(rows_of_sensors(1, {"a", "large", "c"})),
              IsDelivered(ElementsAre(AllOf(Field(&RejectedRow::sensor, "large"),
                                            Field(&RejectedRow::reason, HasSubstr("the broker refuses its record"))))));
  EXPECT_THAT(keys_of(cluster.records("rows")), UnorderedElementsAre("a/t", "c/t"));
}

TEST_F(KafkaSinkTest, rows_wait_where_all_of_several_series_are_refused) {
  cluster.make_topic("rows", 1);
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  cluster.answer_with(produce_request, std::vector<rd_kafka_resp_err_t>(20, RD_KAFKA_RESP_ERR_INVALID_RECORD));
  const Outcome outcome = sink->deliver(rows_of_sensors(1, {"a", "b"}));
  EXPECT_THAT(outcome, IsRetryAfter(HasSubstr("every row of window minute in a delivery is refused")));
  EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
}

TEST_F(KafkaSinkTest, row_whose_topic_kafka_cannot_have_is_set_aside) {
  cluster.make_topic("a", 1);
  options.topic = "{sensor}";
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(rows_of_sensors(1, {"a", "b/c"})),
              IsDelivered(ElementsAre(Field(&RejectedRow::reason, HasSubstr("is none of Kafka")))));
  EXPECT_THAT(keys_of(cluster.records("a")), ElementsAre("a/t"));
}

TEST_F(KafkaSinkTest, topic_that_does_not_exist_is_named_and_used_once_it_is_there) {
  cluster.make_topic("rows", 1);
  cluster.show_topic("rows", false);
  const auto sink = make();
  const Outcome outcome = sink->open();
  ASSERT_THAT(outcome, IsRetryAfter("topic 'rows': the topic does not exist; create it"));
  EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
  sink->close();
  EXPECT_THAT(kafka_fault(options, "gw", minute_window()), HasSubstr("the topic does not exist"));
  cluster.show_topic("rows", true);
  EXPECT_EQ(kafka_fault(options, "gw", minute_window()), "");
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(rows_of_sensors(1, {"a"})), IsDelivered());
}

TEST_F(KafkaSinkTest, broker_that_is_away_is_named_and_used_once_it_is_back) {
  cluster.make_topic("rows", 1);
  cluster.set_up(false);
  const auto sink = make();
  const Outcome outcome = sink->open();
  ASSERT_TRUE(std::holds_alternative<RetryAfter>(outcome)) << testing::PrintToString(outcome);
  EXPECT_FALSE(std::get<RetryAfter>(outcome).needs_person);
  EXPECT_THAT(std::get<RetryAfter>(outcome).reason, HasSubstr("127.0.0.1"));
  sink->close();
  cluster.set_up(true);
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(rows_of_sensors(1, {"a"})), IsDelivered());
  EXPECT_THAT(keys_of(cluster.records("rows")), ElementsAre("a/t"));
}

TEST_F(KafkaSinkTest, broker_that_is_away_for_a_moment_costs_and_repeats_nothing) {
  cluster.make_topic("rows", 1);
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  ASSERT_THAT(sink->deliver(rows_of_sensors(1, {"a"})), IsDelivered());
  cluster.set_up(false);
  auto delivering = std::async(std::launch::async, [&] { return sink->deliver(rows_of_sensors(2, {"b"})); });
  EXPECT_EQ(delivering.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  cluster.set_up(true);
  EXPECT_THAT(delivering.get(), IsDelivered());
  EXPECT_THAT(keys_of(cluster.records("rows")), ElementsAre("a/t", "b/t"));
}

TEST_F(KafkaSinkTest, interrupt_ends_a_call_and_the_rows_go_out_later) {
  cluster.make_topic("rows", 1);
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  ASSERT_THAT(sink->deliver(rows_of_sensors(1, {"a"})), IsDelivered());
  cluster.set_up(false);
  auto delivering = std::async(std::launch::async, [&] { return sink->deliver(rows_of_sensors(2, {"b"})); });
  sink->interrupt();
  EXPECT_THAT(delivering.get(), IsRetryAfter("interrupted"));
  sink->close();
  cluster.set_up(true);
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(rows_of_sensors(2, {"b"})), IsDelivered());
}

TEST_F(KafkaSinkTest, error_that_needs_a_person_says_what_to_do) {
  cluster.make_topic("rows", 1);
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  cluster.answer_with(produce_request, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  const Outcome outcome = sink->deliver(rows_of_sensors(1, {"a"}));
  ASSERT_THAT(outcome, IsRetryAfter(HasSubstr("allow Write and Describe for this user")));
  EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
}

TEST_F(KafkaSinkTest, certificate_that_cannot_be_read_needs_a_person) {
  options.tls = true;
  options.ca = "/does/not/exist.pem";
  const Outcome outcome = make()->open();
  ASSERT_TRUE(std::holds_alternative<RetryAfter>(outcome));
  EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
  EXPECT_THAT(std::get<RetryAfter>(outcome).reason, HasSubstr("ssl.ca.location"));
}

struct ExactlyOnceKafkaTest : KafkaSinkTest {
  ExactlyOnceKafkaTest() {
    cluster.make_topic("rows", 1);
    options.exactly_once = true;
    options.transactional_id = "edgetide-gw-sink-s";
  }
  void store_position(const std::string& note) const { cluster.store(options.transactional_id, "rows", 0, 1, note); }
};

TEST_F(ExactlyOnceKafkaTest, delivery_is_a_transaction_with_its_position) {
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_EQ(stored_epoch(*sink), std::nullopt);
  ASSERT_THAT(sink->deliver(rows_of_sensors(5, {"a", "b"})), IsDelivered());
  EXPECT_EQ(stored_epoch(*sink), 5U);
  ASSERT_THAT(sink->deliver(rows_of_sensors(5, {"a", "b"})), IsDelivered());  // again, which changes nothing
  EXPECT_THAT(keys_of(cluster.records("rows")), ElementsAre("a/t", "b/t"));
}

// The mock keeps no offsets that are written in a transaction, and does not fence: both are seen with a real broker
// (tests/e2e/kafka_sink.py).
TEST_F(ExactlyOnceKafkaTest, position_of_an_earlier_process_is_ours) {
  store_position("edgetide 1 4 1 1 5 1800000000000000 1800000000000000 this host");
  const auto sink = make();
  ASSERT_THAT(sink->open(), HasNotice(""));
  EXPECT_EQ(stored_epoch(*sink), 5U);
  ASSERT_THAT(sink->deliver(rows_of_sensors(5, {"a"})), IsDelivered());  // which changes nothing
  ASSERT_THAT(sink->deliver(rows_of_sensors(6, {"b"})), IsDelivered());
  EXPECT_EQ(stored_epoch(*sink), 6U);
  EXPECT_THAT(keys_of(cluster.records("rows")), ElementsAre("b/t"));
}

TEST_F(ExactlyOnceKafkaTest, one_that_was_taken_over_stops_until_it_takes_back) {
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  ASSERT_THAT(sink->deliver(rows_of_sensors(1, {"a"})), IsDelivered());
  sink->close();
  store_position("edgetide 1 2 1 1 1 1800000000000000 1800000000000000 other host");
  ASSERT_THAT(sink->open(),
              IsStopped(HasSubstr("another instance (other host) has taken over gateway gw, sink history")));
  sink->close();
  sink->take_over();
  ASSERT_THAT(sink->open(), IsDelivered());
  ASSERT_THAT(sink->deliver(rows_of_sensors(2, {"b"})), IsDelivered());
  EXPECT_THAT(keys_of(cluster.records("rows")), ElementsAre("a/t", "b/t"));
}

TEST_F(ExactlyOnceKafkaTest, idle_one_sees_that_it_was_taken_over) {
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_EQ(stored_epoch(*sink), std::nullopt);
  EXPECT_EQ(stored_epoch(*sink), std::nullopt);  // a look at the group
  store_position("edgetide 1 2 1 1 1 1800000000000000 1800000000000000 other host");
  const LastEpoch look = sink->last_epoch();
  ASSERT_TRUE(std::holds_alternative<Stopped>(look));
  EXPECT_TRUE(std::get<Stopped>(look).taken_over);
}

TEST_F(ExactlyOnceKafkaTest, position_of_another_state_directory_is_said_and_not_taken_for_ours) {
  store_position("edgetide 1 4 2a 1 9 1800000000000000 1800000000000000 other host");
  const auto sink = make();
  const Outcome opened = sink->open();
  ASSERT_THAT(opened, HasNotice(AllOf(HasSubstr("the Kafka group edgetide-gw-sink-s holds rows that this state"),
                                      HasSubstr("claimed by other host"))));
  EXPECT_EQ(stored_epoch(*sink), std::nullopt);
  ASSERT_THAT(sink->deliver(rows_of_sensors(1, {"a"})), IsDelivered());
  EXPECT_NE(cluster.records("rows")[0].headers.at("state"), "0000000000000001");
}

TEST_F(ExactlyOnceKafkaTest, commit_that_fails_is_in_doubt_and_settled_by_the_position) {
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  cluster.answer_with(end_transaction_request, {RD_KAFKA_RESP_ERR_UNKNOWN});
  const Outcome outcome = sink->deliver(rows_of_sensors(1, {"a"}));
  EXPECT_FALSE(std::holds_alternative<Delivered>(outcome)) << testing::PrintToString(outcome);
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  if (stored_epoch(*sink) != 1U) {
    ASSERT_THAT(sink->deliver(rows_of_sensors(1, {"a"})), IsDelivered());
  }
  EXPECT_EQ(stored_epoch(*sink), 1U);
}

TEST_F(ExactlyOnceKafkaTest, transaction_is_aborted_for_a_row_that_is_refused_and_the_others_go_on) {
  options.linger = Duration::milliseconds(500);  // so that they are one batch
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  // All as a batch; then each alone: the second is refused, and left out in the third transaction.
  cluster.answer_with(produce_request, {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_NO_ERROR,
                                        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE});
  EXPECT_THAT(sink->deliver(rows_of_sensors(1, {"a", "large one", "c"})),
              IsDelivered(ElementsAre(Field(&RejectedRow::sensor, "large one"))));
  EXPECT_EQ(stored_epoch(*sink), 1U);
  EXPECT_THAT(std::get<Delivered>(sink->deliver(rows_of_sensors(2, {"d"}))).rejected, IsEmpty());
}

TEST_F(ExactlyOnceKafkaTest, broker_that_is_away_for_a_moment_costs_and_repeats_nothing) {
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  cluster.set_up(false);
  auto delivering = std::async(std::launch::async, [&] { return sink->deliver(rows_of_sensors(2, {"b"})); });
  EXPECT_EQ(delivering.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  cluster.set_up(true);
  EXPECT_THAT(delivering.get(), IsDelivered());
  EXPECT_THAT(keys_of(cluster.records("rows")), ElementsAre("b/t"));
}

TEST_F(ExactlyOnceKafkaTest, interrupt_ends_each_call) {
  const auto sink = make();
  ASSERT_THAT(sink->open(), IsDelivered());
  cluster.set_up(false);
  auto delivering = std::async(std::launch::async, [&] { return sink->deliver(rows_of_sensors(2, {"b"})); });
  sink->interrupt();
  EXPECT_FALSE(std::holds_alternative<Delivered>(delivering.get()));
  sink->close();
  auto opening = std::async(std::launch::async, [&] { return sink->open(); });
  sink->interrupt();
  EXPECT_FALSE(std::holds_alternative<Delivered>(opening.get()));
}

}  // namespace
}  // namespace edgetide::test
