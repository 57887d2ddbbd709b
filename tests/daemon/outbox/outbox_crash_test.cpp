// An outbox that loses the power, or its disk, at any operation: the store ends up with what it would have without.
// EDGETIDE_SEEDS=100000 runs more seeds than the suite does.
#include <cstdlib>
#include <gtest/gtest.h>
#include <random>

#include "daemon/outbox/outbox.h"
#include "tests/daemon/outbox/waiting_rows.h"
#include "tests/fakes/memory_file_system.h"

namespace edgetide::test {
namespace {

constexpr std::uint64_t epochs_pushed = 60;
constexpr OutboxOptions small{.max_memory = 2000};
constexpr OutboxOptions many_segments{.max_bytes = 256 * 1024, .when_full = WhenFull::block, .max_memory = 2000};

RowBatch rows_at(std::uint64_t epoch, std::size_t more = 0) {
  return rows_of({1, epoch}, static_cast<std::int64_t>(epoch / 5), epoch % 4 + 1 + more,
                 static_cast<std::uint32_t>(epoch));
}

// What stays when the process dies: the disk, the store, the checkpoint, and how far the journal goes.
class World {
 public:
  explicit World(std::uint64_t seed, OutboxOptions options = small, std::size_t more_rows = 0)
      : options_(options), more_rows_(more_rows), random_(static_cast<std::uint32_t>(seed + 1)) {}

  // Until all epochs were pushed, or the disk has failed at operation `n`. False if it has.
  bool live(std::uint64_t n) {
    const std::uint64_t before = disk.operations();
    if (n != 0) disk.fail_at(n, EIO, true);
    const auto dead = [&] { return n != 0 && disk.operations() >= before + n; };
    start();
    if (dead()) return false;
    for (std::uint64_t epoch = checkpoint_epoch_ + 1; epoch <= epochs_pushed; ++epoch) {
      outbox_->push(rows_at(epoch, more_rows_));
      journaled_ = std::max(journaled_, epoch);
      act();
      if (dead()) return false;
    }
    return true;
  }
  void crash(std::optional<std::uint64_t> seed) {
    disk.fail_at(0, 0);
    disk.crash(seed);
  }
  void drain() {
    while (deliver()) {
    }
  }
  StoredRows rows() const { return rows_; }
  std::uint64_t lost() const { return lost_ + outbox_->status().lost.records; }

  MemoryFileSystem disk;

 private:
  // As at a start of the daemon: what the checkpoint names, then the journal behind it, then the store is asked.
  void start() {
    if (outbox_) lost_ += outbox_->status().lost.records;
    outbox_ = std::make_unique<Outbox>(options_, SinkTraits{}, minute_window(), disk, spill_location("state", "pg"),
                                       OutboxEvents{});
    const auto recovered = outbox_->recover(checkpoint_extent_, ++run_);
    if (std::holds_alternative<LogRefusal>(recovered)) return;
    for (std::uint64_t epoch = checkpoint_epoch_ + 1; epoch <= journaled_; ++epoch)
      outbox_->push(rows_at(epoch, more_rows_));
    outbox_->stored_through(stored_);
    sink_away_ = 0;
  }
  void act() {
    if (random_() % 8 == 0) sink_away_ = random_() % 16;
    if (sink_away_ > 0) {
      --sink_away_;
    } else if (random_() % 2 == 0) {
      deliver();
    }
    if (random_() % 4 == 0) static_cast<void>(outbox_->spill_excess());
    if (random_() % 6 == 0) checkpoint();
  }
  void checkpoint() {
    if (outbox_->spill({1, journaled_})) return;
    checkpoint_epoch_ = journaled_;
    checkpoint_extent_ = outbox_->spilled();
  }
  bool deliver() {
    const Outbox::Taken taken = outbox_->take();
    if (!taken.batch) return !taken.error.empty();
    EXPECT_GT(taken.batch->id, stored_) << "delivered twice";
    store(rows_, *taken.batch);
    stored_ = taken.batch->id;
    outbox_->stored_through(stored_);
    return true;
  }

  const OutboxOptions options_;
  const std::size_t more_rows_;
  std::minstd_rand random_;
  std::unique_ptr<Outbox> outbox_;
  StoredRows rows_;
  EpochId stored_;
  std::uint64_t checkpoint_epoch_ = 0;
  SpillExtent checkpoint_extent_;
  std::uint64_t journaled_ = 0;
  std::uint64_t run_ = 0;
  std::uint64_t sink_away_ = 0;
  std::uint64_t lost_ = 0;
};

StoredRows undisturbed(std::size_t more = 0) {
  StoredRows rows;
  for (std::uint64_t epoch = 1; epoch <= epochs_pushed; ++epoch) store(rows, rows_at(epoch, more));
  return rows;
}

TEST(OutboxCrash, power_cut_at_any_operation_loses_nothing_and_delivers_nothing_twice) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    bool untouched = false;
    for (std::uint64_t n = 1; !untouched; ++n) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", operation " + std::to_string(n));
      World world(seed);
      untouched = world.live(n);
      world.crash(seed == 0 ? std::nullopt : std::optional(seed * 1000 + n));
      ASSERT_TRUE(world.live(0));
      world.drain();
      ASSERT_EQ(world.rows(), undisturbed());
      ASSERT_EQ(world.lost(), 0U);
    }
  }
}

TEST(OutboxCrash, power_cut_while_segments_are_removed_is_not_a_loss) {
  constexpr std::size_t rows = 60;
  std::size_t removed = 0;
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    bool untouched = false;
    for (std::uint64_t n = 1 + seed; !untouched; n += 7) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", operation " + std::to_string(n));
      World world(seed, many_segments, rows);
      untouched = world.live(n);
      world.crash(seed == 0 ? std::nullopt : std::optional(seed * 1000 + n));
      ASSERT_TRUE(world.live(0));
      world.drain();
      for (const std::string& path : world.disk.paths()) removed += path.ends_with(".removed") ? 1 : 0;
      ASSERT_EQ(world.rows(), undisturbed(rows));
      ASSERT_EQ(world.lost(), 0U);
    }
  }
  EXPECT_GT(removed, 0U);
}

TEST(OutboxCrash, power_cuts_one_after_the_other_lose_nothing) {
  const char* const wanted = std::getenv("EDGETIDE_SEEDS");
  const std::uint64_t seeds = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 500;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    std::minstd_rand random(static_cast<std::uint32_t>(seed + 7));
    for (int cuts = 0; cuts < 10 && !world.live(1 + random() % 40); ++cuts) world.crash(random());
    world.crash(random());
    ASSERT_TRUE(world.live(0));
    world.drain();
    ASSERT_EQ(world.rows(), undisturbed());
    ASSERT_EQ(world.lost(), 0U);
  }
}

TEST(OutboxCrash, disk_that_fails_at_any_operation_and_mends_costs_nothing) {
  for (const int error : {EIO, ENOSPC}) {
    bool untouched = false;
    for (std::uint64_t n = 1; !untouched; ++n) {
      SCOPED_TRACE("operation " + std::to_string(n));
      World world(n);
      world.disk.fail_at(n, error);
      const std::uint64_t before = world.disk.operations();
      world.live(0);
      untouched = world.disk.operations() < before + n;
      world.disk.fail_at(0, 0);
      world.drain();
      ASSERT_EQ(world.rows(), undisturbed());
      ASSERT_EQ(world.lost(), 0U);
    }
  }
}

}  // namespace
}  // namespace edgetide::test
