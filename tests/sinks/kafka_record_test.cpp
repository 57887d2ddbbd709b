#include "sinks/kafka_record.h"

#include <fstream>
#include <gmock/gmock.h>
#include <sstream>

#include "tests/sinks/batch_builder.h"
#include "tests/sinks/json_schema.h"

namespace edgetide::test {
namespace {

using testing::HasSubstr;

KafkaRecordText record_of(const std::shared_ptr<const Series>& of, const std::vector<double>& values = {3, 1.5}) {
  KafkaRecordText record;
  const SinkRow row{of, Timestamp::microseconds(0), minute_after(0), RowState::closed, 4};
  const KafkaRecordMaker maker(KafkaTopic("rows.{window}", "gw"), "gw");
  EXPECT_EQ(maker.make(minute_window()[0], row, values, {2, 7}, record), "");
  return record;
}

TEST(KafkaRecord, has_the_series_as_key_and_all_that_an_upsert_needs) {
  const KafkaRecordText record = record_of(series("a/1", "t"));
  EXPECT_EQ(record.topic, "rows.minute");
  EXPECT_EQ(record.key, "a/1/t");
  EXPECT_EQ(record.payload,
            "{\"gateway\":\"gw\",\"window\":\"minute\",\"sensor\":\"a/1\",\"metric\":\"t\","
            "\"start\":\"1970-01-01T00:00:00.000000Z\",\"end\":\"1970-01-01T00:01:00.000000Z\","
            "\"count\":3,\"avg\":1.5,\"state\":\"closed\",\"revision\":4,\"epoch\":7,\"run\":2}");
}

TEST(KafkaRecord, of_a_group_has_its_columns_as_key) {
  const KafkaRecordText record = record_of(group("line=2,site=lyon", {{"line", "2"}, {"site", "lyon"}}), {1, null});
  EXPECT_EQ(record.key, "line=2,site=lyon");
  EXPECT_THAT(record.payload, HasSubstr("\"labels\":{\"line\":\"2\",\"site\":\"lyon\"}"));
  EXPECT_THAT(record.payload, HasSubstr("\"avg\":null"));
}

TEST(KafkaRecord, row_whose_topic_kafka_cannot_have_is_not_made) {
  KafkaRecordText record;
  const SinkRow row{series("a b"), Timestamp::microseconds(0), minute_after(0), RowState::closed, 1};
  const std::vector<double> values = {1, 2};
  EXPECT_THAT(
      KafkaRecordMaker(KafkaTopic("{sensor}", "gw"), "gw").make(minute_window()[0], row, values, {1, 1}, record),
      HasSubstr("is none of Kafka"));
}

// Why the text does not fit the published schema; empty: it does.
std::string fault_of_payload(const std::string& payload) {
  std::ostringstream text;
  text << std::ifstream(EDGETIDE_SINKS_FOLDER "/kafka_row.schema.json").rdbuf();
  JsonParser of_schema, of_payload;
  const std::string schema_text = text.str();
  const auto schema = of_schema.parse(schema_text).root, value = of_payload.parse(payload).root;
  return schema && value ? schema_fault(*schema, *value) : "not JSON";
}

TEST(KafkaRecord, fits_the_published_schema) {
  EXPECT_EQ(fault_of_payload(record_of(series("a", "t")).payload), "");
  EXPECT_EQ(fault_of_payload(record_of(series("a \"b\"", "t", "K", {{"site", "lyon"}}), {0, null}).payload), "");
  EXPECT_EQ(fault_of_payload(record_of(group("site=lyon", {{"site", "lyon"}})).payload), "");
  KafkaRecordText running;
  const SinkRow row{series("a"), Timestamp::microseconds(0), Timestamp::latest(), RowState::open, 1};
  const std::vector<double> values = {1, 2};
  KafkaRecordMaker(KafkaTopic("rows", "gw"), "gw").make(minute_window()[0], row, values, {1, 1}, running);
  EXPECT_EQ(fault_of_payload(running.payload), "");
}

TEST(KafkaRecord, schema_refuses_what_is_not_a_row) {
  const std::string good = record_of(series("a", "t")).payload;
  const struct {
    std::string from, to;
  } changes[] = {
      {"\"gateway\":\"gw\"", "\"gateway\":1"},
      {"\"state\":\"closed\"", "\"state\":\"shut\""},
      {"\"revision\":4", "\"revision\":0"},
      {"\"run\":2", "\"run\":2.5"},
      {"\"run\":2", "\"ran\":2"},
      {"\"metric\":\"t\",", ""},
      {"\"avg\":1.5", "\"avg\":\"much\""},
      {"\"end\":\"1970", "\"end\":7,\"x\":\"1970"},
  };
  for (const auto& [from, to] : changes) {
    std::string text = good;
    ASSERT_NE(text.find(from), text.npos) << from;
    EXPECT_NE(fault_of_payload(text.replace(text.find(from), from.size(), to)), "") << to;
  }
}

}  // namespace
}  // namespace edgetide::test
