#include "daemon/sources/kafka_position.h"

#include <gtest/gtest.h>

namespace edgetide {
namespace {

TEST(KafkaPositionTest, partitions_are_written_and_read) {
  for (const char* const text : {"a:0", "plant.a_b-c:12", "a:b:3", "x:2147483647"}) {
    const auto partition = parse_kafka_partition(text);
    ASSERT_TRUE(partition) << text;
    EXPECT_EQ(to_text(*partition), text);
  }
  for (const char* const text : {"", "a", ":1", "a:", "a:x", "a:-1", "a:1 ", "a:2147483648", "a:1@2"}) {
    EXPECT_FALSE(parse_kafka_partition(text)) << text;
  }
  EXPECT_EQ(parse_kafka_offset("a:1@25"), (KafkaOffset{{"a", 1}, 25}));
  EXPECT_EQ(parse_kafka_offset("a:1"), (KafkaOffset{{"a", 1}, no_kafka_offset}));
  for (const char* const text : {"a@2", "a:1@", "a:1@-2", "a:1@x", "a:1@9223372036854775808", "a:1@2@3"}) {
    EXPECT_FALSE(parse_kafka_offset(text)) << text;
  }
}

TEST(KafkaPositionTest, position_has_eight_bytes_and_others_are_none) {
  for (const std::int64_t offset : {std::int64_t{0}, std::int64_t{1'500}, std::int64_t{1} << 62}) {
    const std::string bytes = kafka_position_bytes(offset);
    EXPECT_EQ(bytes.size(), 8U);
    EXPECT_EQ(parse_kafka_position(bytes), offset);
    EXPECT_FALSE(parse_kafka_position(bytes + 'x'));
    EXPECT_FALSE(parse_kafka_position(bytes.substr(1)));
  }
  EXPECT_FALSE(parse_kafka_position(kafka_position_bytes(-1)));
}

// The table of kafka_position.h.
TEST(KafkaPositionTest, journal_wins_but_over_what_another_gateway_has_read) {
  const std::string own = kafka_note("g1"), other = kafka_note("g2");
  struct Case {
    std::int64_t journal, group;
    std::string note;
    std::int64_t wanted;
  };
  const Case cases[] = {
      {no_kafka_offset, no_kafka_offset, "", no_kafka_offset},
      {no_kafka_offset, 7, "", 7},
      {no_kafka_offset, 7, own, 7},
      {no_kafka_offset, 7, other, 7},
      {5, no_kafka_offset, "", 5},
      {5, 3, own, 5},
      {5, 3, other, 5},
      {5, 7, other, 7},
      {5, 7, own, 5},
      {5, 7, "", 5},
      {5, 7, "of a tool", 5},
      {0, 7, other, 7},
  };
  for (const Case& each : cases) {
    const KafkaOffset of_group{{"t", 0}, each.group, each.note};
    EXPECT_EQ(resume_offset(each.journal, of_group, own), each.wanted)
        << each.journal << ' ' << each.group << ' ' << each.note;
  }
}

}  // namespace
}  // namespace edgetide
