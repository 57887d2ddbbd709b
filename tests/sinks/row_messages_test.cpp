#include "sinks/row_messages.h"

#include <cmath>
#include <gmock/gmock.h>

#include "tests/sinks/batch_builder.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t start = 1'769'860'800'500'000;
constexpr RowMessageMaker::Limits wide{128 * 1024, 1024 * 1024};

RowMessages made(RowPayload payload, const RowBatch& rows, RowMessageMaker::Limits limits = wide,
                 const std::string& topic = "t/{sensor}", const std::string& gateway = "gw 1") {
  return RowMessageMaker(RowTopic(topic, gateway, 8), payload, gateway, minute_window()).make(rows, limits);
}

std::vector<std::string> payloads(const RowMessages& all) {
  std::vector<std::string> texts;
  for (const RowMessage& message : all.messages) texts.push_back(message.payload);
  return texts;
}

RowBatch row_of(std::shared_ptr<const Series> of, std::vector<double> values = {3, 1.5}, std::int64_t at = start) {
  return batch(7, {{std::move(of), at, 2, std::move(values), RowState::final}});
}

const std::string times = "\"start\":\"2026-01-31T12:00:00.500000Z\",\"end\":\"2026-01-31T12:01:00.500000Z\",";
const std::string values = "\"count\":3,\"avg\":1.5,\"state\":\"final\",\"revision\":2,\"epoch\":7}";

TEST(RowMessages, json_is_the_row_of_other_sinks_with_the_gateway) {
  EXPECT_THAT(payloads(made(RowPayload::json, row_of(series("a\"", "t", "C", {{"site", "x"}})))),
              ElementsAre("{\"gateway\":\"gw 1\",\"window\":\"minute\",\"sensor\":\"a\\\"\",\"metric\":\"t\","
                          "\"labels\":{\"site\":\"x\"}," +
                          times + values));
  EXPECT_THAT(payloads(made(RowPayload::json, row_of(group("line=2", {{"line", "2"}})))),
              ElementsAre("{\"gateway\":\"gw 1\",\"window\":\"minute\",\"labels\":{\"line\":\"2\"}," + times + values));
}

TEST(RowMessages, influx_has_the_gateway_as_a_tag) {
  EXPECT_THAT(payloads(made(RowPayload::influx, batch(7, {{series("a"), start, 2, {3, 1.5}, RowState::final},
                                                          {series("b"), start, 1, {1, null}, RowState::open}}))),
              ElementsAre("minute,gateway=gw\\ 1,sensor=a,metric=t count=3i,avg=1.5,end=1769860860500000i,"
                          "state=\"final\",revision=2i,epoch=7i 1769860800500000000\n",
                          "minute,gateway=gw\\ 1,sensor=b,metric=t count=1i,end=1769860860500000i,"
                          "state=\"open\",revision=1i,epoch=7i 1769860800500000000\n"));
}

TEST(RowMessages, senml_has_a_record_for_each_column_and_for_what_tells_the_row_apart) {
  EXPECT_THAT(
      payloads(made(RowPayload::senml, row_of(series("küche 1", "t", "C", {{"si te", "ly\"on"}}), {3, null}))),
      ElementsAre("[{\"bn\":\"minute:k__che_1:t:\",\"bt\":1769860800.5,\"n\":\"state\",\"vs\":\"final\"},"
                  "{\"n\":\"count\",\"v\":3},{\"n\":\"end\",\"v\":1769860860.5},{\"n\":\"revision\",\"v\":2},"
                  "{\"n\":\"epoch\",\"v\":7},{\"n\":\"gateway\",\"vs\":\"gw 1\"},{\"n\":\"sensor\",\"vs\":\"küche 1\"},"
                  "{\"n\":\"metric\",\"vs\":\"t\"},{\"n\":\"unit\",\"vs\":\"C\"},"
                  "{\"n\":\"label:si_te\",\"vs\":\"ly\\\"on\"}]"));
  EXPECT_THAT(payloads(made(RowPayload::senml, row_of(group("line=2", {{"line", "2"}}), {3, 1}, start - 500'000))),
              ElementsAre(HasSubstr("[{\"bn\":\"minute:2:\",\"bt\":1769860800,\"n\":")));
}

TEST(RowMessages, senml_refuses_a_start_that_would_be_relative) {
  const RowMessages all = made(RowPayload::senml, row_of(series("a"), {3, 1}, 0));
  EXPECT_THAT(all.messages, IsEmpty());
  ASSERT_EQ(all.rejected.size(), 1U);
  EXPECT_EQ(all.rejected[0].reason, "SenML cannot write a start before 1978-07-04");
}

TEST(RowMessages, array_has_the_rows_of_one_topic_in_their_order) {
  const RowMessages all = made(
      RowPayload::json_array,
      batch(7, {{series("a"), start, 1, {1, 1}}, {series("b"), start, 1, {2, 1}}, {series("a"), start, 2, {3, 1}}}));
  ASSERT_EQ(all.messages.size(), 2U);
  EXPECT_EQ(all.messages[0].topic, "t/a");
  EXPECT_THAT(all.messages[0].rows, ElementsAre(0U, 2U));
  EXPECT_THAT(all.messages[0].payload,
              testing::MatchesRegex("\\[\\{.*\"revision\":1,.*\\},\\{.*\"revision\":2,.*\\}\\]"));
  EXPECT_EQ(all.messages[1].topic, "t/b");
  EXPECT_THAT(all.messages[1].rows, ElementsAre(1U));
}

TEST(RowMessages, array_that_is_full_is_followed_by_another) {
  std::vector<RowText> rows;
  for (int i = 0; i < 10; ++i) rows.push_back({series("a"), start + i, 1, {1, 1}});
  const std::size_t one = made(RowPayload::json, batch(7, {rows[0]})).messages[0].payload.size();
  const RowMessages all = made(RowPayload::json_array, batch(7, rows), {3 * one + 4, 1 << 20});
  std::vector<std::size_t> sizes;
  for (const RowMessage& message : all.messages) {
    sizes.push_back(message.rows.size());
    EXPECT_LE(message.payload.size(), 3 * one + 4);
  }
  EXPECT_THAT(sizes, ElementsAre(3U, 3U, 3U, 1U));
}

TEST(RowMessages, row_that_cannot_be_published_is_rejected_by_name_and_the_others_are_not) {
  const RowBatch rows = batch(7, {{series("a"), start, 1, {1, 1}},
                                  {series("b+", "m"), start, 1, {1, 1}},
                                  {series("c"), start, 1, {1, 1}},
                                  {series(std::string(300, 'd')), start, 1, {1, 1}}});
  for (const RowPayload payload : {RowPayload::json, RowPayload::json_array, RowPayload::influx}) {
    const RowMessages all = made(payload, rows, {300, 1 << 20});
    EXPECT_EQ(all.messages.size(), 2U);
    EXPECT_THAT(all.rejected_rows, ElementsAre(1U, 3U));
    ASSERT_EQ(all.rejected.size(), 2U);
    EXPECT_EQ(all.rejected[0].window + '/' + all.rejected[0].sensor + '/' + all.rejected[0].metric, "minute/b+/m");
    EXPECT_EQ(all.rejected[0].start.count(), start);
    EXPECT_THAT(all.rejected[0].reason, HasSubstr("cannot hold the +, # or NUL of 'b+'"));
    EXPECT_THAT(all.rejected[1].reason, HasSubstr(" bytes, 300 are the most"));
  }
}

TEST(RowMessages, payload_and_topic_together_are_bounded_by_what_the_broker_takes) {
  const std::size_t bytes = made(RowPayload::json, row_of(series("a"))).messages[0].payload.size() + 3;
  EXPECT_THAT(made(RowPayload::json, row_of(series("a")), {1024, bytes}).rejected, IsEmpty());
  EXPECT_EQ(made(RowPayload::json, row_of(series("a")), {1024, bytes - 1}).rejected.size(), 1U);
  EXPECT_EQ(made(RowPayload::json, row_of(series("a")), {1024, 1}).rejected.size(), 1U);
}

TEST(RowMessages, rows_of_all_windows_are_counted_on) {
  RowBatch both = row_of(series("a"));
  both.windows.push_back(row_of(series("b")).windows[0]);
  const RowMessages all = made(RowPayload::influx, both);
  ASSERT_EQ(all.messages.size(), 2U);
  EXPECT_THAT(all.messages[1].rows, ElementsAre(1U));
  EXPECT_THAT(all.messages[1].payload, HasSubstr("sensor=b"));
  EXPECT_EQ(rejected_row(both, minute_window(), 1, "why").sensor, "b");
}

}  // namespace
}  // namespace edgetide::test
