#include "daemon/service/backoff.h"

#include <gtest/gtest.h>

namespace edgetide::test {
namespace {

TEST(BackoffDelay, doubles_from_one_second_to_thirty_and_is_spread_from_zero) {
  const struct {
    unsigned failures;
    double random;
    Duration delay;
  } cases[] = {
      {0, 0.0, Duration()},
      {0, 0.5, Duration::milliseconds(500)},
      {1, 0.5, Duration::seconds(1)},
      {2, 0.75, Duration::seconds(3)},
      {4, 0.5, Duration::seconds(8)},
      {5, 0.5, Duration::seconds(15)},
      {7, 0.5, Duration::seconds(15)},
      {4'000'000'000, 0.5, Duration::seconds(15)},
  };
  for (const auto& c : cases) EXPECT_EQ(backoff_delay(c.failures, c.random), c.delay) << c.failures << ' ' << c.random;
}

TEST(BackoffDelay, never_reaches_more_than_thirty_seconds) {
  for (unsigned failures = 0; failures < 100; ++failures) {
    EXPECT_LT(backoff_delay(failures, 0.999999), Duration::seconds(30)) << failures;
    EXPECT_GE(backoff_delay(failures, 0.999999), backoff_delay(failures == 0 ? 0 : failures - 1, 0.999999));
  }
}

}  // namespace
}  // namespace edgetide::test
