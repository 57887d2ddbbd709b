#include "daemon/storage/checkpoint_store.h"

#include <gmock/gmock.h>

#include "daemon/storage/crc32c.h"
#include "pipeline/bytes.h"
#include "tests/daemon/storage/checkpoint_fixture.h"
#include "tests/fakes/memory_file_system.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string path(unsigned n) {
  return "state/checkpoint/checkpoint-000000000000000" + std::to_string(n);
}

// What a daemon that starts finds. `epoch` tells which checkpoint it is; 0: none.
struct Start {
  std::uint64_t epoch = 0;
  std::string refused;
  std::vector<std::string> warnings;
};

Start start(CheckpointStore& store) {
  auto found = store.newest();
  if (auto* const refusal = std::get_if<std::string>(&found)) return {0, *refusal, {}};
  auto& readable = std::get<CheckpointStore::Found>(found);
  return {readable.checkpoint ? readable.checkpoint->epoch : 0, {}, std::move(readable.warnings)};
}

Start start(FileSystem& files) {
  CheckpointStore store(files, "state", {});
  return start(store);
}

class CheckpointStoreTest : public testing::Test {
 protected:
  MemoryFileSystem files;
  CheckpointStore store{files, "state", {}};

  void write(std::uint64_t n) { ASSERT_FALSE(store.write(checkpoint_of(n))); }
};

TEST_F(CheckpointStoreTest, directory_without_checkpoints_has_none) {
  EXPECT_EQ(start(files).epoch, 0U);
  EXPECT_THAT(start(files).warnings, IsEmpty());
  EXPECT_EQ(store.journal_from(), 0U);
}

TEST_F(CheckpointStoreTest, newest_comes_back_and_the_last_few_are_kept) {
  for (std::uint64_t n = 1; n <= 5; ++n) {
    write(n);
    EXPECT_EQ(start(files).epoch, n);
  }
  EXPECT_THAT(files.paths(), ElementsAre(path(4), path(5)));
  CheckpointStore next(files, "state", {.keep = 3});
  EXPECT_EQ(start(next).epoch, 5U);
  for (std::uint64_t n = 6; n <= 8; ++n) ASSERT_FALSE(next.write(checkpoint_of(n)));
  EXPECT_THAT(files.paths(), ElementsAre(path(6), path(7), path(8)));
}

TEST_F(CheckpointStoreTest, journal_is_needed_from_the_oldest_kept_and_all_of_it_while_there_are_fewer) {
  EXPECT_EQ(store.journal_from(), 0U);
  write(1);
  EXPECT_EQ(store.journal_from(), 0U);
  write(2);
  EXPECT_EQ(store.journal_from(), 100U);
  write(3);
  EXPECT_EQ(store.journal_from(), 200U);

  files.set_content(path(2), "");
  CheckpointStore after(files, "state", {});
  EXPECT_EQ(start(after).epoch, 3U);
  EXPECT_EQ(after.journal_from(), 0U);
  ASSERT_FALSE(after.write(checkpoint_of(4)));
  EXPECT_EQ(after.journal_from(), 300U);
}

// Faults 16, 25: every state of the newest checkpoint, with an intact one before it and alone.
TEST_F(CheckpointStoreTest, fault_16_damaged_empty_or_foreign_newest_checkpoint_falls_back_to_the_one_before) {
  write(1);
  write(2);
  const std::string whole = files.content(path(2));
  std::string flipped = whole;
  flipped[whole.size() / 2] = static_cast<char>(flipped[whole.size() / 2] ^ 4);
  const struct {
    std::string content;
    const char* words;
  } cases[] = {
      {"", "is empty"},
      {std::string(whole.size(), '\0'), "checksum"},
      {flipped, "checksum"},
      {whole.substr(0, whole.size() - 1), "checksum"},
      {whole.substr(0, 9), "checksum"},
      {"somebody's letter", "is not a checkpoint of edgetide"},
      {std::string(300, 'Z'), "is not a checkpoint of edgetide"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.words);
    files.set_content(path(2), c.content);
    const Start with_older = start(files);
    EXPECT_EQ(with_older.epoch, 1U);
    EXPECT_EQ(with_older.refused, "");
    EXPECT_THAT(with_older.warnings, ElementsAre(HasSubstr(path(2) + ": ")));
    EXPECT_THAT(with_older.warnings, ElementsAre(HasSubstr(c.words)));

    MemoryFileSystem alone;
    alone.set_content(path(2), c.content);
    const Start without = start(alone);
    EXPECT_EQ(without.epoch, 0U);
    EXPECT_EQ(without.refused, "");
    EXPECT_THAT(without.warnings, ElementsAre(HasSubstr(c.words)));
    EXPECT_EQ(alone.content(path(2)), c.content);
  }
}

TEST_F(CheckpointStoreTest, newer_format_is_refused_in_words_and_left_alone) {
  write(1);
  std::string newer = bytes_of(checkpoint_of(2));
  newer[8] = 7;
  newer.resize(newer.size() - 4);
  ByteWriter(newer).u32(crc32c(newer));
  files.set_content(path(2), newer);
  EXPECT_EQ(start(files).refused, path(2) + ": has format 7; this edgetide reads up to 6: use a newer edgetide");
  EXPECT_EQ(files.content(path(2)), newer);
}

TEST_F(CheckpointStoreTest, file_that_may_not_be_read_is_refused_and_one_that_cannot_be_is_skipped) {
  write(1);
  write(2);
  for (std::uint64_t operation = 2; operation <= 4; ++operation) {  // open, size, read, behind the list
    files.fail_at(operation, EACCES);
    EXPECT_EQ(start(files).refused, path(2) + ": cannot be read: Permission denied");
    files.fail_at(operation, EIO);
    const Start skipped = start(files);
    EXPECT_EQ(skipped.epoch, 1U);
    EXPECT_THAT(skipped.warnings, ElementsAre(path(2) + ": cannot be read: Input/output error"));
  }
  files.fail_at(1, EACCES);
  EXPECT_THAT(start(files).refused, HasSubstr("state/checkpoint: cannot be read"));
}

TEST_F(CheckpointStoreTest, damaged_file_goes_once_enough_whole_ones_are_newer) {
  write(1);
  write(2);
  files.set_content(path(2), "");
  CheckpointStore next(files, "state", {});
  EXPECT_EQ(start(next).epoch, 1U);
  ASSERT_FALSE(next.write(checkpoint_of(3)));
  EXPECT_THAT(files.paths(), ElementsAre(path(1), path(2), path(3)));
  ASSERT_FALSE(next.write(checkpoint_of(4)));
  EXPECT_THAT(files.paths(), ElementsAre(path(3), path(4)));
}

TEST_F(CheckpointStoreTest, other_files_of_the_folder_are_none_of_ours) {
  for (const char* const name : {"checkpoint-1", "checkpoint-000000000000000G", "notes", "checkpoint.new"}) {
    files.set_content(std::string("state/checkpoint/") + name, "x");
  }
  EXPECT_EQ(start(files).refused, "");
  for (std::uint64_t n = 1; n <= 3; ++n) write(n);
  EXPECT_EQ(files.content("state/checkpoint/notes"), "x");
  EXPECT_EQ(files.content("state/checkpoint/checkpoint.new"), "");  // but this is
  EXPECT_EQ(start(files).epoch, 3U);
}

// Whatever operation fails, once or from then on: the new checkpoint is there, or the one before, and the next try
// stands.
TEST_F(CheckpointStoreTest, any_failing_operation_of_a_write_leaves_the_new_checkpoint_or_the_one_before) {
  for (const bool sticky : {false, true}) {
    bool untouched = false;
    for (std::uint64_t n = 1; !untouched; ++n) {
      SCOPED_TRACE("operation " + std::to_string(n) + (sticky ? " and all after it" : ""));
      MemoryFileSystem failing;
      CheckpointStore writer(failing, "state", {});
      for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_FALSE(writer.write(checkpoint_of(i)));
      const std::uint64_t before = failing.operations();
      failing.fail_at(n, EIO, sticky);
      const bool failed = static_cast<bool>(writer.write(checkpoint_of(4)));
      untouched = failing.operations() - before < n;
      failing.fail_at(0, 0);
      const Start found = start(failing);
      EXPECT_THAT(found.warnings, IsEmpty());
      EXPECT_GE(found.epoch, failed ? 3U : 4U);
      EXPECT_EQ(writer.journal_from(), failed ? 200U : 300U);
      ASSERT_FALSE(writer.write(checkpoint_of(5)));
      EXPECT_EQ(start(failing).epoch, 5U);
      EXPECT_EQ(failing.paths().size(), 2U);
    }
  }
}

// Dies or loses power before the n-th operation of a checkpoint has an effect that lasts.
void expect_new_or_before(std::uint64_t n, std::optional<std::uint64_t> power_cut, bool& untouched) {
  MemoryFileSystem files;
  CheckpointStore store(files, "state", {});
  for (std::uint64_t i = 1; i <= 3; ++i) ASSERT_FALSE(store.write(checkpoint_of(i, 5000)));
  const std::uint64_t before = files.operations();
  files.fail_at(n, EIO, true);
  const bool failed = static_cast<bool>(store.write(checkpoint_of(4, 5000)));
  untouched = files.operations() - before < n;
  const std::uint64_t cut = store.journal_from();
  files.fail_at(0, 0);
  power_cut ? files.crash(*power_cut) : files.forget_handles();

  CheckpointStore after(files, "state", {});
  const Start found = start(after);
  EXPECT_EQ(found.refused, "");
  EXPECT_THAT(found.warnings, IsEmpty());
  EXPECT_GE(found.epoch, failed ? 3U : 4U);
  EXPECT_LE(cut, 100 * (found.epoch - 1));  // what the one before it needs of the journal is there, too
  EXPECT_LE(after.journal_from(), 100 * (found.epoch - 1));
  ASSERT_FALSE(after.write(checkpoint_of(9)));
  EXPECT_EQ(start(files).epoch, 9U);
}

TEST_F(CheckpointStoreTest, fault_4_death_at_any_step_of_a_checkpoint_leaves_the_new_one_or_the_one_before) {
  bool untouched = false;
  for (std::uint64_t n = 1; !untouched && !HasFailure(); ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    expect_new_or_before(n, std::nullopt, untouched);
  }
}

TEST_F(CheckpointStoreTest, power_cut_at_any_step_of_a_checkpoint_leaves_the_new_one_or_the_one_before) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    bool untouched = false;
    for (std::uint64_t n = 1; !untouched && !HasFailure(); ++n) {
      SCOPED_TRACE("operation " + std::to_string(n) + " seed " + std::to_string(seed));
      expect_new_or_before(n, seed, untouched);
    }
  }
}

TEST_F(CheckpointStoreTest, fault_19_full_disk_leaves_the_old_checkpoints_whole_and_the_journal_uncut) {
  for (std::uint64_t n = 1; n <= 3; ++n) write(n);
  const std::vector<std::string> paths = files.paths();
  for (std::uint64_t operation = 3; operation <= 7; ++operation) {  // open, three writes, sync
    files.fail_at(operation, ENOSPC);
    EXPECT_EQ(store.write(checkpoint_of(4)), std::errc::no_space_on_device);
    EXPECT_EQ(files.paths(), paths) << "nothing takes the room that others need";
    EXPECT_EQ(start(files).epoch, 3U);
    EXPECT_EQ(store.journal_from(), 200U);
  }
  write(4);
  EXPECT_EQ(start(files).epoch, 4U);
  EXPECT_EQ(store.journal_from(), 300U);
}

TEST_F(CheckpointStoreTest, checkpoint_survives_the_power_cut_that_follows_it) {
  for (std::uint64_t n = 1; n <= 4; ++n) {
    write(n);
    files.crash();
    EXPECT_EQ(start(files).epoch, n);
    CheckpointStore next(files, "state", {});
    EXPECT_EQ(start(next).epoch, n);
  }
}

}  // namespace
}  // namespace edgetide::test
