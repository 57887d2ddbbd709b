#include <gmock/gmock.h>

#include "config/sensor_table_file.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {
namespace {

using testing::HasSubstr;

TEST(SensorTable, csv_and_toml_give_labels_scale_and_offset) {
  const TemporaryFolder folder;
  folder.write("a.csv",
               "# our boilers\n"
               "sensor,site,scale,offset,note\r\n"
               "b1,lyon,2,-1,\"hot, \"\"very\"\"\"\n"
               "b2,,,,\n");
  folder.write("a.toml", "[b1]\nsite = \"lyon\"\nscale = 2\noffset = -1.0\nnote = 'hot, \"very\"'\n[b2]\n");
  for (const char* name : {"a.csv", "a.toml"}) {
    const auto table = load_sensor_table(folder / name, "sensor");
    ASSERT_EQ(table->size(), 2U) << name;
    const SensorTable::Row& row = *table->find("b1");
    EXPECT_EQ(row.labels, (std::vector<Label>{{"site", "lyon"}, {"note", "hot, \"very\""}})) << name;
    EXPECT_EQ(row.calibration(10), 19) << name;
    EXPECT_TRUE(table->find("b2")->labels.empty());
    EXPECT_EQ(table->find("b2")->calibration(10), 10);
    EXPECT_EQ(table->find("b3"), nullptr);
  }
}

TEST(SensorTable, bad_files_are_refused_with_file_and_line) {
  const TemporaryFolder folder;
  const struct {
    const char* name;
    const char* text;
    const char* error;
  } cases[] = {
      {"e.csv", "", "e.csv:1: the file is empty"},
      {"e.csv", "name,site\n", "e.csv:1: there is no column 'sensor'"},
      {"e.csv", "sensor,site\na,b\na,c\n", "e.csv:3: sensor 'a' has a row already"},
      {"e.csv", "sensor,site,site\na,b,c\n", "e.csv:1: there are two columns 'site'"},
      {"e.csv", "sensor,site,sensor\na,b,c\n", "e.csv:1: there are two columns 'sensor'"},
      {"e.csv", "sensor,site\na\n", "e.csv:2: 1 fields, the header has 2"},
      {"e.csv", "sensor,scale\na,two\n", "e.csv:2: scale is \"two\", not a number"},
      {"e.csv", "sensor,scale\na,inf\n", "e.csv:2: scale is \"inf\", not a number"},
      {"e.csv", "sensor,site\n,b\n", "e.csv:2: no sensor is named"},
      {"e.csv", "sensor,site\n\"a,b\n", "e.csv:2: a quote is not closed"},
      {"e.toml", "[a\n", "e.toml:1:"},
      {"e.toml", "a = 1\n", "e.toml:1: a is not a table"},
      {"e.toml", "[a]\nsite = [1]\n", "e.toml:2: site is neither a string nor a number"},
      {"e.toml", "[a]\nsite = 1\n", "e.toml:2: site is a label"},
      {"e.csv", "sensor,site\na,b\x1b[2J\n", "e.csv:2: label site is"},
      {"e.csv", "sensor,si\x1bte\na,b\n", "e.csv:2: label 'si"},
      {"e.csv", "sensor,site\n\x1b[2J,b\n", "e.csv:2: sensor '"},
      {"e.csv", "sensor,site\na,b\xff\n", "e.csv:2: label site is"},
      {"e.toml", "[a]\nsite = \"x\\u0000y\"\n", "e.toml:2: label site is"},
      {"e.toml", "[a]\n\"si\\u001bte\" = \"x\"\n", "e.toml:2: label 'si"},
      {"e.toml", "[\"a\\u0007\"]\nsite = \"x\"\n", "e.toml:1: sensor '"},
  };
  for (const auto& c : cases) {
    folder.write(c.name, c.text);
    try {
      load_sensor_table(folder / c.name, "sensor");
      ADD_FAILURE() << c.text;
    } catch (const std::runtime_error& error) {
      EXPECT_THAT(error.what(), HasSubstr(c.error)) << c.text;
      EXPECT_EQ(std::string_view(error.what()).find_first_of("\x1b\x07\xff"), std::string_view::npos) << c.text;
    }
  }
  EXPECT_THROW(load_sensor_table(folder / "none.csv", "sensor"), std::runtime_error);
}

}  // namespace
}  // namespace edgetide::test
