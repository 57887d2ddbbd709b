#include "daemon/service/placed_file.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

#include "daemon/service/write_all.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(PlacedFile, replaces_the_former_one_and_can_be_appended_to) {
  const TemporaryFolder folder;
  folder.write("list", "former, and longer");
  const PlacedFile placed = place_file(folder / "list", "one\n");
  EXPECT_EQ(placed.error, "");
  EXPECT_EQ(text_of(folder / "list"), "one\n");
  EXPECT_FALSE(std::filesystem::exists(folder / "list.new"));
  ASSERT_TRUE(placed.file.is_open());
  EXPECT_FALSE(write_all(placed.file.get(), "two\n"));
  EXPECT_EQ(text_of(folder / "list"), "one\ntwo\n");
}

TEST(PlacedFile, former_one_stays_where_the_new_one_cannot_be_written_or_named) {
  const TemporaryFolder folder;
  folder.write("list", "former");
  std::filesystem::create_directory(folder / "list.new");
  const PlacedFile unwritten = place_file(folder / "list", "one");
  EXPECT_FALSE(unwritten.file.is_open());
  EXPECT_EQ(unwritten.error, folder / "list.new" + ": Is a directory");
  EXPECT_EQ(text_of(folder / "list"), "former");

  std::filesystem::create_directory(folder / "folder");
  const PlacedFile unnamed = place_file(folder / "folder", "one");
  EXPECT_FALSE(unnamed.file.is_open());
  EXPECT_EQ(unnamed.error, folder / "folder.new" + ": Is a directory");
}

TEST(PlacedFile, link_beside_its_place_is_not_followed) {
  const TemporaryFolder folder;
  folder.write("other", "untouched");
  std::filesystem::create_symlink(folder / "other", folder / "list.new");
  EXPECT_FALSE(place_file(folder / "list", "one").file.is_open());
  EXPECT_EQ(text_of(folder / "other"), "untouched");
}

TEST(PlacedFile, folder_that_is_not_there_cannot_be_synced) {
  const TemporaryFolder folder;
  EXPECT_FALSE(sync_folder(folder / ""));
  EXPECT_EQ(sync_folder(folder / "missing"), std::errc::no_such_file_or_directory);
}

}  // namespace
}  // namespace edgetide::test
