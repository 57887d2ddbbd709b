#include "sinks/row_json.h"

#include <gtest/gtest.h>

#include "tests/sinks/batch_builder.h"

namespace edgetide::test {
namespace {

std::string labels_of(const std::vector<Label>& labels) {
  std::string text;
  append_json_labels(text, labels);
  return text;
}

std::string value_of(double value, bool integer) {
  std::string line;
  const WindowSchema window{"w", {{"v", integer}}};
  append_row_json(line, window, {series("s"), Timestamp(), Timestamp(), RowState::open, 1}, std::vector{value}, 1,
                  TimeText::microseconds);
  const std::size_t from = line.find("\"v\":") + 4;
  return line.substr(from, line.find(',', from) - from);
}

TEST(RowJson, labels_are_an_object_of_texts) {
  EXPECT_EQ(labels_of({}), "{}");
  EXPECT_EQ(labels_of({{"a", "1"}}), R"({"a":"1"})");
  EXPECT_EQ(labels_of({{"a", "{"}, {"b\"", "\\"}}), R"({"a":"{","b\"":"\\"})");
}

TEST(RowJson, times_can_be_integers_of_microseconds) {
  std::string line;
  append_row_json(line, {"w", {}}, {series("s", "m"), Timestamp::microseconds(-1), Timestamp(), RowState::closed, 4},
                  {}, 9, TimeText::microseconds);
  EXPECT_EQ(line,
            "{\"window\":\"w\",\"sensor\":\"s\",\"metric\":\"m\",\"start\":-1,\"end\":0,\"state\":\"closed\","
            "\"revision\":4,\"epoch\":9}\n");
}

TEST(RowJson, group_carries_its_labels_and_a_running_window_has_no_end) {
  std::string line;
  append_row_json(line, {"w", {}},
                  {group("site=x", {{"site", "x"}}), Timestamp(), Timestamp::latest(), RowState::retracted, 2}, {}, 3,
                  TimeText::microseconds);
  EXPECT_EQ(line,
            "{\"window\":\"w\",\"labels\":{\"site\":\"x\"},\"start\":0,\"end\":null,\"state\":\"retracted\","
            "\"revision\":2,\"epoch\":3}\n");
}

TEST(RowJson, values_read_back_equal_and_what_is_not_finite_is_null) {
  const struct {
    double value;
    bool integer;
    const char* text;
  } cases[] = {
      {0.1, false, "0.1"},
      {-0.0, false, "-0"},
      {1e308, false, "1e+308"},
      {5e-324, false, "5e-324"},
      {null, false, "null"},
      {1.0 / 0.0, false, "null"},
      {3, true, "3"},
      {null, true, "null"},
      {1e18, true, "1000000000000000000"},
      {9007199254740991.0, true, "9007199254740991"},
  };
  for (const auto& c : cases) EXPECT_EQ(value_of(c.value, c.integer), c.text);
}

}  // namespace
}  // namespace edgetide::test
