#include "daemon/outbox/delivery.h"

#include <gmock/gmock.h>

#include "tests/daemon/outbox/waiting_rows.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/scripted_sink.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DeliveryTest : public testing::Test {
 protected:
  // As after a start of the process.
  void start(OutboxOptions options = {}, const std::string& name = "pg") {
    delivery.reset();
    outbox = std::make_unique<Outbox>(options, log.traits, minute_window(), files, spill_location("state", "pg"),
                                      OutboxEvents{});
    ASSERT_TRUE(std::holds_alternative<std::optional<EpochId>>(outbox->recover({}, 1)));
    delivery = std::make_unique<Delivery>(name, std::make_unique<ScriptedSink>(log), *outbox, 1, options);
  }
  // Steps until there is nothing to do, without waiting. How long it would have waited.
  Duration step_until_idle() {
    Duration waited;
    for (auto wait = delivery->step(); wait; wait = delivery->step()) waited = waited + *wait;
    return waited;
  }

  // "first+rows" of each part that the sink has stored.
  std::vector<std::string> parts() const {
    std::vector<std::string> found;
    for (const RowBatch& part : log.batches) {
      found.push_back(std::to_string(part.first_row) + "+" + std::to_string(part.row_count()));
    }
    return found;
  }

  MemoryFileSystem files;
  ScriptedSink::Log log;
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<Delivery> delivery;
};

TEST_F(DeliveryTest, rows_are_delivered_as_they_come_without_a_wait) {
  start();
  EXPECT_EQ(step_until_idle(), Duration());
  EXPECT_TRUE(delivery->status().connected);
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
    outbox->push(own_rows(epoch, 2));
    EXPECT_EQ(step_until_idle(), Duration());
  }
  EXPECT_THAT(log.stored(), ElementsAre(1, 2, 3));
  EXPECT_EQ(delivery->status().delivered_rows, 6U);
  EXPECT_TRUE(outbox->empty());
}

TEST_F(DeliveryTest, backlog_is_delivered_together_so_that_new_rows_need_not_wait_for_it_long) {
  log.open_answers = {RetryAfter{Duration(), "away"}};
  start();
  for (std::uint64_t epoch = 1; epoch <= 10'000; ++epoch) outbox->push(own_rows(epoch));
  step_until_idle();
  EXPECT_THAT(log.stored(), ElementsAre(5000, 10'000));
}

TEST_F(DeliveryTest, sink_that_fails_is_closed_and_opened_again_after_a_wait_that_grows) {
  start();
  outbox->push(own_rows(1));
  log.deliver_answers.assign(12, RetryAfter{Duration::seconds(2), "link lost"});
  const Duration waited = step_until_idle();
  EXPECT_GE(waited, Duration::seconds(12 * 2));
  EXPECT_GE(waited, Duration::minutes(1));
  EXPECT_EQ(log.opens, 13);
  EXPECT_THAT(log.stored(), ElementsAre(1));
  EXPECT_EQ(delivery->status().error, "");
}

TEST_F(DeliveryTest, warning_of_a_store_is_logged_once_for_as_long_as_it_holds) {
  Delivered warned;
  warned.warning = "no partitions";
  log.deliver_answers = {warned, warned, Delivered{}, warned};
  start();
  testing::internal::CaptureStdout();
  for (std::uint64_t epoch = 1; epoch <= 4; ++epoch) {
    outbox->push(own_rows(epoch));
    step_until_idle();
  }
  const std::string lines = testing::internal::GetCapturedStdout();
  const std::size_t first = lines.find("no partitions");
  ASSERT_NE(first, lines.npos);
  const std::size_t second = lines.find("no partitions", first + 1);
  ASSERT_NE(second, lines.npos);
  EXPECT_EQ(lines.find("no partitions", second + 1), lines.npos) << lines;
}

TEST_F(DeliveryTest, in_doubt_batch_that_was_stored_is_not_delivered_again) {
  for (const bool was_stored : {true, false}) {
    log.epochs.clear();
    log.last_epoch_calls = 0;
    log.deliver_answers = {InDoubt{"answer lost"}};
    log.keep_in_doubt = was_stored;
    start();
    outbox->push(own_rows(7));
    step_until_idle();
    EXPECT_THAT(log.stored(), ElementsAre(7)) << "stored " << was_stored;
    EXPECT_EQ(delivery->status().delivered_rows, 1U);
    EXPECT_EQ(log.repeats, 0);
    EXPECT_EQ(log.last_epoch_calls, 2);
  }
}

// Fault 5: the process dies between the commit and its own mark of it.
TEST_F(DeliveryTest, batch_that_was_stored_when_the_process_died_is_not_delivered_again) {
  start();
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) outbox->push(own_rows(epoch));
  ASSERT_FALSE(outbox->spill({1, 3}));
  log.epochs.push_back({1, 2});  // of the run before
  outbox->push(own_rows(4));
  ASSERT_FALSE(outbox->spill({1, 4}));
  log.epochs.push_back({1, 3});
  start();
  step_until_idle();
  EXPECT_THAT(log.stored(), ElementsAre(2, 3, 4));
  ASSERT_EQ(log.batches.size(), 1U);
  EXPECT_EQ(log.batches[0].row_count(), 1U);
  EXPECT_EQ(log.repeats, 0);
}

TEST_F(DeliveryTest, rejected_rows_are_counted_and_the_rest_is_delivered) {
  log.deliver_answers = {Delivered{{{"minute", "s", "t", Timestamp(), "numeric overflow"}}}};
  start();
  outbox->push(own_rows(1, 3));
  step_until_idle();
  EXPECT_EQ(delivery->status().rejected_rows, 1U);
  EXPECT_EQ(delivery->status().delivered_rows, 2U);
}

TEST_F(DeliveryTest, stopped_sink_is_not_called_again_and_its_rows_wait) {
  log.deliver_answers = {Stopped{"another instance"}};
  start();
  outbox->push(own_rows(1, 4));
  step_until_idle();
  outbox->push(own_rows(2, 4));
  EXPECT_EQ(delivery->step(), std::nullopt);
  EXPECT_TRUE(delivery->stopped());
  EXPECT_EQ(log.opens, 1);
  EXPECT_EQ(delivery->status().error, "another instance");
  EXPECT_EQ(outbox->status().waiting_rows, 8U);
}

TEST_F(DeliveryTest, sink_that_was_taken_over_delivers_what_waits_when_it_is_taken_back) {
  log.deliver_answers = {Stopped{"another instance", true}};
  start();
  EXPECT_FALSE(delivery->take_over());
  outbox->push(own_rows(1, 4));
  step_until_idle();
  outbox->push(own_rows(2, 4));
  step_until_idle();
  EXPECT_TRUE(delivery->status().taken_over);
  EXPECT_TRUE(delivery->status().needs_person);
  EXPECT_EQ(log.take_overs, 0);
  EXPECT_TRUE(delivery->take_over());
  EXPECT_FALSE(delivery->stopped());
  step_until_idle();
  EXPECT_EQ(log.take_overs, 1);
  EXPECT_THAT(log.stored(), ElementsAre(1, 2));
  EXPECT_FALSE(delivery->status().taken_over);
  EXPECT_FALSE(delivery->status().needs_person);
  EXPECT_EQ(delivery->status().error, "");
  EXPECT_FALSE(delivery->take_over());
}

TEST_F(DeliveryTest, sink_that_gets_no_rows_sees_that_it_was_taken_over_when_it_is_looked_at) {
  start();
  step_until_idle();
  EXPECT_EQ(delivery->look(), Duration());
  EXPECT_FALSE(delivery->status().taken_over);
  log.last_epoch_answers = {RetryAfter{Duration::seconds(3), "link lost"}};
  EXPECT_GE(delivery->look(), Duration::seconds(3));
  EXPECT_FALSE(delivery->status().connected);
  log.last_epoch_answers = {std::optional<EpochId>(), Stopped{"another instance", true}};
  EXPECT_EQ(delivery->look(), Duration()) << "it is opened first";
  EXPECT_EQ(delivery->look(), std::nullopt);
  EXPECT_TRUE(delivery->status().taken_over);
  EXPECT_TRUE(delivery->take_over());
}

TEST_F(DeliveryTest, what_only_a_person_can_mend_is_said_until_rows_are_stored) {
  log.deliver_answers = {once_somebody_acts("no table")};
  start();
  outbox->push(own_rows(1));
  while (!delivery->status().needs_person) ASSERT_TRUE(delivery->step());
  ASSERT_EQ(delivery->step(), Duration());
  EXPECT_TRUE(delivery->status().needs_person) << "it opens, but whether it stores is not known";
  step_until_idle();
  EXPECT_FALSE(delivery->status().needs_person);
}

TEST_F(DeliveryTest, log_says_ready_once_and_after_a_failed_delivery_only_when_rows_are_stored) {
  const auto said_ready = [&](const auto& step) {
    testing::internal::CaptureStdout();
    step();
    const std::string said = testing::internal::GetCapturedStdout();
    int times = 0;
    for (auto at = said.find(": ready"); at != said.npos; at = said.find(": ready", at + 1)) ++times;
    return times;
  };
  log.open_answers = {RetryAfter{Duration(), "away"}};
  start({}, "watched");  // lines of others that are often repeated are withheld
  EXPECT_EQ(said_ready([&] { delivery->step(); }), 0);
  EXPECT_EQ(said_ready([&] { step_until_idle(); }), 1) << "the open shows that it can be";
  outbox->push(own_rows(1));
  log.deliver_answers.assign(5, once_somebody_acts("closed for today"));
  EXPECT_EQ(said_ready([&] {
              while (!log.deliver_answers.empty()) delivery->step();
              delivery->step();  // opens once more
            }),
            0);
  EXPECT_EQ(said_ready([&] { step_until_idle(); }), 1);
  outbox->push(own_rows(2));
  EXPECT_EQ(said_ready([&] { step_until_idle(); }), 0) << "it still is";

  outbox->push(own_rows(3));
  log.deliver_answers = {InDoubt{"answer lost"}};
  log.keep_in_doubt = true;
  EXPECT_EQ(said_ready([&] { step_until_idle(); }), 1) << "the last epoch shows that they are stored";
}

TEST_F(DeliveryTest, last_epoch_that_cannot_be_read_is_asked_for_again_and_a_sink_may_stop_there) {
  log.last_epoch_answers = {RetryAfter{Duration::seconds(3), "link lost"}, Stopped{"another instance"}};
  start();
  outbox->push(own_rows(1));
  ASSERT_GE(delivery->step(), Duration::seconds(3));
  EXPECT_TRUE(log.closed);
  EXPECT_EQ(delivery->status().error, "link lost");
  EXPECT_EQ(delivery->step(), std::nullopt);
  EXPECT_TRUE(delivery->stopped());
  EXPECT_EQ(delivery->status().error, "another instance");
  EXPECT_EQ(delivery->step(), std::nullopt);
  EXPECT_EQ(log.opens, 2);
  EXPECT_THAT(log.stored(), ElementsAre());
}

TEST_F(DeliveryTest, at_least_once_sink_gets_an_epoch_in_parts_and_an_exactly_once_sink_whole) {
  const std::size_t row_bytes = memory_of(own_rows(1, 10)) / 10;
  struct Case {
    SinkTraits traits;
    std::vector<std::string> parts;
  };
  const Case cases[] = {
      {{SinkKind::stream, DeliveryGuarantee::at_least_once, 4}, {"0+4", "4+4", "8+2"}},
      {{SinkKind::stream, DeliveryGuarantee::at_least_once, 4, 3 * row_bytes}, {"0+3", "3+3", "6+3", "9+1"}},
      {{SinkKind::stream, DeliveryGuarantee::at_least_once, 20, 1}, std::vector<std::string>(10)},
      {{SinkKind::table, DeliveryGuarantee::at_least_once, 9}, {"0+9", "9+1"}},
      {{SinkKind::stream, DeliveryGuarantee::exactly_once, 4}, {"0+10"}},
      {{SinkKind::table, DeliveryGuarantee::exactly_once, 4}, {"0+10"}},
  };
  for (const Case& c : cases) {
    log.batches.clear();
    log.epochs.clear();
    log.traits = c.traits;
    start();
    outbox->push(own_rows(1, 10));
    EXPECT_EQ(step_until_idle(), Duration());
    EXPECT_EQ(parts().size(), c.parts.size());
    if (!c.parts.at(0).empty()) {
      EXPECT_EQ(parts(), c.parts);
    }
    EXPECT_THAT(log.stored(), ElementsAre(1));
    EXPECT_EQ(delivery->status().delivered_rows, 10U);
    EXPECT_EQ(delivery->status().rows_done, 0U);
  }
}

TEST_F(DeliveryTest, rows_that_a_sink_has_confirmed_are_not_delivered_again) {
  log.traits = {SinkKind::stream, DeliveryGuarantee::at_least_once, 4};
  log.deliver_answers = {Delivered{}, RetryAfter{Duration::seconds(1), "link lost", 3}};
  start();
  outbox->push(own_rows(1, 10));
  ASSERT_EQ(delivery->step(), Duration());
  ASSERT_EQ(delivery->step(), Duration());
  EXPECT_EQ(delivery->status().delivered_rows, 4U);
  ASSERT_GE(delivery->step(), Duration::seconds(1));
  EXPECT_EQ(delivery->status().delivered_rows, 7U);
  EXPECT_EQ(delivery->status().rows_done, 7U);
  EXPECT_EQ(outbox->status().waiting_rows, 10U);
  step_until_idle();
  EXPECT_THAT(parts(), ElementsAre("0+4", "4+3", "7+3"));
  EXPECT_THAT(log.stored(), ElementsAre(1));
  EXPECT_EQ(delivery->status().delivered_rows, 10U);
  EXPECT_TRUE(outbox->empty());
}

TEST_F(DeliveryTest, rate_limits_the_rows_of_an_at_least_once_sink) {
  log.traits = {SinkKind::stream, DeliveryGuarantee::at_least_once};
  start({.max_rate = 4});
  outbox->push(own_rows(1, 10));
  Delivery::Time now{};
  Duration waited;
  for (auto wait = delivery->step(now); wait; wait = delivery->step(now)) {
    waited = waited + *wait;
    now += std::chrono::microseconds(wait->count());
  }
  EXPECT_THAT(parts(), ElementsAre("0+4", "4+1", "5+1", "6+1", "7+1", "8+1", "9+1"));
  EXPECT_EQ(waited, Duration::milliseconds(1500));
  EXPECT_THAT(log.stored(), ElementsAre(1));
}

TEST_F(DeliveryTest, exactly_once_sink_with_a_rate_gets_epochs_whole_and_waits_afterwards) {
  start({.max_rate = 4});
  outbox->push(own_rows(1, 10));
  Delivery::Time now{};
  ASSERT_EQ(delivery->step(now), Duration());
  ASSERT_EQ(delivery->step(now), Duration());
  EXPECT_EQ(delivery->step(now), std::nullopt);
  outbox->push(own_rows(2, 1));
  const std::optional<Duration> wait = delivery->step(now);
  EXPECT_EQ(wait, Duration::milliseconds(1750)) << "six rows were more than it had, and one is to come";
  outbox->push(own_rows(3, 1));
  now += std::chrono::microseconds(wait->count());
  EXPECT_EQ(delivery->step(now), Duration());
  EXPECT_THAT(log.stored(), ElementsAre(1, 3)) << "what waited went together";
  EXPECT_THAT(parts(), ElementsAre("0+10", "0+2"));
}

TEST_F(DeliveryTest, rows_that_cannot_be_read_from_disk_are_tried_again_after_a_wait) {
  start({.max_memory = 1});
  outbox->push(own_rows(1));
  ASSERT_FALSE(outbox->spill_excess());
  ASSERT_EQ(delivery->step(), Duration());
  files.fail_at(1, EIO);
  ASSERT_TRUE(delivery->step());
  EXPECT_THAT(delivery->status().error, HasSubstr("state/outbox"));
  EXPECT_TRUE(delivery->status().connected);
  step_until_idle();
  EXPECT_THAT(log.stored(), ElementsAre(1));
  EXPECT_EQ(delivery->status().error, "");
  EXPECT_EQ(log.opens, 1);
}

}  // namespace
}  // namespace edgetide::test
