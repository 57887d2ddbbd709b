#include "daemon/service/machine_id.h"

#include <filesystem>
#include <gtest/gtest.h>

#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {
namespace {

class MachineId : public testing::Test {
 protected:
  std::string id_with(const std::string& system, const std::string& board = {}) {
    for (const char* const folder : {"etc", "proc/device-tree"}) std::filesystem::create_directories(folder_ / folder);
    folder_.write("etc/machine-id", system);
    folder_.write("proc/device-tree/serial-number", board);
    return short_machine_id(folder_ / "");
  }
  const TemporaryFolder folder_;
};

TEST_F(MachineId, is_short_and_stays) {
  const std::string id = id_with("0123456789abcdef0123456789abcdef\n");
  EXPECT_EQ(id.size(), 8U);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(id, id_with("0123456789abcdef0123456789abcdef\n"));
  EXPECT_EQ(short_machine_id(), short_machine_id());
}

TEST_F(MachineId, two_installations_and_two_boards_with_one_image_differ) {
  EXPECT_NE(id_with("a\n"), id_with("b\n"));
  EXPECT_NE(id_with("a\n", std::string("board 1\0", 8)), id_with("a\n", std::string("board 2\0", 8)));
}

TEST_F(MachineId, is_empty_where_the_system_has_none) {
  EXPECT_EQ(id_with(""), "");
  EXPECT_EQ(id_with("uninitialized\n"), "");
  EXPECT_EQ(short_machine_id("/no such folder/"), "");
}

}  // namespace
}  // namespace edgetide::test
