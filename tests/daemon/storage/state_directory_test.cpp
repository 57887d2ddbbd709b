#include "daemon/storage/state_directory.h"

#include <gmock/gmock.h>

#include "daemon/storage/posix_file_system.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/other_kind.h"
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

TEST(StateDirectory, entry_of_another_kind_is_set_aside_and_made_again) {
  namespace fs = std::filesystem;
  PosixFileSystem files;
  for (const char* const part : {"journal", "checkpoint", "outbox", "lock"}) {
    for (const bool is_link : {true, false}) {
      SCOPED_TRACE(part);
      const TemporaryFolder folder;
      const std::string path = folder / "state" + "/" + part;
      fs::create_directories(folder / "state");
      if (is_link) {
        fs::create_symlink(folder / "nowhere", path);
      } else if (part == std::string("lock")) {
        fs::create_directory(path);
      } else {
        folder.write(std::string("state/") + part, "x");
      }
      const auto opened = StateDirectory::open(files, folder / "state");
      ASSERT_TRUE(std::holds_alternative<StateDirectory>(opened)) << std::get<1>(opened).text;
      EXPECT_THAT(std::get<StateDirectory>(opened).reports(),
                  testing::ElementsAre(testing::AllOf(StartsWith(path), HasSubstr("set aside"))));
      EXPECT_TRUE(fs::exists(fs::symlink_status(path + ".damaged")));
      EXPECT_NE(fs::is_directory(path), part == std::string("lock"));
    }
  }
}

TEST(StateDirectory, lock_that_is_a_socket_is_set_aside) {
  PosixFileSystem files;
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "state");
  make_socket(folder / "state/lock");
  const auto opened = StateDirectory::open(files, folder / "state");
  ASSERT_TRUE(std::holds_alternative<StateDirectory>(opened)) << std::get<1>(opened).text;
  EXPECT_THAT(std::get<StateDirectory>(opened).reports(), testing::ElementsAre(StartsWith(folder / "state/lock")));
}

TEST(StateDirectory, folder_in_the_way_of_a_file_that_is_to_be_written_is_set_aside) {
  PosixFileSystem files;
  for (const char* const name : {"probe", "checkpoint/probe", "checkpoint/checkpoint.new", "journal/journal.new"}) {
    const TemporaryFolder folder;
    const std::string path = folder / "state" + "/" + name;
    std::filesystem::create_directories(path + "/more");
    const auto opened = StateDirectory::open(files, folder / "state");
    ASSERT_TRUE(std::holds_alternative<StateDirectory>(opened)) << std::get<1>(opened).text;
    EXPECT_THAT(std::get<StateDirectory>(opened).reports(), testing::ElementsAre(StartsWith(path)));
    EXPECT_TRUE(std::filesystem::is_directory(path + ".damaged/more"));
    EXPECT_FALSE(std::filesystem::exists(path));
  }
}

TEST(StateDirectory, link_to_a_folder_is_used) {
  const TemporaryFolder folder;
  PosixFileSystem files;
  std::filesystem::create_directories(folder / "elsewhere");
  std::filesystem::create_directories(folder / "state");
  std::filesystem::create_directory_symlink(folder / "elsewhere", folder / "state/journal");
  const auto opened = StateDirectory::open(files, folder / "state");
  ASSERT_TRUE(std::holds_alternative<StateDirectory>(opened));
  EXPECT_THAT(std::get<StateDirectory>(opened).reports(), testing::IsEmpty());
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "state/journal"));
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
