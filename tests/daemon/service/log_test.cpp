#include "daemon/service/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace edgetide {

using testing::HasSubstr;
using testing::Not;

// What the lines of `write` look like on standard error.
template <typename Write>
std::string logged(Write&& write) {
  start_log({LogLevel::info, LogTarget::standard_error});
  log_withheld();
  testing::internal::CaptureStderr();
  write();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, lines_of_one_event_of_one_sink_are_withheld_after_ten_and_counted) {
  const std::string text = logged([] {
    for (int i = 1; i <= 30; ++i) {
      log(LogLevel::warning, {.event = LogEvent::rows_rejected, .sink = "a"}, "row " + std::to_string(i) + ".");
    }
    log(LogLevel::warning, {.event = LogEvent::rows_rejected, .sink = "b"}, "another");
    log_withheld();
  });
  EXPECT_THAT(text, HasSubstr("sink a: row 10.\n"));
  EXPECT_THAT(text, Not(HasSubstr("sink a: row 11.")));
  EXPECT_THAT(text, HasSubstr("sink b: another\n"));
  EXPECT_THAT(text, HasSubstr("sink a: rows_rejected: 20 more lines like the last ones were withheld\n"));
}

TEST(Log, lines_of_no_source_and_no_sink_pass_always) {
  const std::string text = logged([] {
    for (int i = 1; i <= 30; ++i) log(LogLevel::info, {LogEvent::reloaded}, "reload " + std::to_string(i) + ".");
  });
  EXPECT_THAT(text, HasSubstr("reload 30.\n"));
}

TEST(Log, lines_below_the_level_do_not_count) {
  const std::string text = logged([] {
    for (int i = 0; i < 30; ++i) log(LogLevel::debug, {.event = LogEvent::sink_ready, .sink = "a"}, "unseen");
    log(LogLevel::info, {.event = LogEvent::sink_ready, .sink = "a"}, "seen");
    log_withheld();
  });
  EXPECT_THAT(text, HasSubstr("sink a: seen\n"));
  EXPECT_THAT(text, Not(HasSubstr("withheld")));
}

}  // namespace edgetide
