// Reads the worked example of FORMAT.md from the page and writes the same bytes again.
#include "tests/daemon/storage/format_page.h"

#include <gtest/gtest.h>

#include "daemon/storage/quarantine.h"
#include "daemon/storage/quarantine_reader.h"
#include "tests/fakes/memory_file_system.h"

namespace edgetide::test::format_page {
namespace {

constexpr const char* example = "state/quarantine/quarantine-0000000000000007.log";

const Series kitchen{"kitchen", "temperature", "C", {{"floor", "1"}}};
const Quarantined late{{SeriesId{0}, Timestamp::microseconds(1'795'224'600'000'000), 21.5},
                       Quarantined::Reason::late_dropped};
const Quarantined early{{SeriesId{0}, Timestamp::microseconds(4'102'444'800'000'000), 22.0},
                        Quarantined::Reason::too_early};
const RefusedMessage refused{Refusal::bad_syntax, "plant/kitchen", "{t:21"};
constexpr Timestamp arrival = Timestamp::microseconds(1'795'226'400'000'000);

TEST(FormatPage, worked_example_reads_as_the_page_says) {
  MemoryFileSystem files;
  files.set_content(example, bytes_of(hexdump_of_page()));
  QuarantineReader reader(files, "state");
  ASSERT_FALSE(reader.open());
  const auto first = reader.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->reason, Quarantined::Reason::late_dropped);
  EXPECT_EQ(first->event_time, late.reading.event_time);
  EXPECT_EQ(first->arrival, arrival);
  EXPECT_EQ(first->value, 21.5);
  EXPECT_EQ(first->source, "plant");
  EXPECT_EQ(first->series.sensor, "kitchen");
  EXPECT_EQ(first->series.labels, kitchen.labels);
  const auto second = reader.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->reason, Quarantined::Reason::too_early);
  EXPECT_EQ(second->event_time, early.reading.event_time);
  const auto third = reader.next_record();
  ASSERT_TRUE(third && std::holds_alternative<QuarantinedMessage>(*third));
  const auto& message = std::get<QuarantinedMessage>(*third);
  EXPECT_EQ(message.reason, refused.reason);
  EXPECT_EQ(message.arrival, arrival);
  EXPECT_EQ(message.topic, refused.topic);
  EXPECT_EQ(message.payload, refused.payload);
  EXPECT_FALSE(message.is_cut);
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.records_lost(), 0U);
}

TEST(FormatPage, worked_example_is_what_is_written) {
  MemoryFileSystem files;
  RecordLogWriter log(
      files, {.location = quarantine_location("state"), .kind = LogKind::quarantine, .incarnation = 0x0102030405060708},
      {}, 7);
  encode(late, "plant", arrival, kitchen, log.begin(quarantined_reading_type));
  log.end();
  encode(early, "plant", arrival, kitchen, log.begin(quarantined_reading_type));
  log.end();
  encode(refused, "plant", arrival, log.begin(quarantined_message_type));
  log.end();
  ASSERT_FALSE(log.flush());
  EXPECT_EQ(to_hexdump(files.content(example)), hexdump_of_page());
}

}  // namespace
}  // namespace edgetide::test::format_page
