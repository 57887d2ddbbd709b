#include "config/reference_page.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "config/key_table.h"
#include "config/parts.h"
#include "tests/config/configuration_file.h"

namespace edgetide {

TEST(ReferencePage, file_is_what_the_key_table_prints) {
  if (leaves_parts_out()) GTEST_SKIP();
  const std::string path = EDGETIDE_CONFIG_FOLDER "/REFERENCE.md";
  if (std::getenv("EDGETIDE_WRITE_REFERENCE") != nullptr) std::ofstream(path) << reference_page();
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), reference_page()) << "print it again: EDGETIDE_WRITE_REFERENCE=1 ctest -R ReferencePage";
}

TEST(ReferencePage, every_key_is_listed_once_per_table_and_has_words_or_a_plain_name) {
  const KeyTable table(built_in_parts());
  for (const KeyGroup* group : table.groups()) {
    std::set<std::string_view> names;
    for (const KeySpec& key : group->keys) {
      EXPECT_TRUE(names.insert(key.name).second) << group->title << ": " << key.name;
      EXPECT_EQ(key.type == ValueType::word, !key.words.empty()) << group->title << ": " << key.name;
    }
  }
}

}  // namespace edgetide
