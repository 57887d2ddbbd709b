#include "daemon/outbox/token_bucket.h"

#include <gtest/gtest.h>

namespace edgetide::test {
namespace {

TEST(TokenBucketTest, starts_full_and_fills_at_its_rate_up_to_one_second_of_it) {
  struct Step {
    Duration now;
    std::size_t available;
    std::size_t taken;
  };
  const Step steps[] = {
      {Duration(), 10, 10},
      {Duration::milliseconds(50), 0, 0},
      {Duration::milliseconds(100), 1, 1},
      {Duration::milliseconds(350), 2, 2},
      {Duration::milliseconds(400), 1, 1},
      {Duration::hours(1), 10, 10},
  };
  TokenBucket bucket(10);
  for (const Step& step : steps) {
    EXPECT_EQ(bucket.available(step.now), step.available) << step.now.count() << " us";
    bucket.take(step.taken);
  }
}

TEST(TokenBucketTest, who_takes_more_than_there_is_waits_until_it_is_paid) {
  TokenBucket bucket(10);
  EXPECT_EQ(bucket.available(Duration()), 10U);
  bucket.take(35);
  EXPECT_EQ(bucket.available(Duration()), 0U);
  EXPECT_EQ(bucket.until_next(), Duration::milliseconds(2600));
  EXPECT_EQ(bucket.available(Duration::milliseconds(2599)), 0U);
  EXPECT_EQ(bucket.available(Duration::milliseconds(2600)), 1U);
}

TEST(TokenBucketTest, after_the_wait_that_it_names_there_is_a_token) {
  for (const double rate : {0.1, 1.0, 3.0, 7.0, 1000.0, 250'000.0}) {
    TokenBucket bucket(rate);
    Duration now;
    bucket.take(bucket.available(now));
    for (int i = 0; i < 100; ++i) {
      ASSERT_EQ(bucket.available(now), 0U) << rate;
      now = now + bucket.until_next();
      const std::size_t available = bucket.available(now);
      ASSERT_GE(available, 1U) << rate;
      bucket.take(available);
    }
    const double expected = 100.0 / rate * 1e6;
    EXPECT_NEAR(static_cast<double>(now.count()), expected, 100.0) << rate;
  }
}

}  // namespace
}  // namespace edgetide::test
