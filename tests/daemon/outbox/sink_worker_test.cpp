#include "daemon/outbox/sink_worker.h"

#include <gmock/gmock.h>
#include <thread>

#include "tests/daemon/outbox/waiting_rows.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/scripted_sink.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;

class SinkWorkerTest : public testing::Test {
 protected:
  void make(OutboxOptions options = {}, OutboxEvents events = {}) {
    worker = std::make_unique<SinkWorker>("test", std::make_unique<ScriptedSink>(log), log.traits, minute_window(),
                                          options, files, "state", std::move(events));
    ASSERT_TRUE(std::holds_alternative<std::optional<EpochId>>(worker->recover({}, 1)));
  }
  void finish(std::chrono::seconds within = std::chrono::seconds(60)) {
    worker->finish(std::chrono::steady_clock::now() + within);
    worker->join();
  }
  void unblock() {
    const std::lock_guard lock(log.mutex);
    log.block = false;
    log.unblocked.notify_all();
  }

  MemoryFileSystem files;
  ScriptedSink::Log log;
  std::unique_ptr<SinkWorker> worker;
};

TEST_F(SinkWorkerTest, delivers_in_order_and_everything_before_it_ends) {
  make();
  worker->start();
  StoredRows expected;
  for (std::uint64_t epoch = 1; epoch <= 50; ++epoch) {
    store(expected, own_rows(epoch, 2));
    worker->push(own_rows(epoch, 2));
  }
  finish();
  EXPECT_EQ(stored(log.batches), expected);
  EXPECT_TRUE(std::is_sorted(log.epochs.begin(), log.epochs.end()));
  EXPECT_EQ(worker->status().delivered_rows, 100U);
  EXPECT_EQ(worker->status().outbox_rows, 0U);
  EXPECT_TRUE(log.closed);
}

TEST_F(SinkWorkerTest, tries_a_failed_batch_again_until_the_sink_takes_it) {
  log.open_answers = {RetryAfter{Duration(), "away"}};
  log.deliver_answers = {RetryAfter{Duration(), "link lost"}};
  make();
  worker->start();
  worker->push(own_rows(1));
  finish();
  EXPECT_THAT(log.stored(), ElementsAre(1));
  EXPECT_EQ(log.opens, 3);
}

TEST_F(SinkWorkerTest, stopped_sink_does_not_hold_the_end_up) {
  log.open_answers = {Stopped{"another instance"}};
  make();
  worker->start();
  worker->push(own_rows(1, 4));
  finish();
  EXPECT_EQ(log.opens, 1);
  EXPECT_EQ(worker->status().outbox_rows, 4U);
  EXPECT_EQ(worker->status().error, "another instance");
}

TEST_F(SinkWorkerTest, sink_that_hangs_is_interrupted_at_the_deadline_and_its_rows_wait_on_disk_for_the_next_start) {
  log.block = true;
  make();
  worker->start();
  worker->push(own_rows(1));
  finish(std::chrono::seconds(0));
  EXPECT_THAT(log.stored(), ElementsAre());
  EXPECT_EQ(worker->status().outbox_rows, 1U);
  ASSERT_FALSE(worker->spill(latest_epoch));
  files.crash();
  log.interrupted = false;
  unblock();
  make();
  worker->start();
  finish();
  EXPECT_THAT(log.stored(), ElementsAre(1));
}

TEST_F(SinkWorkerTest, sink_that_hangs_again_after_it_was_interrupted_is_interrupted_again) {
  log.block = true;
  log.hangs = 3;
  make();
  worker->start();
  worker->push(own_rows(1));
  finish(std::chrono::seconds(0));
  EXPECT_EQ(worker->status().outbox_rows, 1U);
}

TEST_F(SinkWorkerTest, idle_sink_is_looked_at_when_it_is_to_be_taken_back) {
  make();
  worker->start();
  while (!worker->status().connected) std::this_thread::yield();
  EXPECT_FALSE(worker->take_over());
  {
    const std::lock_guard lock(log.mutex);
    log.last_epoch_answers = {Stopped{"another instance", true}};
  }
  EXPECT_TRUE(worker->take_over());
  while (worker->status().taken_over) std::this_thread::yield();
  EXPECT_EQ(log.take_overs, 1);
  finish();
}

TEST_F(SinkWorkerTest, full_outbox_says_so_and_tells_when_there_is_room) {
  log.block = true;
  std::atomic<int> rooms = 0;
  make({1, WhenFull::block}, {.room = [&] { ++rooms; }, .spill_wanted = {}});
  EXPECT_FALSE(worker->full());
  worker->push(own_rows(1));
  EXPECT_TRUE(worker->full());
  worker->start();
  unblock();
  while (rooms == 0) std::this_thread::yield();
  EXPECT_TRUE(worker->take_delivered());
  EXPECT_FALSE(worker->full());
  finish();
  EXPECT_THAT(log.stored(), ElementsAre(1));
}

// Intake, storage thread and worker at once, the sink and the disk failing now and then.
TEST_F(SinkWorkerTest, threads_together_lose_nothing) {
  for (int i = 0; i < 4; ++i) {
    log.deliver_answers.insert(log.deliver_answers.end(), 3, Delivered{});
    log.deliver_answers.push_back(RetryAfter{Duration(), "away"});
    log.deliver_answers.push_back(InDoubt{"answer lost"});
  }
  std::atomic<bool> pushed = false, wanted = false;
  make({.max_memory = 20'000}, {.room = {}, .spill_wanted = [&] { wanted = true; }});
  worker->start();
  std::thread storage([&] {
    for (std::uint64_t turn = 1; !pushed; ++turn) {
      if (turn % 7 == 0) files.fail_at(3, EIO);
      if (wanted.exchange(false)) static_cast<void>(worker->spill_excess());
      if (turn % 5 == 0) static_cast<void>(worker->spill(latest_epoch));
      static_cast<void>(worker->spilled());
      std::this_thread::yield();
    }
    files.fail_at(0, 0);
  });
  StoredRows expected;
  for (std::uint64_t epoch = 1; epoch <= 2000; ++epoch) {
    const RowBatch batch =
        rows_of({1, epoch}, static_cast<std::int64_t>(epoch / 10), 5, static_cast<std::uint32_t>(epoch));
    store(expected, batch);
    worker->push(batch);
  }
  pushed = true;
  storage.join();
  finish();
  EXPECT_EQ(stored(log.batches), expected);
  EXPECT_TRUE(std::is_sorted(log.epochs.begin(), log.epochs.end()));
  EXPECT_EQ(worker->status().outbox_rows, 0U);
  EXPECT_EQ(worker->status().lost.records, 0U);
}

}  // namespace
}  // namespace edgetide::test
