#include "daemon/sources/reconnect_pace.h"

#include <gtest/gtest.h>

namespace edgetide::test {
namespace {

constexpr double longest = 1.0;

TEST(ReconnectPace, server_that_refuses_is_asked_again_soon_however_long_it_is_away) {
  ReconnectPace pace;
  for (int i = 0; i < 100; ++i) {
    pace.refused();
    EXPECT_LE(pace.delay(longest), Duration::seconds(2));
  }
  EXPECT_EQ(pace.tries(), 100U);
}

TEST(ReconnectPace, what_fails_otherwise_is_tried_with_a_growing_delay_of_at_most_thirty_seconds) {
  ReconnectPace pace;
  Duration before;
  for (int i = 0; i < 20; ++i) {
    pace.failed();
    EXPECT_GE(pace.delay(longest), before);
    before = pace.delay(longest);
  }
  EXPECT_EQ(before, Duration::seconds(30));
  pace.refused();
  EXPECT_LE(pace.delay(longest), Duration::seconds(2));
}

TEST(ReconnectPace, connection_that_delivered_or_stood_a_while_ends_the_delay) {
  for (const bool delivered : {true, false}) {
    ReconnectPace pace;
    for (int i = 0; i < 10; ++i) pace.failed();
    pace.lost(delivered ? Duration() : ReconnectPace::stable_after, delivered, false);
    EXPECT_EQ(pace.tries(), 0U);
    EXPECT_LE(pace.delay(longest), Duration::seconds(1));
  }
}

TEST(ReconnectPace, broker_names_the_taking_over_or_brief_connections_in_a_row_show_it) {
  ReconnectPace pace;
  pace.lost(Duration::seconds(30), true, true);
  EXPECT_TRUE(pace.is_taken_over());
  for (int i = 0; i < 10; ++i) pace.lost(Duration(), true, true);
  EXPECT_GT(pace.delay(longest), Duration::seconds(10));  // though it delivers
  pace.lost(ReconnectPace::peace_after, true, false);
  EXPECT_FALSE(pace.is_taken_over());

  for (unsigned i = 1; i <= ReconnectPace::brief_most; ++i) {
    EXPECT_FALSE(pace.is_taken_over());
    pace.lost(Duration(), false, false);
  }
  EXPECT_TRUE(pace.is_taken_over());
  EXPECT_FALSE(pace.is_taken_over(true)) << "with MQTT 5 the broker may say so";
  for (unsigned i = ReconnectPace::brief_most; i < ReconnectPace::brief_most_if_said; ++i) {
    pace.lost(Duration(), false, false);
  }
  EXPECT_TRUE(pace.is_taken_over(true)) << "not all do";
  pace.settle();
  EXPECT_FALSE(pace.is_taken_over());
}

TEST(ReconnectPace, restarts_of_a_broker_are_no_other_client) {
  ReconnectPace pace;
  for (int i = 0; i < 10; ++i) {
    pace.lost(Duration::seconds(3), false, false);
    pace.refused();
    EXPECT_FALSE(pace.is_taken_over());
  }
}

TEST(ReconnectPace, broker_that_restarts_every_few_seconds_is_asked_again_soon) {
  ReconnectPace pace;
  for (int i = 0; i < 10; ++i) {
    pace.lost(Duration::milliseconds(600), false, false);
    EXPECT_LE(pace.delay(longest), Duration::seconds(2));
  }
  for (int i = 0; i < 10; ++i) pace.lost(Duration(), false, false);
  EXPECT_EQ(pace.delay(longest), Duration::seconds(30)) << "a connection that is lost at once is another matter";
}

}  // namespace
}  // namespace edgetide::test
