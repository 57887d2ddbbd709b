// Which of a source's time counts as silence of its sensors, and which does not.
#include "daemon/intake/source_hearing.h"

#include <gtest/gtest.h>

namespace edgetide::test {
namespace {

constexpr Duration idle_timeout = Duration::minutes(1);  // so patience is 5 s

constexpr Duration running_at(double seconds) {
  return Duration::microseconds(static_cast<std::int64_t>(seconds * 1e6));
}

class SourceHearingTest : public testing::Test {
 protected:
  // Connected long ago, and heard all the time.
  SourceHearingTest() {
    hearing.start(running_at(-70), idle_timeout);
    for (double now = -70; now <= 0; now += 1) tick_heard(now, now);
  }

  void tick(double seconds, std::optional<Liveness> life = std::nullopt) { hearing.look(running_at(seconds), life); }
  // Of a transport that shows life: its last bytes came at `heard`.
  void tick_heard(double seconds, double heard, bool waiting = false) {
    tick(seconds, Liveness{running_at(seconds) - running_at(heard), waiting});
  }
  void batch(double seconds) { hearing.hear_batch(running_at(seconds)); }
  double unheard(double seconds) const {
    return static_cast<double>(hearing.unheard(running_at(seconds)).count()) / 1e6;
  }

  SourceHearing hearing;
};

TEST_F(SourceHearingTest, transport_that_shows_no_life_is_heard_at_every_tick) {
  for (double now = 0.1; now < 300; now += 0.1) tick(now);
  EXPECT_EQ(unheard(300), 0);
}

TEST_F(SourceHearingTest, pause_of_the_process_is_unheard_until_what_waited_is_read) {
  tick(10);
  hearing.skip(running_at(10.1), running_at(140));
  tick(140);
  EXPECT_NEAR(unheard(140), 129.9, 0.01);
  for (double now = 140; now < 150; now += 0.1) {  // what waited
    batch(now);
    tick(now);
    ASSERT_NEAR(unheard(now), now - 10.1, 0.01);
  }
  tick(155);  // quiet for 5 s
  EXPECT_EQ(unheard(155), 0);
}

TEST_F(SourceHearingTest, batch_that_is_read_before_the_late_tick_does_not_count_the_pause) {
  tick(10);
  batch(140);
  hearing.skip(running_at(10.1), running_at(140.01));
  tick(140.01);
  EXPECT_NEAR(unheard(140.01), 130, 0.1);
}

TEST_F(SourceHearingTest, what_waited_for_a_connection_is_unheard_until_it_is_read) {
  hearing.start(running_at(10), idle_timeout);
  for (double now = 10; now < 30; now += 0.1) {
    batch(now);
    tick_heard(now, now, true);
    if (now < 10.3) continue;
    ASSERT_NEAR(unheard(now), now - 10, 0.01);
  }
  tick_heard(36, 30);
  EXPECT_NEAR(unheard(36), 6, 0.2) << "only what came since the last bytes";
}

TEST_F(SourceHearingTest, pauses_that_follow_each_other_end_after_an_idle_timeout_between_them) {
  double unheard_most = 0;
  for (double now = 0; now < 300; now += 2) {
    hearing.skip(running_at(now), running_at(now + 1));
    for (double later = now + 1; later < now + 2; later += 0.1) {
      batch(later);
      tick(later);
    }
    unheard_most = std::max(unheard_most, unheard(now + 2));
  }
  EXPECT_NEAR(unheard_most, 120, 6);
}

TEST_F(SourceHearingTest, end_of_one_gap_says_nothing_of_what_waits_behind_the_next) {
  hearing.skip(running_at(0.1), running_at(100));
  for (double now = 100; now < 159; now += 0.1) {
    batch(now);
    tick(now);
  }
  hearing.skip(running_at(159), running_at(200));
  for (double now = 200; now < 259; now += 0.1) {  // the first pause is settled after a second of it
    batch(now);
    tick(now);
    if (now < 202) continue;
    ASSERT_NEAR(unheard(now), now - 159, 0.01);
  }
  for (double now = 259; now < 261; now += 0.1) {
    batch(now);
    tick(now);
  }
  EXPECT_EQ(unheard(261), 0);
}

TEST_F(SourceHearingTest, pause_soon_after_the_last_bytes_is_not_a_sign_of_life) {
  tick_heard(3, 0);
  hearing.skip(running_at(3.1), running_at(100));
  for (double now = 100; now < 200; now += 0.1) {
    tick_heard(now, 0);
    ASSERT_NEAR(unheard(now), now, 0.01);
  }
}

TEST_F(SourceHearingTest, pause_while_nothing_was_heard_is_one_gap_with_that_time) {
  for (double now = 0; now < 30; now += 0.1) tick_heard(now, 0);
  hearing.skip(running_at(30.1), running_at(160));
  for (double now = 160; now < 219; now += 0.1) {
    batch(now);
    tick_heard(now, now);
    if (now > 160.1) {
      ASSERT_NEAR(unheard(now), now, 0.01);
    }
  }
  for (double now = 219; now < 222; now += 0.1) {
    batch(now);
    tick_heard(now, now);
  }
  EXPECT_EQ(unheard(222), 0) << "it was heard for an idle timeout";
}

TEST_F(SourceHearingTest, after_an_idle_timeout_of_hearing_the_pause_counts_for_no_series_and_ends) {
  hearing.skip(running_at(0.1), running_at(100));
  for (double now = 100; now < 161; now += 0.1) {
    batch(now);
    tick(now);
    if (now < 159.9) {
      ASSERT_GT(unheard(now), 99);
    }
  }
  EXPECT_EQ(unheard(161), 0);
}

TEST_F(SourceHearingTest, stalled_network_is_unheard_while_it_lasts_and_while_its_backlog_is_read) {
  for (double now = 0; now < 10; now += 0.1) {
    batch(now);
    tick_heard(now, now);
  }
  for (double now = 10; now < 85; now += 0.1) {
    tick_heard(now, 10);
    ASSERT_NEAR(unheard(now), now - 10, 0.3);
  }
  for (double now = 85; now < 95; now += 0.1) {
    batch(now);
    tick_heard(now, now, true);
    ASSERT_NEAR(unheard(now), now - 10, 0.3);
  }
  tick_heard(101, 95);
  EXPECT_NEAR(unheard(101), 6, 0.3) << "only what came since the last bytes";
}

TEST_F(SourceHearingTest, answered_pings_show_that_the_sensors_are_silent) {
  for (double now = 0; now < 180; now += 0.1) {
    const double ping = static_cast<double>(static_cast<int>(now / 60) * 60);
    tick_heard(now, ping);
    if (now - ping <= 6) continue;
    ASSERT_NEAR(unheard(now), now - ping, 0.3) << now;
  }
}

TEST_F(SourceHearingTest, slow_but_regular_sensors_show_that_others_are_silent) {
  for (double now = 0; now < 600; now += 0.1) {
    const double last = static_cast<double>(static_cast<int>(now / 20) * 20);
    if (now - last < 0.05) batch(now);
    tick_heard(now, last);
    if (now - last <= 6) continue;
    ASSERT_NEAR(unheard(now), now - last, 0.3) << now;
  }
}

TEST_F(SourceHearingTest, sensor_as_slow_as_the_patience_shows_that_others_are_silent) {
  double last = 0;
  for (int tenth = 1; tenth < 6000; ++tenth) {
    const double now = tenth * 0.1;
    if (now - last > 5.05) batch(last += 5.05);
    tick_heard(now, last);
    ASSERT_LE(unheard(now), 10.5) << now;
  }
}

TEST_F(SourceHearingTest, pause_while_nothing_was_heard_is_not_a_sign_of_life) {
  for (double now = 0; now < 30; now += 0.1) tick_heard(now, 0);
  hearing.skip(running_at(30.1), running_at(160));
  tick_heard(160, 0);
  EXPECT_NEAR(unheard(160), 160, 0.01);
  tick_heard(161, 60);  // an answer to a ping that came meanwhile
  tick_heard(166, 60);
  EXPECT_NEAR(unheard(166), 106, 0.01);
}

TEST_F(SourceHearingTest, bytes_that_wait_are_no_sign_of_life) {
  tick_heard(1, 1);
  tick_heard(4, 4, true);
  EXPECT_NEAR(unheard(4), 3, 0.01);
}

// Peers of TCP: their kernels acknowledge, also where they have nothing to say.
class PeersHearingTest : public SourceHearingTest {
 protected:
  // The last bytes came at `heard`, the last acknowledgement that was due did not come since `absent_since`.
  void tick_peers(double seconds, double heard, std::optional<double> absent_since = std::nullopt) {
    const Duration absent = absent_since ? running_at(seconds) - running_at(*absent_since) : Duration();
    tick(seconds, Liveness{running_at(seconds) - running_at(heard), false, absent});
  }
  void flow(double from, double to) {
    for (double now = from; now < to; now += 0.1) {
      batch(now);
      tick_peers(now, now);
    }
  }
  // From 10 s on, noticed after 6 s.
  void stall(double until) {
    flow(0, 10);
    for (double now = 10; now < 16; now += 0.1) tick_peers(now, 10);
    for (double now = 16; now < until; now += 0.1) {
      tick_peers(now, 10, 10);
      ASSERT_NEAR(unheard(now), now - 10, 0.01);
    }
  }
};

TEST_F(PeersHearingTest, peers_that_acknowledge_are_heard_though_they_say_nothing) {
  for (double now = 0; now < 300; now += 0.1) {
    tick_peers(now, 0);
    ASSERT_EQ(unheard(now), 0) << now;
  }
}

TEST_F(PeersHearingTest, what_is_sent_again_long_after_the_first_acknowledgement_is_waited_for) {
  stall(85);
  for (double now = 85; now < 140; now += 0.1) {  // the peer's kernel sends again after twice its last pause
    tick_peers(now, 10);
    ASSERT_NEAR(unheard(now), now - 10, 0.01);
  }
  flow(140, 159);
  EXPECT_NEAR(unheard(158.9), 148.9, 0.1);
  flow(159, 161);
  EXPECT_EQ(unheard(161), 0) << "as long after its end as it was";
}

TEST_F(PeersHearingTest, short_stall_settles_when_it_was_quiet_for_as_long) {
  stall(22);
  for (double now = 22; now < 33.9; now += 0.1) {
    tick_peers(now, 10);
    ASSERT_NEAR(unheard(now), now - 10, 0.01);
  }
  tick_peers(34.2, 10);
  EXPECT_EQ(unheard(34.2), 0);
}

TEST_F(PeersHearingTest, batches_of_one_peer_do_not_hide_that_another_is_behind_a_stall) {
  flow(0, 10);
  for (double now = 16; now < 60; now += 0.1) {
    batch(now);
    tick_peers(now, now, 10);
    ASSERT_NEAR(unheard(now), now - 10, 0.01);
  }
}

TEST_F(PeersHearingTest, peer_that_vanishes_delays_silence_until_it_is_closed_and_130_s_more) {
  flow(0, 10);
  for (double now = 16; now < 310; now += 0.1) {
    batch(now);
    tick_peers(now, now, 10);
    ASSERT_NEAR(unheard(now), now - 10, 0.01);
  }
  flow(310, 439);
  EXPECT_NEAR(unheard(438.9), 428.9, 0.2);
  flow(439, 441);
  EXPECT_EQ(unheard(441), 0);
}

TEST_F(PeersHearingTest, end_of_the_connection_behind_a_stall_is_not_a_sign_of_life) {
  stall(85);
  tick(85);
  EXPECT_NEAR(unheard(85), 75, 0.01);
  for (double now = 85.1; now < 159; now += 0.1) {
    tick(now);
    ASSERT_NEAR(unheard(now), now - 10, 0.01);
  }
  tick(160.3);
  EXPECT_EQ(unheard(160.3), 0);
}

}  // namespace
}  // namespace edgetide::test
