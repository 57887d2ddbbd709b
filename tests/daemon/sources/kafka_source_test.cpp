#include "daemon/sources/kafka_source.h"

#include <gmock/gmock.h>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "daemon/decoders/json_decoder.h"
#include "daemon/decoders/number_decoder.h"
#include "daemon/sources/kafka_position.h"
#include "tests/fakes/kafka_cluster.h"
#include "tests/fakes/recording_host.h"
#include "tests/fakes/soon.h"

namespace edgetide::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<double> values_of(RecordingHost& host) {
  std::vector<double> values;
  for (const RecordedReading& reading : host.readings()) values.push_back(reading.value);
  return values;
}

// Of 1, 2, ... `last`, as often as each came.
std::string what_is_not_once(const std::vector<double>& values, int last) {
  std::map<int, int> times;
  for (const double value : values) ++times[static_cast<int>(value)];
  std::string text;
  for (int i = 1; i <= last; ++i) {
    if (times[i] != 1) text += std::to_string(i) + ": " + std::to_string(times[i]) + " times; ";
  }
  return text;
}

struct KafkaSourceTest : testing::Test {
  KafkaSourceTest() {
    options.servers = {cluster.servers()};
    options.group_id = "group";
    options.client_id = "g1";
    options.session_timeout = Duration::seconds(6);
    RouteOptions route{.topic = "#", .mapping = {}};
    route.mapping.format = &number_format;
    route.mapping.sensor = "{message.key}";
    options.routes = {route};
  }
  ~KafkaSourceTest() override { source.reset(); }

  void assign(std::vector<KafkaOffset> partitions) { options.partitions = std::move(partitions); }
  void start() {
    source = make_kafka_source(options, SourceId{0}, host, loop);
    source->start();
  }
  // As after a crash: what the host took is all that is left.
  void restart() {
    source.reset();
    start();
  }
  void know(std::int64_t offset) { host.know({{"t:0", kafka_position_bytes(offset)}}); }

  KafkaCluster cluster;
  RecordingHost host;
  EventLoop loop{"sources"};
  KafkaOptions options;
  std::unique_ptr<Source> source;
};

TEST_F(KafkaSourceTest, partitions_of_a_topic_are_read_with_key_header_and_time) {
  cluster.make_topic("plant.a.temp", 2);
  options.topics = {"plant.a.temp"};
  options.routes[0].topic = "plant/{line}/{metric}";
  options.routes[0].mapping.sensor = "{line}/{message.key}/{message.property.site}";
  cluster.send("plant.a.temp", 0, {.payload = "1", .key = "s1", .headers = {{"site", "lyon"}}});
  cluster.send("plant.a.temp", 1, {.payload = "2", .key = "s2", .headers = {{"x", "y"}, {"site", "nice"}}});
  cluster.flush();
  start();
  ASSERT_TRUE(host.wait_for_readings(2));
  EXPECT_THAT(host.readings(),
              UnorderedElementsAre(RecordedReading{"a/s1/lyon", "temp", 1}, RecordedReading{"a/s2/nice", "temp", 2}));
  EXPECT_TRUE(host.is_connected());
  ASSERT_TRUE(host.wait_until([](const RecordingHost& each) { return each.has_problem(""); }));
}

TEST_F(KafkaSourceTest, record_has_the_time_that_kafka_gives_it) {
  cluster.make_topic("t", 1);
  assign({{{"t", 0}}});
  cluster.send("t", 0, {.payload = "1", .key = "s", .time_ms = 1'800'000'000'123});
  cluster.flush();
  start();
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_THAT(host.times(), ElementsAre(Timestamp::microseconds(1'800'000'000'123'000)));
}

TEST_F(KafkaSourceTest, deleted_key_gives_nothing_and_a_large_record_is_refused) {
  cluster.make_topic("t", 1);
  assign({{{"t", 0}}});
  options.max_message_bytes = 1024;
  cluster.send("t", 0, {.payload = "1", .key = "s"});
  cluster.send("t", 0, {.payload = {}, .key = "s", .is_deletion = true});
  cluster.send("t", 0, {.payload = std::string(1025, '7'), .key = "s"});
  cluster.send("t", 0, {.payload = "2", .key = "s"});
  cluster.flush();
  start();
  ASSERT_TRUE(host.wait_for_readings(2));
  EXPECT_THAT(values_of(host), ElementsAre(1, 2));
  EXPECT_THAT(host.refusals(), ElementsAre(Refusal::too_large));
  EXPECT_THAT(host.positions(SourceId{0}), ElementsAre(StoredPosition{"t:0", kafka_position_bytes(4)}));
}

TEST_F(KafkaSourceTest, topics_are_found_by_a_pattern_for_the_whole_name) {
  for (const char* const topic : {"plant.a", "plant.b", "a.plant.b", "plant"}) {
    cluster.make_topic(topic, 1);
    cluster.send(topic, 0, {.payload = "1", .key = topic});
  }
  cluster.flush();
  options.topic_pattern = "plant\\.[a-z]+|x";
  start();
  ASSERT_TRUE(host.wait_for_readings(2));
  EXPECT_THAT(host.readings(),
              UnorderedElementsAre(RecordedReading{"plant.a", "value", 1}, RecordedReading{"plant.b", "value", 1}));
}

TEST_F(KafkaSourceTest, each_record_is_taken_once_however_often_the_source_starts) {
  cluster.make_topic("t", 3);
  assign({{{"t", 0}}, {{"t", 1}}, {{"t", 2}}});
  constexpr int records = 9000;
  for (int i = 0; i < 3; ++i) cluster.send_numbers("t", i, i * 3000 + 1, i * 3000 + 3000);
  for (std::size_t wanted = 1; wanted < records; wanted += 1700) {
    start();
    ASSERT_TRUE(host.wait_for_readings(wanted));
    source.reset();
  }
  start();
  ASSERT_TRUE(host.wait_for_readings(records));
  EXPECT_EQ(what_is_not_once(values_of(host), records), "");
  EXPECT_EQ(values_of(host).size(), records);
}

TEST_F(KafkaSourceTest, reading_begins_where_the_options_say_and_a_new_partition_at_its_beginning) {
  cluster.make_topic("t", 1);
  cluster.make_topic("u", 2);
  cluster.send_numbers("t", 0, 1, 10);
  cluster.send_numbers("u", 0, 1, 10);
  cluster.send_numbers("u", 1, 101, 102);
  options.start = kafka_latest;
  assign({{{"t", 0}, 8}, {{"u", 0}}, {{"u", 1}}});
  host.know({{"u:0", kafka_position_bytes(9)}});
  start();
  ASSERT_TRUE(host.wait_for_readings(5));
  EXPECT_THAT(values_of(host), UnorderedElementsAre(9, 10, 10, 101, 102));
}

TEST_F(KafkaSourceTest, end_of_a_partition_is_a_position_so_that_nothing_after_it_is_lost) {
  cluster.make_topic("t", 1);
  cluster.send_numbers("t", 0, 1, 10);
  options.start = kafka_latest;
  assign({{{"t", 0}}});
  start();
  ASSERT_TRUE(soon([&] { return host.positions(SourceId{0}).size() == 1; }));
  source.reset();
  cluster.send_numbers("t", 0, 11, 12);
  start();
  ASSERT_TRUE(host.wait_for_readings(2));
  EXPECT_THAT(values_of(host), ElementsAre(11, 12));
}

TEST_F(KafkaSourceTest, journal_and_group_that_differ) {
  cluster.make_topic("t", 1);
  cluster.send_numbers("t", 0, 1, 10);
  const auto first = [&](std::int64_t journal, std::int64_t group, const std::string& note) {
    RecordingHost other;
    if (journal >= 0) other.know({{"t:0", kafka_position_bytes(journal)}});
    cluster.store("group", "t", 0, group, note);
    assign({{{"t", 0}}});
    const auto one = make_kafka_source(options, SourceId{0}, other, loop);
    one->start();
    EXPECT_TRUE(other.wait_for_readings(1));
    return values_of(other).front();
  };
  EXPECT_EQ(first(-1, 4, ""), 5) << "the journal is new";
  EXPECT_EQ(first(2, 6, kafka_note("g2")), 7) << "another gateway has read what is between";
  EXPECT_EQ(first(2, 6, kafka_note("g1")), 3) << "our state was lost";
  EXPECT_EQ(first(2, 6, "reset by hand"), 3);
  EXPECT_EQ(first(7, 6, kafka_note("g2")), 8);
}

TEST_F(KafkaSourceTest, group_gets_offsets_that_are_durable) {
  cluster.make_topic("t", 1);
  options.topics = {"t"};
  host.need_sync();
  cluster.send_numbers("t", 0, 1, 5);
  start();
  ASSERT_TRUE(host.wait_for_readings(5));
  std::this_thread::sleep_for(1500ms);
  EXPECT_LE(cluster.stored("group", "t", 0).first, 0);
  host.sync();
  ASSERT_TRUE(soon([&] { return cluster.stored("group", "t", 0).first == 5; }));
  EXPECT_EQ(cluster.stored("group", "t", 0).second, kafka_note("g1"));
}

TEST_F(KafkaSourceTest, group_gets_offsets_at_a_stop) {
  cluster.make_topic("t", 1);
  options.topics = {"t"};
  cluster.send_numbers("t", 0, 1, 5);
  start();
  ASSERT_TRUE(host.wait_for_readings(5));
  source.reset();
  EXPECT_EQ(cluster.stored("group", "t", 0).first, 5);
}

TEST_F(KafkaSourceTest, nothing_is_taken_while_the_host_holds_a_batch) {
  cluster.make_topic("t", 2);
  options.topics = {"t"};
  host.hold(true);
  cluster.send_numbers("t", 0, 1, 3000);
  start();
  ASSERT_TRUE(host.wait_for_offers(1));
  cluster.send_numbers("t", 1, 3001, 6000);
  std::this_thread::sleep_for(2s);  // it pauses after one
  EXPECT_THAT(host.readings(), IsEmpty());
  EXPECT_TRUE(host.liveness() && host.liveness()->waiting);
  host.hold(false);
  ASSERT_TRUE(host.wait_for_readings(6000));
  EXPECT_EQ(what_is_not_once(values_of(host), 6000), "");
  ASSERT_TRUE(soon([&] { return !host.liveness(); })) << "all was read";
}

TEST_F(KafkaSourceTest, batch_that_is_not_taken_is_read_again) {
  cluster.make_topic("t", 2);
  options.topics = {"t"};
  host.accept_from_now_on(false);
  cluster.send_numbers("t", 0, 1, 3000);
  cluster.send_numbers("t", 1, 3001, 6000);
  start();
  ASSERT_TRUE(host.wait_for_offers(1));
  std::this_thread::sleep_for(300ms);
  host.accept_from_now_on(true);
  host.hold(false);
  ASSERT_TRUE(host.wait_for_readings(6000));
  EXPECT_EQ(what_is_not_once(values_of(host), 6000), "");
}

TEST_F(KafkaSourceTest, topic_that_does_not_exist_is_named_and_read_once_it_does) {
  options.topics = {"t", "missing"};
  cluster.make_topic("t", 1);
  cluster.make_topic("missing", 1);
  cluster.show_topic("missing", false);
  start();
  ASSERT_TRUE(host.wait_until([](const RecordingHost& each) { return each.has_problem("missing"); }))
      << host.impairment();
  EXPECT_THAT(host.impairment(), HasSubstr("Unknown topic"));
  cluster.send_numbers("t", 0, 1, 1);
  ASSERT_TRUE(host.wait_for_readings(1)) << "the others go on";
  cluster.show_topic("missing", true);
  cluster.send_numbers("missing", 0, 2, 2);
  ASSERT_TRUE(host.wait_for_readings(2));
  ASSERT_TRUE(host.wait_until([](const RecordingHost& each) { return each.has_problem(""); })) << host.impairment();
}

TEST_F(KafkaSourceTest, partition_that_does_not_exist_is_named) {
  cluster.make_topic("t", 1);
  assign({{{"t", 0}}, {{"t", 7}}});
  cluster.send_numbers("t", 0, 1, 1);
  start();
  ASSERT_TRUE(host.wait_for_readings(1));
  ASSERT_TRUE(host.wait_until([](const RecordingHost& each) { return each.has_problem("t:7"); })) << host.impairment();
}

TEST_F(KafkaSourceTest, broker_that_is_away_is_named_and_tried_again) {
  cluster.make_topic("t", 1);
  options.topics = {"t"};
  cluster.set_up(false);
  start();
  ASSERT_TRUE(host.wait_until([](const RecordingHost& each) { return each.has_problem("no broker can be used"); }));
  EXPECT_FALSE(host.is_connected());
  cluster.set_up(true);
  cluster.send_numbers("t", 0, 1, 1);
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_TRUE(host.is_connected());
  cluster.set_up(false);
  ASSERT_TRUE(host.wait_for_disconnects(2));
  ASSERT_TRUE(host.wait_until([](const RecordingHost& each) { return each.has_problem("no broker can be used"); }));
  cluster.set_up(true);
  ASSERT_TRUE(host.wait_for_connections(2));
  ASSERT_TRUE(host.wait_until([](const RecordingHost& each) { return each.has_problem(""); })) << host.impairment();
  cluster.send_numbers("t", 0, 2, 2);
  ASSERT_TRUE(host.wait_for_readings(2));
  EXPECT_EQ(what_is_not_once(values_of(host), 2), "");
}

TEST_F(KafkaSourceTest, address_that_refuses_is_reported_with_its_reason) {
  options.servers = {"127.0.0.1:1"};
  options.topics = {"t"};
  start();
  ASSERT_TRUE(host.wait_until([](const RecordingHost& each) { return each.has_problem("Connection refused"); }))
      << host.impairment();
}

struct DeletedRecordsTest : KafkaSourceTest {
  // The brokers here keep 5 MB.
  DeletedRecordsTest() {
    cluster.make_topic("t", 1);
    cluster.make_topic("u", 1);
    const std::string large = "1" + std::string(300'000, ' ');
    for (int i = 0; i < 40; ++i) {
      cluster.send("t", 0, {.payload = large, .key = "a"});
      cluster.flush();
    }
    cluster.send_numbers("u", 0, 7, 7);
    options.max_message_bytes = 1024 * 1024;
    assign({{{"t", 0}}, {{"u", 0}}});
    know(3);
  }
};

TEST_F(DeletedRecordsTest, records_that_were_deleted_stop_their_partition) {
  start();
  ASSERT_TRUE(host.wait_until([](const RecordingHost& each) { return each.has_problem("no offset 3"); }));
  ASSERT_TRUE(host.wait_for_readings(1));
  std::this_thread::sleep_for(500ms);
  EXPECT_THAT(values_of(host), ElementsAre(7)) << "the others go on";
  EXPECT_THAT(host.positions(SourceId{0}), Contains(StoredPosition{"t:0", kafka_position_bytes(3)}));
}

TEST_F(DeletedRecordsTest, records_that_were_deleted_are_counted_where_that_is_accepted) {
  options.fail_on_data_loss = false;
  start();
  ASSERT_TRUE(host.wait_for_readings(10));
  ASSERT_TRUE(soon([&] { return !host.liveness(); }));
  const std::size_t taken = host.readings().size() - 1 + host.refusals().size();
  const std::string wanted = "partition t:0: " + std::to_string(37 - taken) + " records are lost, offset 3";
  EXPECT_THAT(host.notices(), Contains(HasSubstr(wanted)));
  EXPECT_EQ(host.impairment(), "");
}

TEST_F(KafkaSourceTest, topic_that_was_made_again_is_read_from_its_beginning_where_that_is_accepted) {
  cluster.make_topic("t", 1);
  cluster.send_numbers("t", 0, 1, 3);
  options.fail_on_data_loss = false;
  assign({{{"t", 0}}});
  know(1000);
  start();
  ASSERT_TRUE(host.wait_for_readings(3));
  EXPECT_THAT(values_of(host), ElementsAre(1, 2, 3));
  EXPECT_THAT(host.notices(), Contains(HasSubstr("made again")));
}

// The brokers here take no offset while a group rebalances, as real ones do (tests/e2e/kafka.py): it is quiet then.
TEST_F(KafkaSourceTest, two_gateways_of_a_group_take_each_record_once_while_one_joins_and_stops) {
  cluster.make_topic("t", 4);
  options.topics = {"t"};
  RecordingHost other;
  KafkaOptions of_other = options;
  of_other.client_id = "g2";
  int sent = 0;
  const auto send = [&] {
    for (int i = 0; i < 4; ++i, sent += 250) cluster.send_numbers("t", i, sent + 1, sent + 250);
  };
  const auto all = [&] {
    std::vector<double> values = values_of(host);
    const std::vector<double> others = values_of(other);
    values.insert(values.end(), others.begin(), others.end());
    return values;
  };
  const auto partitions_of = [&](const std::string& client_id) {
    int count = 0;
    for (int i = 0; i < 4; ++i) count += cluster.stored("group", "t", i).second == kafka_note(client_id);
    return count;
  };
  send();
  start();
  ASSERT_TRUE(soon([&] { return partitions_of("g1") == 4 && all().size() == 1000; }));
  const auto second = make_kafka_source(of_other, SourceId{0}, other, loop);
  second->start();
  ASSERT_TRUE(soon([&] { return partitions_of("g2") == 2; }));
  send();
  ASSERT_TRUE(soon([&] { return static_cast<int>(all().size()) >= sent; }));
  EXPECT_EQ(values_of(other).size(), 500U);
  second->stop();  // after the session timeout the first one has all again
  send();
  ASSERT_TRUE(soon([&] { return static_cast<int>(all().size()) >= sent; }));
  EXPECT_EQ(what_is_not_once(all(), sent), "");
}

}  // namespace
}  // namespace edgetide::test
