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
    pace.lost({.stood = delivered ? Duration() : ReconnectPace::stable_after, .has_delivered = delivered});
    EXPECT_EQ(pace.tries(), 0U);
    EXPECT_LE(pace.delay(longest), Duration::seconds(1));
  }
}

// As another client ends it that waits so long before it connects again.
constexpr ReconnectPace::Loss ended_after(Duration stood) {
  return {.stood = stood, .has_delivered = true, .is_without_word = true};
}

TEST(ReconnectPace, broker_names_the_taking_over) {
  ReconnectPace pace;
  pace.lost({.stood = Duration::seconds(30), .has_delivered = true, .is_said = true});
  EXPECT_TRUE(pace.is_taken_over());
  EXPECT_TRUE(pace.is_said());
  for (int i = 0; i < 10; ++i) pace.lost({.stood = Duration(), .has_delivered = true, .is_said = true});
  EXPECT_GT(pace.delay(longest), Duration::seconds(10));  // though it delivers
  pace.lost({.stood = ReconnectPace::peace_after, .has_delivered = true});
  EXPECT_FALSE(pace.is_taken_over());
}

TEST(ReconnectPace, connections_that_the_broker_ends_soon_and_without_a_word_show_the_taking_over) {
  for (const Duration others_delay : {Duration(), Duration::seconds(1), Duration::seconds(15)}) {
    ReconnectPace pace;
    for (unsigned i = 1; i <= ReconnectPace::max_brief; ++i) {
      EXPECT_FALSE(pace.is_taken_over());
      pace.lost(ended_after(others_delay));
      if (i == 1) pace.lost({.stood = others_delay});  // a reset between
    }
    EXPECT_TRUE(pace.is_taken_over());
    EXPECT_FALSE(pace.is_said());
    pace.settle();
    EXPECT_FALSE(pace.is_taken_over());
  }
}

TEST(ReconnectPace, network_that_is_cut_or_times_out_is_not_another_client) {
  ReconnectPace pace;
  for (int i = 0; i < 20; ++i) {
    pace.lost({.stood = Duration::seconds(1), .has_delivered = true});
    EXPECT_FALSE(pace.is_taken_over());
  }
  for (int i = 0; i < 20; ++i) {
    pace.lost(ended_after(Duration::seconds(1)));
    pace.failed();  // the way to the broker was gone
    EXPECT_FALSE(pace.is_taken_over());
  }
  for (int i = 0; i < 20; ++i) {
    pace.lost(ended_after(Duration::seconds(50)));  // as a proxy does with a connection that is quiet
    EXPECT_FALSE(pace.is_taken_over());
  }
}

TEST(ReconnectPace, restarts_of_a_broker_are_no_other_client) {
  ReconnectPace pace;
  for (int i = 0; i < 10; ++i) {
    pace.lost({.stood = Duration::seconds(3), .is_without_word = true});
    pace.refused();
    EXPECT_FALSE(pace.is_taken_over());
  }
}

TEST(ReconnectPace, broker_that_restarts_every_few_seconds_is_asked_again_soon) {
  ReconnectPace pace;
  for (int i = 0; i < 10; ++i) {
    pace.lost({.stood = Duration::milliseconds(600)});
    EXPECT_LE(pace.delay(longest), Duration::seconds(2));
  }
  for (int i = 0; i < 10; ++i) pace.lost({});
  EXPECT_EQ(pace.delay(longest), Duration::seconds(30)) << "a connection that is lost at once is another matter";
}

}  // namespace
}  // namespace edgetide::test
