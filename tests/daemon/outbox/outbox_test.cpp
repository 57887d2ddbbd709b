#include "daemon/outbox/outbox.h"

#include <gmock/gmock.h>

#include "tests/daemon/outbox/waiting_rows.h"
#include "tests/fakes/memory_file_system.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class OutboxTest : public testing::Test {
 protected:
  // As after a start of the process.
  Outbox& start(OutboxOptions options = {}, const SpillExtent& known = {}) {
    disk->forget_handles();
    create(options);
    const auto recovered = outbox->recover(known, ++run);
    EXPECT_FALSE(std::holds_alternative<LogRefusal>(recovered));
    if (const auto* newest = std::get_if<0>(&recovered)) recovered_newest = *newest;
    return *outbox;
  }
  void create(OutboxOptions options = {}, std::vector<WindowSchema> inputs = minute_window()) {
    outbox = std::make_unique<Outbox>(options, traits, std::move(inputs), *disk, spill_location("state", "pg"),
                                      OutboxEvents{[this] { ++rooms; }, [this] { ++spills_wanted; }});
  }
  // Delivers what waits. The epochs of the deliveries.
  std::vector<std::uint64_t> drain() {
    std::vector<std::uint64_t> epochs;
    for (Outbox::Taken taken = outbox->take(); taken.batch || !taken.error.empty(); taken = outbox->take()) {
      if (!taken.batch) continue;
      epochs.push_back(taken.batch->id.epoch);
      store(table, *taken.batch);
      outbox->stored_through(taken.batch->id);
    }
    return epochs;
  }
  static StoredRows expected(std::uint64_t epochs, std::size_t sensors = 1) {
    StoredRows rows;
    for (std::uint64_t epoch = 1; epoch <= epochs; ++epoch) store(rows, own_rows(epoch, sensors));
    return rows;
  }
  void reset() {
    outbox.reset();
    disk.emplace();
    table.clear();
  }
  SpillExtent spill_records(std::uint64_t epochs);
  void flip_byte(const std::string& path, std::uint64_t at) {
    std::string bytes = disk->content(path);
    char& byte = bytes[static_cast<std::size_t>(at)];
    byte = static_cast<char>(byte ^ 1);
    disk->set_content(path, bytes);
  }

  std::optional<MemoryFileSystem> disk{std::in_place};
  SinkTraits traits;  // of a table, unless a test says otherwise
  std::unique_ptr<Outbox> outbox;
  std::uint64_t run = 0;
  std::optional<EpochId> recovered_newest;
  int rooms = 0;
  int spills_wanted = 0;
  StoredRows table;  // what the store holds
};

// ---- in memory

TEST_F(OutboxTest, nothing_is_written_while_the_sink_keeps_up) {
  start();
  const std::uint64_t before = disk->operations();
  for (std::uint64_t epoch = 1; epoch <= 1000; ++epoch) {
    outbox->push(own_rows(epoch));
    EXPECT_THAT(drain(), ElementsAre(epoch));
    if (epoch % 10 == 0) {
      EXPECT_FALSE(outbox->spill({1, epoch}));
    }
  }
  EXPECT_EQ(disk->operations(), before);
  EXPECT_TRUE(outbox->empty());
  EXPECT_EQ(outbox->status().memory_bytes, 0U);
  EXPECT_EQ(spills_wanted, 0);
  EXPECT_EQ(outbox->spilled().first_record, 1U);
}

TEST_F(OutboxTest, batches_that_wait_together_are_taken_as_one_and_stay_until_they_are_stored) {
  start();
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) outbox->push(own_rows(epoch, 2));
  const Outbox::Taken taken = outbox->take();
  ASSERT_TRUE(taken.batch);
  EXPECT_EQ(taken.batch->id, (EpochId{1, 3}));
  EXPECT_EQ(taken.batch->row_count(), 6U);
  EXPECT_EQ(outbox->status().waiting_rows, 6U);
  outbox->push(own_rows(4));
  outbox->stored_through(taken.batch->id);
  EXPECT_EQ(outbox->status().waiting_rows, 1U);
  EXPECT_THAT(drain(), ElementsAre(4));
}

TEST_F(OutboxTest, one_delivery_has_at_most_5000_rows_unless_one_epoch_has_more) {
  start();
  outbox->push(own_rows(1, 2500));
  outbox->push(own_rows(2, 2500));
  outbox->push(own_rows(3, 1));
  outbox->push(own_rows(4, 6000));
  outbox->push(own_rows(5, 1));
  EXPECT_THAT(drain(), ElementsAre(2, 3, 4, 5));
}

TEST_F(OutboxTest, sink_says_how_many_rows_and_bytes_go_together) {
  const std::size_t bytes = memory_of(own_rows(1, 10));
  struct Case {
    SinkTraits traits;
    std::vector<std::uint64_t> epochs;
  };
  const Case cases[] = {
      {{.max_rows = 20}, {2, 4, 5}},
      {{.max_rows = 9}, {1, 2, 3, 4, 5}},
      {{.max_bytes = 3 * bytes}, {3, 5}},
      {{.max_bytes = 1}, {1, 2, 3, 4, 5}},
      {{.kind = SinkKind::stream}, {1, 2, 3, 4, 5}},
  };
  for (const Case& c : cases) {
    reset();
    traits = c.traits;
    start();
    for (std::uint64_t epoch = 1; epoch <= 5; ++epoch) outbox->push(own_rows(epoch, 10));
    EXPECT_EQ(drain(), c.epochs) << c.traits.max_rows << " rows, " << c.traits.max_bytes << " bytes";
  }
}

TEST_F(OutboxTest, stream_gets_every_row_of_every_epoch) {
  traits.kind = SinkKind::stream;
  start();
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
    outbox->push(rows_of({1, epoch}, 0, 1, static_cast<std::uint32_t>(epoch)));
  }
  ASSERT_FALSE(outbox->spill({1, 2}));
  start({}, outbox->spilled());
  EXPECT_THAT(drain(), ElementsAre(1, 2));
}

TEST_F(OutboxTest, epochs_that_are_here_or_were_delivered_are_ignored_when_they_are_replayed) {
  start();
  outbox->stored_through({5, 10});
  outbox->push(rows_of({5, 10}, 0, 1));
  outbox->push(rows_of({4, 99}, 0, 1));
  EXPECT_TRUE(outbox->empty());
  for (int i = 0; i < 2; ++i) outbox->push(rows_of({5, 11}, 0, 3));
  outbox->push(rows_of({6, 1}, 1, 4));  // a later run, whatever its epochs
  EXPECT_EQ(outbox->status().waiting_rows, 7U);
}

// ---- bounds

TEST_F(OutboxTest, drop_oldest_keeps_the_newest_and_counts_what_it_drops) {
  start({.max_bytes = 1});
  for (std::uint64_t epoch = 1; epoch <= 4; ++epoch) outbox->push(own_rows(epoch, 10));
  EXPECT_EQ(outbox->status().waiting_rows, 10U);
  EXPECT_EQ(outbox->status().dropped_rows, 30U);
  EXPECT_FALSE(outbox->full());
  EXPECT_THAT(drain(), ElementsAre(4));
}

TEST_F(OutboxTest, what_is_being_delivered_is_not_dropped) {
  start({.max_bytes = 2 * bytes_of(own_rows(1, 10)) + 10});
  outbox->push(own_rows(1, 10));
  const Outbox::Taken taken = outbox->take();
  for (std::uint64_t epoch = 2; epoch <= 4; ++epoch) outbox->push(own_rows(epoch, 10));
  EXPECT_EQ(outbox->status().dropped_rows, 20U);
  outbox->stored_through(taken.batch->id);
  EXPECT_THAT(drain(), ElementsAre(4));
}

TEST_F(OutboxTest, block_keeps_everything_says_full_and_tells_when_there_is_room) {
  start({.max_bytes = 1, .when_full = WhenFull::block});
  EXPECT_FALSE(outbox->full());
  for (std::uint64_t epoch = 1; epoch <= 4; ++epoch) outbox->push(own_rows(epoch, 10));
  EXPECT_TRUE(outbox->full());
  EXPECT_EQ(outbox->status().dropped_rows, 0U);
  EXPECT_EQ(rooms, 0);
  EXPECT_THAT(drain(), ElementsAre(4));
  EXPECT_EQ(rooms, 1);
  EXPECT_TRUE(outbox->take_delivered());
  EXPECT_FALSE(outbox->full());
}

TEST_F(OutboxTest, drop_oldest_keeps_its_bound_beside_what_is_being_delivered) {
  start({.max_bytes = 100'000});
  std::uint64_t most = 0, epoch = 0;
  for (int deliveries = 0; deliveries < 20; ++deliveries) {
    while (++epoch % 100 != 0) {
      outbox->push(own_rows(epoch, 40));
      most = std::max<std::uint64_t>(most, outbox->status().memory_bytes);
    }
    ASSERT_TRUE(outbox->take().batch);  // and does not get it stored
  }
  EXPECT_GT(most, 40'000U) << "rows take more on disk, which counts";
  EXPECT_LE(most, 110'000U);
}

TEST_F(OutboxTest, sink_that_fails_holds_nothing_beyond_the_bound) {
  start({.max_bytes = 100'000});
  outbox->push(own_rows(1, 5000));
  EXPECT_EQ(outbox->status().waiting_rows, 5000U) << "a sink that takes it gets it whole";
  ASSERT_TRUE(outbox->take().batch);
  outbox->push(own_rows(2, 5000));
  outbox->put_back();
  for (std::uint64_t epoch = 2; epoch <= 4; ++epoch) {
    EXPECT_LE(outbox->status().memory_bytes, 100'000U);
    EXPECT_GT(outbox->status().waiting_rows, 200U);
    EXPECT_EQ(outbox->status().waiting_rows + outbox->status().dropped_rows, epoch * 5000);
    outbox->push(own_rows(epoch + 1, 5000));
    ASSERT_FALSE(outbox->spill(latest_epoch));
    EXPECT_LE(outbox->status().memory_bytes + outbox->status().spilled_bytes, 100'000U);
  }
  EXPECT_THAT(drain(), ElementsAre(5));
  outbox->push(own_rows(6, 5000));
  EXPECT_EQ(outbox->status().waiting_rows, 5000U);
}

TEST_F(OutboxTest, epoch_that_a_sink_holds_for_long_leaves_a_quarter_of_the_bound) {
  start({.max_bytes = 100'000});
  outbox->push(own_rows(1, 5000));
  const std::size_t one_epoch = outbox->status().memory_bytes;
  ASSERT_TRUE(outbox->take().batch);
  for (std::uint64_t epoch = 2; epoch <= 5; ++epoch) {
    outbox->push(own_rows(epoch, 5000));
    EXPECT_LE(outbox->status().memory_bytes, one_epoch + 25'000);
    EXPECT_GT(outbox->status().waiting_rows, 5100U);
  }
}

TEST_F(OutboxTest, what_was_put_back_is_dropped_first_and_its_segments_go) {
  start({.max_bytes = 256 * 1024, .max_memory = 10'000});
  std::size_t most = 0;
  for (std::uint64_t epoch = 1; epoch <= 3000; ++epoch) {
    outbox->push(own_rows(epoch, 5));
    if (epoch == 10) {
      ASSERT_TRUE(outbox->take().batch);
      outbox->put_back();
    }
    ASSERT_FALSE(outbox->spill_excess());
    most = std::max(most, disk->bytes());
  }
  EXPECT_LE(most, 256 * 1024U + 2 * 32 * 1024U);
}

TEST_F(OutboxTest, names_count_with_what_they_take_on_disk) {
  std::vector<RowText> rows;
  for (std::int64_t i = 0; i < 100; ++i) {
    auto named = std::make_shared<Series>(*series(numbered("s", i)));
    named->labels = {{"place", std::string(1000, 'x')}};
    rows.push_back({named, 0, 1, {1, 1}});
  }
  start({.max_bytes = 1'000'000, .when_full = WhenFull::block});
  const std::uint64_t before = outbox->room();
  outbox->push(batch(1, rows));
  EXPECT_LT(outbox->room(), before / 2);
  for (std::uint64_t epoch = 2; !outbox->full(); ++epoch) outbox->push(batch(epoch, rows));
  ASSERT_FALSE(outbox->spill(latest_epoch));
  EXPECT_LE(outbox->status().memory_bytes + outbox->status().spilled_bytes, 1'110'000U);
}

TEST_F(OutboxTest, sketches_of_rows_count_and_come_back_from_disk) {
  start();
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) {
    RowBatch rows = own_rows(epoch, 2);
    if (epoch == 2) rows.windows[0].rows[1].sketch = std::make_shared<const std::string>(50'000, 's');
    outbox->push(rows);
  }
  EXPECT_GT(outbox->status().memory_bytes, 50'000U);
  ASSERT_FALSE(outbox->spill(latest_epoch));
  EXPECT_GT(outbox->status().spilled_bytes, 50'000U);
  const SpillExtent extent = outbox->spilled();
  start({}, extent);
  std::size_t sketches = 0, rows = 0;
  while (const auto taken = outbox->take().batch) {
    for (const WindowRows& window : taken->windows) {
      for (const SinkRow& row : window.rows) {
        ++rows;
        if (row.sketch) sketches += *row.sketch == std::string(50'000, 's') ? 1 : 100;
      }
    }
    outbox->stored_through(taken->id);
  }
  EXPECT_EQ(rows, 6U);
  EXPECT_EQ(sketches, 1U);
}

TEST_F(OutboxTest, copies_in_memory_of_what_is_on_disk_do_not_pass_the_bound) {
  traits.kind = SinkKind::stream;
  start({.max_bytes = 100'000, .when_full = WhenFull::block});
  for (std::uint64_t epoch = 1; !outbox->full(); ++epoch) outbox->push(own_rows(epoch, 40));
  ASSERT_FALSE(outbox->spill(latest_epoch));
  EXPECT_LE(outbox->status().memory_bytes + outbox->status().spilled_bytes, 105'000U);
}

// A replay would bring it again.
TEST_F(OutboxTest, what_is_delivered_counts_for_block_until_the_journal_knows_how_far_the_sink_is) {
  start({.max_bytes = 100'000, .when_full = WhenFull::block});
  EXPECT_EQ(outbox->take_delivered(), std::nullopt);
  std::uint64_t epoch = 0;
  std::optional<EpochId> told;
  std::uint64_t least = outbox->room();
  while (!told) {
    outbox->push(own_rows(++epoch, 20));
    drain();
    least = std::min(least, outbox->room());
    told = outbox->take_delivered();
  }
  EXPECT_GT(epoch, 3U);
  EXPECT_EQ(told, (EpochId{1, epoch}));
  EXPECT_LT(least, outbox->room() * 7 / 8 + 2000);
  EXPECT_EQ(outbox->room(), outbox->capacity());
  start({.max_bytes = 100'000, .when_full = WhenFull::block});
  for (std::uint64_t again = 1; again <= epoch; ++again) outbox->push(own_rows(again, 20));
  outbox->already_stored(*told);
  EXPECT_TRUE(outbox->empty());
  EXPECT_EQ(outbox->room(), outbox->capacity()) << "the journal knows it";
}

TEST_F(OutboxTest, rows_that_will_come_count_for_block_before_they_are_here) {
  start({.max_bytes = 100'000, .when_full = WhenFull::block});
  EXPECT_EQ(outbox->room(), 50'000U) << "rows may take twice as much on disk as in memory";
  const std::size_t bytes = bytes_of(own_rows(1, 500));
  outbox->expect(own_rows(1, 500));
  EXPECT_EQ(outbox->room(), (100'000U - bytes) / 2);
  outbox->expect(own_rows(2, 1500));
  EXPECT_TRUE(outbox->full());
  EXPECT_EQ(outbox->room(), 0U);
  outbox->push(own_rows(1, 500));
  EXPECT_TRUE(outbox->full());
  drain();
  EXPECT_TRUE(outbox->full()) << "the second one is still to come";
}

TEST_F(OutboxTest, bound_holds_for_memory_and_disk_together) {
  start({.max_bytes = 100'000, .max_memory = 10'000});
  for (std::uint64_t epoch = 1; epoch <= 5000; ++epoch) {
    outbox->push(own_rows(epoch));
    if (spills_wanted > 0) {
      EXPECT_FALSE(outbox->spill_excess());
    }
    spills_wanted = 0;
    EXPECT_LE(outbox->status().spilled_bytes, 100'000U);
    EXPECT_LE(outbox->status().memory_bytes, 20'000U);
  }
  const OutboxStatus status = outbox->status();
  EXPECT_GT(status.spilled_bytes, 50'000U);
  EXPECT_EQ(status.dropped_rows + status.waiting_rows, 5000U);
  drain();
  EXPECT_EQ(table.size(), status.waiting_rows);
  EXPECT_EQ(table.rbegin()->first, std::make_tuple(std::size_t{0}, std::string("s0"), std::int64_t{5000}));
}

TEST_F(OutboxTest, memory_is_bounded_by_64_mib_when_the_disk_cannot_be_written) {
  const RowText row{series("a"), 0, 1, {1, 1}};
  RowBatch large = batch(1, std::vector<RowText>(60'000, row));
  for (const WhenFull policy : {WhenFull::drop_oldest, WhenFull::block}) {
    start({.when_full = policy});
    disk->fail_at(1, EROFS, true);
    for (std::uint64_t epoch = 1; epoch <= 40 && !outbox->full(); ++epoch) {
      large.id.epoch = epoch;
      outbox->push(large);
    }
    EXPECT_TRUE(outbox->spill_excess());
    EXPECT_LE(outbox->status().memory_bytes, 68U << 20);
    EXPECT_GE(outbox->status().memory_bytes, 60U << 20);
    EXPECT_EQ(outbox->full(), policy == WhenFull::block);
    EXPECT_EQ(outbox->status().dropped_rows > 0, policy == WhenFull::drop_oldest);
    disk->fail_at(0, 0);
  }
}

// ---- on disk

TEST_F(OutboxTest, spilled_rows_go_out_of_memory_and_come_back_equal_and_in_order) {
  start({.max_memory = 50'000});
  for (std::uint64_t epoch = 1; epoch <= 100; ++epoch) {
    outbox->push(own_rows(epoch, 20));
    if (spills_wanted > 0) {
      EXPECT_FALSE(outbox->spill_excess());
    }
    spills_wanted = 0;
    EXPECT_LE(outbox->status().memory_bytes, 60'000U);
  }
  EXPECT_GT(outbox->status().spilled_rows, 1000U);
  EXPECT_EQ(outbox->status().waiting_rows, 2000U);
  const std::vector<std::uint64_t> epochs = drain();
  EXPECT_TRUE(std::is_sorted(epochs.begin(), epochs.end()));
  EXPECT_EQ(table, expected(100, 20));
  EXPECT_EQ(outbox->status().spilled_bytes, 0U);
}

TEST_F(OutboxTest, spill_is_wanted_once_and_again_only_when_memory_has_grown) {
  start({.max_memory = 50'000});
  std::uint64_t epoch = 0;
  while (spills_wanted == 0) outbox->push(own_rows(++epoch, 20));
  const std::size_t first = outbox->status().memory_bytes;
  EXPECT_GT(first, 50'000U);
  for (int i = 0; i < 10; ++i) outbox->push(own_rows(++epoch, 20));
  EXPECT_EQ(spills_wanted, 1);
  disk->fail_at(1, ENOSPC, true);
  EXPECT_TRUE(outbox->spill_excess());
  const std::size_t failed = outbox->status().memory_bytes;
  while (spills_wanted == 1) outbox->push(own_rows(++epoch, 20));
  EXPECT_GT(outbox->status().memory_bytes, failed + 50'000 / 5);
  disk->fail_at(0, 0);
  EXPECT_FALSE(outbox->spill_excess());
  EXPECT_LT(outbox->status().memory_bytes, 50'000U);
}

TEST_F(OutboxTest, memory_within_its_bound_spills_nothing_and_an_error_stays_reported) {
  start({.max_memory = 50'000});
  for (std::uint64_t epoch = 1; epoch <= 200; ++epoch) outbox->push(own_rows(epoch));
  EXPECT_GT(outbox->status().memory_bytes, 30'000U);
  disk->fail_at(1, ENOSPC);
  EXPECT_TRUE(outbox->spill(latest_epoch));
  const std::uint64_t before = disk->operations();
  EXPECT_FALSE(outbox->spill_excess());
  EXPECT_EQ(disk->operations(), before);
  EXPECT_THAT(outbox->status().error, HasSubstr("No space"));
}

TEST_F(OutboxTest, revisions_of_a_row_that_wait_together_are_written_once) {
  start();
  for (std::uint64_t epoch = 1; epoch <= 60; ++epoch) {
    outbox->push(rows_of({1, epoch}, 0, 10, static_cast<std::uint32_t>(epoch)));
  }
  ASSERT_FALSE(outbox->spill(latest_epoch));
  EXPECT_EQ(outbox->status().spilled_rows, 10U);
  EXPECT_LT(disk->bytes(), 1500U);
  EXPECT_THAT(drain(), ElementsAre(60));
  EXPECT_EQ(table.begin()->second.back(), 60);
}

TEST_F(OutboxTest, checkpoint_finds_everything_up_to_its_epoch_on_disk_after_a_power_cut) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    start();
    for (std::uint64_t epoch = 1; epoch <= 20; ++epoch) outbox->push(own_rows(epoch, 3));
    ASSERT_FALSE(outbox->spill({1, 15}));
    const SpillExtent extent = outbox->spilled();
    disk->crash(seed);
    start({}, extent);
    EXPECT_EQ(recovered_newest, (EpochId{1, 15}));
    EXPECT_EQ(outbox->status().waiting_rows, 45U);
    EXPECT_EQ(outbox->status().lost.records, 0U);
    for (std::uint64_t epoch = 14; epoch <= 20; ++epoch) outbox->push(own_rows(epoch, 3));  // replayed
    drain();
    EXPECT_EQ(table, expected(20, 3));
    reset();
  }
}

TEST_F(OutboxTest, what_is_being_delivered_while_it_is_spilled_is_not_delivered_again) {
  start();
  for (std::uint64_t epoch = 1; epoch <= 2; ++epoch) outbox->push(own_rows(epoch));
  const Outbox::Taken taken = outbox->take();
  outbox->push(own_rows(3));
  ASSERT_FALSE(outbox->spill(latest_epoch));
  outbox->stored_through(taken.batch->id);
  EXPECT_EQ(outbox->status().waiting_rows, 1U);
  EXPECT_EQ(outbox->take().batch->row_count(), 1U);
}

TEST_F(OutboxTest, what_was_delivered_is_neither_written_nor_needed_after_a_restart) {
  start();
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) outbox->push(own_rows(epoch));
  ASSERT_FALSE(outbox->spill({1, 2}));  // one record
  outbox->stored_through({1, 2});
  EXPECT_EQ(outbox->spilled().first_record, 2U);
  ASSERT_FALSE(outbox->spill({1, 3}));
  EXPECT_EQ(outbox->spilled().first_record, 2U);
  start({}, {.first_record = 2});
  EXPECT_THAT(drain(), ElementsAre(3));
  EXPECT_EQ(outbox->spilled().first_record, 3U);
  start({}, {.first_record = 3});
  EXPECT_EQ(recovered_newest, std::nullopt);
  EXPECT_TRUE(outbox->empty());
  start();  // without a checkpoint
  EXPECT_EQ(outbox->status().waiting_rows, 3U);
}

TEST_F(OutboxTest, numbers_of_records_go_on_where_the_checkpoint_says_also_without_a_file) {
  start({}, {.first_record = 57});
  outbox->push(own_rows(1));
  ASSERT_FALSE(outbox->spill(latest_epoch));
  EXPECT_EQ(outbox->spilled().first_record, 57U);
  start({}, {.first_record = 57});
  EXPECT_THAT(drain(), ElementsAre(1));
  start({}, {.first_record = 99});  // the files are older than the checkpoint
  EXPECT_EQ(outbox->spilled().first_record, 99U);
}

TEST_F(OutboxTest, segments_are_removed_when_all_of_them_was_delivered) {
  start({.max_memory = 100'000});
  for (std::uint64_t epoch = 1; epoch <= 120; ++epoch) {
    outbox->push(own_rows(epoch, 500));
    ASSERT_FALSE(outbox->spill_excess());
  }
  const std::size_t segments = disk->paths().size();
  EXPECT_GE(segments, 3U);
  for (int i = 0; i < 9; ++i) {
    const Outbox::Taken taken = outbox->take();
    store(table, *taken.batch);
    outbox->stored_through(taken.batch->id);
  }
  ASSERT_FALSE(outbox->spill({1, 1}));
  EXPECT_LT(disk->paths().size(), segments);
  drain();
  ASSERT_FALSE(outbox->spill({1, 1}));
  EXPECT_EQ(disk->paths().size(), 2U);  // the one that is written, and the sign that others are removed
  EXPECT_EQ(table, expected(120, 500));
}

// A power cut may leave later writes and take earlier ones, which then only the journal has.
TEST_F(OutboxTest, epochs_between_others_come_back_in_their_place_by_the_replay) {
  SpillLog log(*disk, spill_location("state", "pg"));
  ASSERT_TRUE(std::holds_alternative<Recovered>(log.recover({}, 1)));
  for (const std::uint64_t epoch : {2, 4})
    log.add({1, epoch}, rows_of({1, epoch}, 0, 1, static_cast<std::uint32_t>(epoch)), minute_window());
  ASSERT_FALSE(log.commit().error);
  traits.kind = SinkKind::stream;
  start();
  for (std::uint64_t epoch = 1; epoch <= 5; ++epoch) {
    outbox->push(rows_of({1, epoch}, 0, 1, static_cast<std::uint32_t>(epoch)));
  }
  ASSERT_FALSE(outbox->spill({1, 3}));
  EXPECT_EQ(outbox->spilled().first_record, 1U);
  EXPECT_THAT(drain(), ElementsAre(1, 2, 3, 4, 5));
}

// ---- what fails

TEST_F(OutboxTest, failed_write_or_sync_keeps_rows_in_memory_says_so_and_a_later_spill_mends_it) {
  for (const bool sticky : {false, true}) {
    for (const int error : {ENOSPC, EIO, EROFS}) {
      bool untouched = false;
      for (std::uint64_t n = 1; !untouched; ++n) {
        SCOPED_TRACE("operation " + std::to_string(n) + (sticky ? " and all after it" : ""));
        reset();
        start();
        for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) outbox->push(own_rows(epoch, 3));
        const std::uint64_t before = disk->operations();
        disk->fail_at(n, error, sticky);
        const std::error_code failed = outbox->spill({1, 2});
        untouched = disk->operations() < before + n;
        EXPECT_EQ(failed.value(), untouched ? 0 : error);
        EXPECT_EQ(outbox->status().error.empty(), untouched);
        EXPECT_EQ(outbox->status().spilled_rows, untouched ? 6U : 0U);
        disk->fail_at(0, 0);
        ASSERT_FALSE(outbox->spill({1, 3}));
        EXPECT_EQ(outbox->status().error, "");
        disk->crash();
        start({}, {.first_record = 1});
        drain();
        EXPECT_EQ(table, expected(3, 3));
        EXPECT_EQ(outbox->status().lost.records, 0U);
      }
    }
  }
}

TEST_F(OutboxTest, damaged_record_is_counted_at_the_start_and_the_others_are_delivered) {
  traits.kind = SinkKind::stream;
  start();
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) outbox->push(own_rows(epoch));
  ASSERT_FALSE(outbox->spill(latest_epoch));
  flip_byte(disk->paths().at(0), disk->bytes() / 2);
  traits.kind = SinkKind::table;
  start({}, {.first_record = 1});
  EXPECT_EQ(outbox->status().lost.records, 1U);
  EXPECT_THAT(drain(), ElementsAre(3));
  EXPECT_EQ(table.size(), 2U);
}

// What a checkpoint says of the outbox, once so many epochs of one row each are spilled, each as a record.
SpillExtent OutboxTest::spill_records(std::uint64_t epochs) {
  traits.kind = SinkKind::stream;
  start();
  for (std::uint64_t epoch = 1; epoch <= epochs; ++epoch) outbox->push(own_rows(epoch));
  EXPECT_FALSE(outbox->spill(latest_epoch));
  return outbox->spilled();
}

TEST_F(OutboxTest, outbox_that_is_missing_is_counted_with_its_rows_and_epochs) {
  const SpillExtent extent = spill_records(3);
  ASSERT_FALSE(disk->remove(disk->paths().at(0)));
  start({}, extent);
  const SpillLoss lost = outbox->status().lost;
  EXPECT_EQ(lost.records, 3U);
  EXPECT_EQ(lost.rows, 3U);
  EXPECT_EQ(lost.last, (EpochId{1, 3}));
  outbox->push(own_rows(4));
  ASSERT_FALSE(outbox->spill(latest_epoch));
  start({}, outbox->spilled());
  EXPECT_EQ(outbox->status().lost.records, 0U) << "it was said once";
  EXPECT_THAT(drain(), ElementsAre(4));
}

TEST_F(OutboxTest, outbox_that_was_cut_at_its_end_is_counted_wherever_it_was_cut) {
  const SpillExtent extent = spill_records(3);
  const std::string path = disk->paths().at(0), whole = disk->content(path);
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    disk->set_content(path, whole.substr(0, length));
    start({}, extent);
    const SpillLoss lost = outbox->status().lost;
    EXPECT_EQ(lost.records + outbox->status().waiting_rows, 3U) << length;
    EXPECT_EQ(lost.rows, lost.records);
    EXPECT_EQ(lost.last, lost.records > 0 ? (EpochId{1, 3}) : EpochId{});
    EXPECT_EQ(lost.after.epoch, lost.records > 0 ? 3 - lost.records : 0);
  }
}

TEST_F(OutboxTest, what_a_replay_brings_again_is_not_a_loss) {
  SpillExtent extent = spill_records(2);
  for (std::uint64_t epoch = 3; epoch <= 6; ++epoch) outbox->push(own_rows(epoch));
  ASSERT_FALSE(outbox->spill(latest_epoch));
  const std::string path = disk->paths().at(0), whole = disk->content(path);
  for (const std::uint64_t cut : {1U, 100U}) {
    disk->set_content(path, whole.substr(0, whole.size() - cut));
    start({}, extent);
    for (std::uint64_t epoch = 3; epoch <= 6; ++epoch) outbox->push(own_rows(epoch));
    EXPECT_EQ(outbox->status().lost.records, 0U);
    EXPECT_EQ(outbox->status().waiting_rows, 6U);
  }
}

TEST_F(OutboxTest, what_was_delivered_and_removed_is_not_a_loss_and_what_somebody_else_removed_is) {
  traits.kind = SinkKind::stream;
  const OutboxOptions options{.max_bytes = 256 * 1024, .max_memory = 1};
  start(options);
  for (std::uint64_t epoch = 1; epoch <= 100; ++epoch) {
    outbox->push(own_rows(epoch, 20));
    ASSERT_FALSE(outbox->spill_excess());
  }
  const SpillExtent at_checkpoint = outbox->spilled();
  const std::size_t segments = disk->paths().size();
  ASSERT_GT(segments, 4U);
  for (int i = 0; i < 60; ++i) outbox->stored_through(outbox->take().batch->id);
  ASSERT_FALSE(outbox->spill(latest_epoch));
  ASSERT_LT(disk->paths().size(), segments);
  start(options, at_checkpoint);
  EXPECT_EQ(outbox->status().lost.records, 0U);
  const std::size_t waiting = outbox->status().waiting_rows;
  std::vector<std::string> paths = disk->paths();
  std::erase_if(paths, [](const std::string& path) { return !path.ends_with(".log"); });
  ASSERT_FALSE(disk->remove(*std::min_element(paths.begin(), paths.end())));
  start(options, at_checkpoint);
  EXPECT_GT(outbox->status().lost.records, 5U);
  EXPECT_EQ(outbox->status().lost.records * 20 + outbox->status().waiting_rows, waiting);
}

TEST_F(OutboxTest, rows_that_the_store_has_are_not_lost_with_the_outbox) {
  const SpillExtent extent = spill_records(3);
  ASSERT_FALSE(disk->remove(disk->paths().at(0)));
  start({}, extent);
  outbox->already_stored({1, 2});
  EXPECT_EQ(outbox->status().lost.records, 3U) << "one of them is lost";
  outbox->already_stored({1, 3});
  EXPECT_EQ(outbox->status().lost.records, 0U);
  start({}, extent);
  outbox->push(own_rows(4));
  outbox->stored_through(outbox->take().batch->id);
  outbox->already_stored({1, 4});
  EXPECT_EQ(outbox->status().lost.records, 3U) << "the store has later rows, not these";
}

TEST_F(OutboxTest, record_that_is_damaged_while_it_waits_is_counted_and_the_others_are_delivered) {
  traits.kind = SinkKind::stream;
  start({.max_memory = 1});
  for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) outbox->push(own_rows(epoch));
  ASSERT_FALSE(outbox->spill_excess());
  flip_byte(disk->paths().at(0), disk->bytes() / 2);
  EXPECT_THAT(drain(), ElementsAre(1, 3));
  EXPECT_EQ(outbox->status().lost.records, 1U);
  EXPECT_EQ(outbox->status().waiting_rows, 0U);
}

TEST_F(OutboxTest, disk_that_cannot_be_read_for_a_moment_costs_nothing) {
  bool untouched = false;
  for (std::uint64_t n = 1; !untouched; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    reset();
    start({.max_memory = 1});
    for (std::uint64_t epoch = 1; epoch <= 12; ++epoch) {
      outbox->push(own_rows(epoch, 1000));
      ASSERT_FALSE(outbox->spill_excess());
    }
    const std::uint64_t before = disk->operations();
    disk->fail_at(n, EIO);
    drain();
    untouched = disk->operations() < before + n;
    disk->fail_at(0, 0);
    EXPECT_EQ(table, expected(12, 1000));
    EXPECT_EQ(outbox->status().lost.records, 0U);
  }
}

TEST_F(OutboxTest, disk_that_cannot_be_read_for_long_costs_what_is_on_it_and_no_more) {
  start({.max_memory = 1});
  outbox->push(own_rows(1));
  ASSERT_FALSE(outbox->spill_excess());
  outbox->push(own_rows(2));
  disk->fail_at(1, EIO, true);
  int errors = 0;
  for (Outbox::Taken taken = outbox->take(); !taken.batch; taken = outbox->take()) {
    EXPECT_THAT(taken.error, HasSubstr("state/outbox"));
    ASSERT_LT(++errors, 100);
  }
  EXPECT_GT(errors, 1);
  EXPECT_THAT(drain(), ElementsAre(2));
  EXPECT_EQ(outbox->status().lost.records, 1U);
}

TEST_F(OutboxTest, files_of_a_newer_version_refuse_the_start_and_stay) {
  const LogLocation location = spill_location("state", "pg");
  auto newer = encode(SegmentHeader{2, LogKind::outbox, 7, 1});
  auto known = encode(SegmentHeader{1, LogKind::outbox, 7, 1});
  std::string unknown_type(record_head_bytes, '\0');
  seal_record(unknown_type, 0, 9, 1);
  const std::pair<std::string, std::string> cases[] = {
      {std::string(newer.begin(), newer.end()), "use a newer edgetide"},
      {std::string(known.begin(), known.end()) + unknown_type, "use a newer one"},
  };
  for (const auto& [content, text] : cases) {
    disk->set_content(location.path_of(1), content);
    create();
    const auto recovered = outbox->recover({}, 1);
    ASSERT_TRUE(std::holds_alternative<LogRefusal>(recovered)) << text;
    EXPECT_THAT(std::get<LogRefusal>(recovered).text, HasSubstr(text));
    EXPECT_EQ(disk->content(location.path_of(1)), content);
  }
}

TEST_F(OutboxTest, files_that_are_not_ours_are_set_aside) {
  const LogLocation location = spill_location("state", "pg");
  auto other = encode(SegmentHeader{1, LogKind::journal, 7, 1});
  for (const std::string& content : {std::string(100, 'x'), std::string(other.begin(), other.end())}) {
    disk->set_content(location.path_of(1), content);
    create();
    ASSERT_TRUE(std::holds_alternative<std::optional<EpochId>>(outbox->recover({}, 1)));
    EXPECT_EQ(disk->content(location.path_of(1) + ".damaged"), content);
  }
}

TEST_F(OutboxTest, rows_of_a_window_that_the_sink_has_no_more_are_counted_and_the_rest_is_delivered) {
  create({}, {{"hour", {{"max", false}}}, {"minute", {{"count", true}, {"avg", false}}}});
  ASSERT_TRUE(std::holds_alternative<std::optional<EpochId>>(outbox->recover({}, 1)));
  RowBatch both = batch(1, {{series("a"), 0, 1, {1, 10}}}, 1);
  both.windows.insert(both.windows.begin(),
                      batch(1, {{series("a"), 0, 1, {9}}, {series("b"), 0, 1, {8}}}, 0).windows[0]);
  outbox->push(both);
  ASSERT_FALSE(outbox->spill(latest_epoch));
  start({}, {.first_record = 1});  // with the minute alone
  EXPECT_THAT(drain(), ElementsAre(1));
  EXPECT_EQ(table, (StoredRows{{{0, "a", 0}, {1, 10, 1}}}));
  EXPECT_EQ(outbox->status().dropped_rows, 2U);
}

// ---- another sink of the same name

TEST_F(OutboxTest, successor_goes_on_with_what_was_not_delivered_in_memory_and_on_disk) {
  start();
  outbox->push(own_rows(1));
  ASSERT_FALSE(outbox->spill(latest_epoch));
  outbox->push(own_rows(2));
  const std::unique_ptr<Outbox> former = std::move(outbox);
  create();
  outbox->adopt(*former);
  EXPECT_EQ(outbox->status().waiting_rows, 2U);
  outbox->push(own_rows(2));
  outbox->push(own_rows(3));
  ASSERT_FALSE(outbox->spill(latest_epoch));
  drain();
  EXPECT_EQ(table, expected(3));
}

TEST_F(OutboxTest, successor_with_other_columns_reads_what_was_spilled_by_name_and_counts_what_was_not) {
  start();
  outbox->push(own_rows(1, 2));
  ASSERT_FALSE(outbox->spill(latest_epoch));
  outbox->push(own_rows(2, 3));
  const std::unique_ptr<Outbox> former = std::move(outbox);
  create({}, {{"other", {}}, {"minute", {{"avg", false}, {"count", true}}}});
  outbox->adopt(*former);
  EXPECT_EQ(outbox->status().dropped_rows, 3U);
  EXPECT_THAT(drain(), ElementsAre(1));
  EXPECT_EQ(table.at({1, "s0", 1}), (std::vector<double>{1, 1, 1}));
  EXPECT_EQ(table.size(), 2U);
}

}  // namespace
}  // namespace edgetide::test
