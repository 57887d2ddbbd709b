#include "daemon/service/journald.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

namespace edgetide {

using testing::Contains;
using testing::ElementsAre;

TEST(Journald, line_of_an_event_has_fields_to_select_it_by) {
  const LogSubject subject{.event = LogEvent::rows_rejected, .sink = "history", .window = "minute", .sensor = "hall"};
  EXPECT_THAT(journal_fields(LogLevel::warning, subject, "sink history: row rejected"),
              ElementsAre("MESSAGE=sink history: row rejected", "PRIORITY=4", "SYSLOG_IDENTIFIER=edgetide",
                          "MESSAGE_ID=1def5d97cf6e45c2a53191ffc474dd6c", "EDGETIDE_EVENT=rows_rejected",
                          "EDGETIDE_SINK=history", "EDGETIDE_WINDOW=minute", "EDGETIDE_SENSOR=hall"));
}

TEST(Journald, line_of_no_event_has_the_text_and_its_priority) {
  EXPECT_THAT(journal_fields(LogLevel::info, {}, "12 readings"),
              ElementsAre("MESSAGE=12 readings", "PRIORITY=6", "SYSLOG_IDENTIFIER=edgetide"));
  EXPECT_THAT(journal_fields(LogLevel::error, {}, "x"), Contains("PRIORITY=3"));
  EXPECT_THAT(journal_fields(LogLevel::debug, {}, "x"), Contains("PRIORITY=7"));
}

TEST(Journald, every_event_has_a_separate_name_and_id) {
  std::set<std::string_view> names, ids;
  for (std::size_t i = 1; i < log_events.size(); ++i) {
    EXPECT_TRUE(names.insert(log_events[i].name).second) << log_events[i].name;
    EXPECT_TRUE(ids.insert(log_events[i].message_id).second) << log_events[i].name;
    EXPECT_EQ(log_events[i].message_id.size(), 32U) << log_events[i].name;
  }
  EXPECT_EQ(log_events[static_cast<std::size_t>(LogEvent::clock_set)].name, "clock_set");
}

TEST(LogSubject, line_begins_with_the_source_or_sink) {
  EXPECT_EQ((LogSubject{.event = LogEvent::source_notice, .source = "plant"}.beginning()), "source plant: ");
  EXPECT_EQ((LogSubject{.event = LogEvent::sink_ready, .sink = "history"}.beginning()), "sink history: ");
  EXPECT_EQ(LogSubject{LogEvent::started}.beginning(), "");
}

}  // namespace edgetide
