#include "daemon/storage/posix_file_system.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>

#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/other_kind.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {
namespace {

// What both must do alike, so that tests on the fake say something of the machine.
class FileSystemTest : public testing::TestWithParam<bool> {
 protected:
  FileSystem& files() { return GetParam() ? static_cast<FileSystem&>(memory_) : posix_; }
  std::string content(const std::string& path) {
    const auto file = files().open(path, FileAccess::read);
    if (file.error) return "error: " + file.error.message();
    std::string bytes(100, '?');
    bytes.resize(file.value->read(0, bytes).value);
    return bytes;
  }

  TemporaryFolder folder_;
  PosixFileSystem posix_;
  MemoryFileSystem memory_;
};

TEST_P(FileSystemTest, writes_go_to_their_offset_and_reads_end_with_the_file) {
  const std::string path = folder_ / "a";
  const auto file = files().open(path, FileAccess::create_new);
  ASSERT_FALSE(file.error);
  EXPECT_FALSE(file.value->write(0, "hello world"));
  EXPECT_FALSE(file.value->write(6, "there"));
  EXPECT_FALSE(file.value->write(13, "!"));
  EXPECT_FALSE(file.value->sync());
  EXPECT_FALSE(files().sync_folder(folder_ / ""));
  EXPECT_EQ(file.value->size().value, 14U);
  EXPECT_EQ(content(path), std::string("hello there\0\0!", 14));
  std::string beyond(10, '?');
  EXPECT_EQ(file.value->read(12, beyond).value, 2U);
  EXPECT_EQ(file.value->read(50, beyond).value, 0U);
  EXPECT_FALSE(file.value->truncate(5));
  EXPECT_EQ(content(path), "hello");
}

TEST_P(FileSystemTest, preallocation_changes_no_size) {
  const auto file = files().open(folder_ / "a", FileAccess::create_new);
  const std::error_code error = file.value->preallocate(1 << 20);
  EXPECT_TRUE(!error || error == std::errc::operation_not_supported) << error.message();
  EXPECT_EQ(file.value->size().value, 0U);
}

TEST_P(FileSystemTest, errors_are_values) {
  const std::string path = folder_ / "a";
  EXPECT_EQ(files().open(path, FileAccess::read).error, std::errc::no_such_file_or_directory);
  EXPECT_EQ(files().open(path, FileAccess::update).error, std::errc::no_such_file_or_directory);
  EXPECT_EQ(files().remove(path), std::errc::no_such_file_or_directory);
  EXPECT_EQ(files().rename(path, path + "b"), std::errc::no_such_file_or_directory);
  EXPECT_EQ(files().list(folder_ / "none").error, std::errc::no_such_file_or_directory);
  ASSERT_FALSE(files().open(path, FileAccess::create_new).error);
  EXPECT_EQ(files().open(path, FileAccess::create_new).error, std::errc::file_exists);
  EXPECT_EQ(files().open(path, FileAccess::read).value->write(0, "x"), std::errc::bad_file_descriptor);
}

TEST_P(FileSystemTest, names_are_listed_renamed_and_removed) {
  const std::string folder = folder_ / "sub";
  EXPECT_FALSE(files().make_folder(folder));
  EXPECT_FALSE(files().make_folder(folder));
  ASSERT_FALSE(files().open(folder + "/a", FileAccess::create_new).value->write(0, "a"));
  ASSERT_FALSE(files().open(folder + "/b", FileAccess::create_new).value->write(0, "b"));
  EXPECT_FALSE(files().rename(folder + "/a", folder + "/b"));
  EXPECT_EQ(files().list(folder).value, std::vector<std::string>{"b"});
  EXPECT_EQ(content(folder + "/b"), "a");
  EXPECT_FALSE(files().remove(folder + "/b"));
  EXPECT_TRUE(files().list(folder).value.empty());
}

TEST_P(FileSystemTest, lock_is_held_by_one_at_a_time) {
  auto first = files().lock(folder_ / "lock");
  ASSERT_FALSE(first.error);
  EXPECT_EQ(files().lock(folder_ / "lock").error, std::errc::operation_would_block);
  first.value.reset();
  EXPECT_FALSE(files().lock(folder_ / "lock").error);
}

INSTANTIATE_TEST_SUITE_P(Both, FileSystemTest, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "memory" : "posix"; });

TEST(PosixFileSystem, what_is_not_a_regular_file_is_not_opened_and_not_waited_for) {
  const TemporaryFolder folder;
  PosixFileSystem files;
  for (const OtherKind kind : other_kinds) {
    const std::string path = folder / "other" + std::to_string(static_cast<int>(kind));
    make_other_kind(path, kind);
    for (const FileAccess access : {FileAccess::read, FileAccess::update}) {
      EXPECT_EQ(files.open(path, access).error, std::errc::invalid_argument) << path;
    }
  }
}

TEST(PosixFileSystem, files_are_for_the_owner_and_its_group_only) {
  const TemporaryFolder folder;
  PosixFileSystem files;
  ASSERT_FALSE(files.make_folder(folder / "sub"));
  ASSERT_FALSE(files.open(folder / "sub/a", FileAccess::create_new).error);
  struct stat status {};
  ASSERT_EQ(stat((folder / "sub/a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07U, 0U);
  ASSERT_EQ(stat((folder / "sub").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07U, 0U);
}

// The promises of the fake itself.
TEST(MemoryFileSystem, crash_keeps_synced_bytes_under_synced_names) {
  MemoryFileSystem files;
  const auto file = files.open("d/a", FileAccess::create_new);
  ASSERT_FALSE(file.value->write(0, "safe"));
  ASSERT_FALSE(file.value->sync());
  ASSERT_FALSE(files.sync_folder("d"));
  ASSERT_FALSE(file.value->write(4, " lost"));
  ASSERT_FALSE(files.open("d/b", FileAccess::create_new).value->sync());
  ASSERT_FALSE(files.rename("d/a", "d/c"));
  files.crash();
  EXPECT_EQ(files.paths(), std::vector<std::string>{"d/a"});
  EXPECT_EQ(files.content("d/a"), "safe");
  EXPECT_EQ(file.value->write(0, "x"), std::errc::bad_file_descriptor);
}

TEST(MemoryFileSystem, seeded_crash_tears_writes_and_keeps_the_order_of_names) {
  bool torn = false, zeros = false, renamed = false;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    MemoryFileSystem files;
    const auto file = files.open("d/a", FileAccess::create_new);
    ASSERT_FALSE(files.sync_folder("d"));
    ASSERT_FALSE(file.value->write(0, std::string(100, 'x')));
    ASSERT_FALSE(files.rename("d/a", "d/b"));
    files.crash(seed);
    ASSERT_EQ(files.paths().size(), 1U);
    const std::string path = files.paths()[0], bytes = files.content(path);
    const std::size_t written = static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), 'x'));
    EXPECT_EQ(bytes.substr(0, written), std::string(written, 'x'));
    renamed = renamed || path == "d/b";
    torn = torn || (bytes.size() > 0 && bytes.size() < 100);
    zeros = zeros || written < bytes.size();
  }
  EXPECT_TRUE(torn && zeros && renamed);
}

TEST(MemoryFileSystem, failed_sync_makes_what_it_was_for_unsafe_for_ever) {
  MemoryFileSystem files;
  const auto file = files.open("d/a", FileAccess::create_new);
  ASSERT_FALSE(files.sync_folder("d"));
  ASSERT_FALSE(file.value->write(0, "lost"));
  files.fail_at(1, EIO);
  EXPECT_EQ(file.value->sync(), std::errc::io_error);
  EXPECT_FALSE(file.value->sync());
  EXPECT_EQ(files.content("d/a"), "lost");
  files.crash();
  EXPECT_EQ(files.content("d/a"), "");
}

TEST(MemoryFileSystem, operations_fail_once_or_from_then_on) {
  MemoryFileSystem files;
  files.fail_at(2, ENOSPC);
  EXPECT_FALSE(files.make_folder("d"));
  EXPECT_EQ(files.make_folder("d"), std::errc::no_space_on_device);
  EXPECT_FALSE(files.make_folder("d"));
  files.fail_at(1, EIO, true);
  EXPECT_EQ(files.make_folder("d"), std::errc::io_error);
  EXPECT_EQ(files.make_folder("d"), std::errc::io_error);
  files.fail_at(0, 0);
  EXPECT_FALSE(files.make_folder("d"));
}

}  // namespace
}  // namespace edgetide::test
