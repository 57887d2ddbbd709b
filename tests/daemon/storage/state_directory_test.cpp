#include "daemon/storage/state_directory.h"

#include <gmock/gmock.h>

#include "daemon/storage/posix_file_system.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The refusal, or nothing if it opens.
std::optional<StateDirectory::Refusal> refusal_of(FileSystem& files, const std::string& path) {
  const auto opened = StateDirectory::open(files, path);
  const auto* const refusal = std::get_if<StateDirectory::Refusal>(&opened);
  return refusal == nullptr ? std::nullopt : std::optional(*refusal);
}

TEST(StateDirectory, is_made_with_its_folders_and_opens_again) {
  const TemporaryFolder folder;
  PosixFileSystem files;
  EXPECT_FALSE(refusal_of(files, folder / "state"));
  EXPECT_FALSE(refusal_of(files, folder / "state"));
  for (const char* const part : {"journal", "checkpoint", "outbox"}) {
    EXPECT_TRUE(std::filesystem::is_directory(folder / "state" + "/" + part)) << part;
    EXPECT_TRUE(std::filesystem::is_empty(folder / "state" + "/" + part)) << part;
  }
}

TEST(StateDirectory, is_held_against_a_second_daemon_until_the_first_is_gone) {
  const TemporaryFolder folder;
  PosixFileSystem files;
  {
    const auto first = StateDirectory::open(files, folder / "state");
    ASSERT_TRUE(std::holds_alternative<StateDirectory>(first));
    const auto second = refusal_of(files, folder / "state");
    ASSERT_TRUE(second);
    EXPECT_TRUE(second->locked);
    EXPECT_THAT(second->text, StartsWith(folder / "state" + ": another edgetide is running"));
  }
  EXPECT_FALSE(refusal_of(files, folder / "state"));
}

TEST(StateDirectory, that_cannot_be_there_is_refused_with_its_path) {
  const TemporaryFolder folder;
  PosixFileSystem files;
  folder.write("file", "");
  for (const std::string& path : {folder / "missing/state", folder / "file", folder / "file/state"}) {
    const auto refusal = refusal_of(files, path);
    ASSERT_TRUE(refusal) << path;
    EXPECT_FALSE(refusal->locked);
    EXPECT_THAT(refusal->text, StartsWith(path));
  }
}

TEST(StateDirectory, fault_23_wrong_owner_or_permissions_are_refused_in_one_clear_line) {
  const std::uint64_t operations = [] {
    MemoryFileSystem untouched;
    EXPECT_FALSE(refusal_of(untouched, "state"));
    return untouched.operations();
  }();
  for (const int error : {EACCES, EROFS, EIO}) {
    for (std::uint64_t n = 1; n <= operations; ++n) {
      SCOPED_TRACE("operation " + std::to_string(n) + ": " + std::strerror(error));
      MemoryFileSystem files;
      files.fail_at(n, error, true);
      const auto refusal = refusal_of(files, "state");
      ASSERT_TRUE(refusal);
      EXPECT_FALSE(refusal->locked);
      EXPECT_THAT(refusal->text, StartsWith("state"));
      EXPECT_THAT(refusal->text, HasSubstr(std::strerror(error)));
      EXPECT_EQ(refusal->text.find('\n'), std::string::npos);
      const bool is_owner = refusal->text.find("must belong to the user that runs edgetide") != std::string::npos;
      EXPECT_EQ(is_owner, error == EACCES);
      files.fail_at(0, 0);
      EXPECT_FALSE(refusal_of(files, "state")) << "nothing stays held";
    }
  }
}

TEST(StateDirectory, full_disk_does_not_keep_the_daemon_from_starting) {
  MemoryFileSystem files;
  ASSERT_FALSE(refusal_of(files, "state"));
  files.fail_at(3, ENOSPC, true);  // behind the folder and the lock, which are there
  EXPECT_FALSE(refusal_of(files, "state"));
}

}  // namespace
}  // namespace edgetide::test
