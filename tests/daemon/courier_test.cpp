#include "daemon/courier.h"

#include <gmock/gmock.h>
#include <thread>

#include "tests/fakes/scripted_sink.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;

RowBatch batch_of(std::uint64_t epoch, std::size_t rows = 1) {
  RowBatch batch;
  batch.id = {1, epoch};
  batch.windows.push_back({0, std::vector<SinkRow>(rows), std::vector<double>(rows, 1.0)});
  return batch;
}

std::unique_ptr<Courier> courier_to(
    ScriptedSink::Log& log, OutboxOptions outbox = {}, std::function<void()> on_room = [] {}) {
  return std::make_unique<Courier>("test", std::make_unique<ScriptedSink>(log), outbox, std::move(on_room));
}

void finish(Courier& courier, std::chrono::seconds within = std::chrono::seconds(60)) {
  courier.finish(std::chrono::steady_clock::now() + within);
  courier.join();
}

TEST(Courier, delivers_in_order_and_everything_before_it_ends) {
  ScriptedSink::Log log;
  const auto courier = courier_to(log);
  courier->start();
  for (std::uint64_t epoch = 1; epoch <= 5; ++epoch) courier->push(batch_of(epoch, 2));
  finish(*courier);
  EXPECT_THAT(log.stored(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(courier->status().delivered_rows, 10U);
  EXPECT_EQ(courier->status().undelivered_rows, 0U);
  EXPECT_TRUE(log.closed);
}

TEST(Courier, tries_a_failed_batch_again_until_the_sink_takes_it) {
  ScriptedSink::Log log;
  log.open_answers = {RetryAfter{Duration(), "away"}};
  log.deliver_answers = {RetryAfter{Duration(), "link lost"}};
  const auto courier = courier_to(log);
  courier->start();
  courier->push(batch_of(1));
  courier->push(batch_of(2));
  finish(*courier);
  EXPECT_THAT(log.stored(), ElementsAre(1, 2));
  EXPECT_EQ(log.opens, 3);
}

TEST(Courier, in_doubt_batch_that_was_stored_is_not_delivered_again) {
  for (const bool stored : {true, false}) {
    ScriptedSink::Log log;
    log.deliver_answers = {InDoubt{"answer lost"}};
    log.keep_in_doubt = stored;
    const auto courier = courier_to(log);
    courier->start();
    courier->push(batch_of(7));
    finish(*courier);
    EXPECT_THAT(log.stored(), ElementsAre(7)) << "stored " << stored;
    EXPECT_EQ(log.last_epoch_calls, 1);
  }
}

TEST(Courier, rejected_rows_are_counted_and_the_rest_is_delivered) {
  ScriptedSink::Log log;
  log.deliver_answers = {Delivered{{{"minute", "s", "t", Timestamp(), "numeric overflow"}}}};
  const auto courier = courier_to(log);
  courier->start();
  courier->push(batch_of(1, 3));
  finish(*courier);
  EXPECT_EQ(courier->status().rejected_rows, 1U);
  EXPECT_EQ(courier->status().delivered_rows, 2U);
}

TEST(Courier, stopped_sink_is_not_tried_again) {
  ScriptedSink::Log log;
  log.deliver_answers = {Stopped{"another instance"}};
  const auto courier = courier_to(log);
  courier->start();
  courier->push(batch_of(1, 4));
  courier->push(batch_of(2, 4));
  finish(*courier);
  EXPECT_EQ(log.opens, 1);
  EXPECT_EQ(courier->status().undelivered_rows, 8U);
  EXPECT_EQ(courier->status().trouble, "another instance");
}

TEST(Courier, sink_that_hangs_is_interrupted_at_the_deadline) {
  ScriptedSink::Log log;
  log.block = true;
  const auto courier = courier_to(log);
  courier->start();
  courier->push(batch_of(1));
  finish(*courier, std::chrono::seconds(0));
  EXPECT_THAT(log.stored(), ElementsAre());
  EXPECT_EQ(courier->status().undelivered_rows, 1U);
}

TEST(Courier, full_outbox_says_so_and_tells_when_there_is_room) {
  ScriptedSink::Log log;
  log.block = true;
  std::atomic<int> rooms = 0;
  const auto courier = courier_to(log, {1, WhenFull::block}, [&] { ++rooms; });
  EXPECT_FALSE(courier->full());
  courier->push(batch_of(1));
  EXPECT_TRUE(courier->full());
  courier->start();
  while (rooms == 0) std::this_thread::yield();
  EXPECT_FALSE(courier->full());
  {
    const std::lock_guard lock(log.mutex);
    log.block = false;
    log.unblocked.notify_all();
  }
  finish(*courier);
  EXPECT_THAT(log.stored(), ElementsAre(1));
}

TEST(Outbox, drop_oldest_keeps_the_newest_and_counts_what_it_drops) {
  Outbox outbox({1, WhenFull::drop_oldest});
  for (std::uint64_t epoch = 1; epoch <= 4; ++epoch) outbox.push(batch_of(epoch, 10));
  EXPECT_EQ(outbox.rows(), 10U);
  EXPECT_EQ(outbox.dropped_rows(), 30U);
  EXPECT_FALSE(outbox.full());
  EXPECT_EQ(outbox.take().id.epoch, 4U);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.bytes(), 0U);
}

TEST(Outbox, block_keeps_everything_and_says_full) {
  Outbox outbox({1, WhenFull::block});
  for (std::uint64_t epoch = 1; epoch <= 4; ++epoch) outbox.push(batch_of(epoch, 10));
  EXPECT_TRUE(outbox.full());
  EXPECT_EQ(outbox.dropped_rows(), 0U);
  EXPECT_EQ(outbox.take().id.epoch, 1U);
}

}  // namespace
}  // namespace edgetide::test
