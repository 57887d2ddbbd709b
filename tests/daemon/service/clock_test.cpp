#include "daemon/service/clock.h"

#include <gtest/gtest.h>

namespace edgetide::test {
namespace {

TEST(SystemClock, running_time_goes_on_from_what_earlier_lives_have_run_and_never_goes_back) {
  SystemClock clock{Duration()};
  clock.continue_from(Duration::hours(5));
  const Moment first = clock.now(), second = clock.now();
  EXPECT_GE(first.running, Duration::hours(5));
  EXPECT_GE(second.running, first.running);
}

TEST(SystemClock, is_set_when_the_system_has_been_up_for_as_long_as_one_waits) {
  EXPECT_TRUE(SystemClock(Duration()).is_set());
}

}  // namespace
}  // namespace edgetide::test
