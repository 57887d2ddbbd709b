#include "daemon/service/clock.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

#include "tests/fakes/temporary_folder.h"

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

TEST(SystemClock, says_the_same_boot_each_time_and_how_long_it_lasts) {
  const BootAge first = SystemClock(Duration()).since_boot(), second = SystemClock(Duration()).since_boot();
  EXPECT_EQ(first.boot, second.boot);
  EXPECT_GE(second.age, first.age);
  EXPECT_GT(first.age, Duration());
}

TEST(BootAge, is_known_by_the_id_that_the_system_writes_in_two_ways) {
  const std::uint64_t boot = boot_of_text("7f3b5c1e-9a64-4e0f-8d27-1b2c3d4e5f60");
  EXPECT_NE(boot, 0U);
  EXPECT_EQ(boot_of_text("7f3b5c1e9a644e0f8d271b2c3d4e5f60"), boot);
  EXPECT_NE(boot_of_text("7f3b5c1e9a644e0f8d271b2c3d4e5f61"), boot);
  EXPECT_NE(boot_of_text("8f3b5c1e9a644e0f8d271b2c3d4e5f60"), boot);
  for (const char* const text : {"", "7f3b5c1e", "7f3b5c1e9a644e0f8d271b2c3d4e5f6g", "%b"})
    EXPECT_EQ(boot_of_text(text), 0U) << text;
}

TEST(BootAge, comes_from_the_kernel_or_else_from_the_unit) {
  TemporaryFolder root;
  const std::string id = "7f3b5c1e9a644e0f8d271b2c3d4e5f60";
  unsetenv("EDGETIDE_BOOT_ID");
  EXPECT_EQ(this_boot(root / ""), 0U);
  setenv("EDGETIDE_BOOT_ID", id.c_str(), 1);
  EXPECT_EQ(this_boot(root / ""), boot_of_text(id));
  unsetenv("EDGETIDE_BOOT_ID");
}

}  // namespace
}  // namespace edgetide::test
