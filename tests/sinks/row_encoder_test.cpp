#include "sinks/row_encoder.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <optional>

#include "tests/sinks/batch_builder.h"

namespace edgetide::test {
namespace {

std::vector<WindowSchema> two_windows() {
  return {{"minute", {{"count", true}, {"avg", false}}}, {"hour", {{"avg", false}, {"p99.9", false}}}};
}

std::string encoded(std::string_view name, const RowBatch& rows) {
  const auto encoder = find_row_encoding(name)->make(two_windows());
  std::string text;
  encoder->append(text, rows);
  return text;
}

RowBatch of_minute(std::shared_ptr<const Series> of, std::vector<double> values = {3, 1.5},
                   RowState state = RowState::final, std::int64_t start = 0) {
  return batch(7, {{std::move(of), start, 2, std::move(values), state}});
}
RowBatch of_hour(std::shared_ptr<const Series> of, std::vector<double> values) {
  return batch(8, {{std::move(of), 0, 1, std::move(values)}}, 1);
}
RowBatch without_end(RowBatch rows) {
  rows.windows[0].rows[0].end = Timestamp::latest();
  return rows;
}

struct Case {
  std::string name;
  RowBatch rows;
  std::string expected;
};

constexpr std::string_view first_minute = "1970-01-01T00:00:00.000000Z,1970-01-01T00:01:00.000000Z,";

TEST(RowEncoderTest, encodings_are_found_by_name) {
  std::vector<std::string_view> names;
  for (const RowEncoding& encoding : row_encodings()) {
    names.push_back(encoding.name);
    EXPECT_EQ(find_row_encoding(encoding.name), &encoding);
  }
  EXPECT_THAT(names, testing::ElementsAre("json", "csv", "influx"));
  EXPECT_EQ(find_row_encoding("xml"), nullptr);
}

TEST(RowEncoderTest, only_csv_has_a_header_with_every_column_of_all_inputs_once) {
  EXPECT_EQ(find_row_encoding("json")->make(two_windows())->header(), "");
  EXPECT_EQ(find_row_encoding("influx")->make(two_windows())->header(), "");
  EXPECT_EQ(find_row_encoding("csv")->make(two_windows())->header(),
            "window,sensor,metric,unit,labels,start,end,count,avg,p99.9,state,revision,epoch\n");
}

TEST(RowEncoderTest, json_rows_are_lines) {
  EXPECT_EQ(encoded("json", of_minute(series("a\"\\\n"), {3, null}, RowState::retracted)),
            "{\"window\":\"minute\",\"sensor\":\"a\\\"\\\\\\u000a\",\"metric\":\"t\","
            "\"start\":\"1970-01-01T00:00:00.000000Z\",\"end\":\"1970-01-01T00:01:00.000000Z\",\"count\":3,"
            "\"avg\":null,\"state\":\"retracted\",\"revision\":2,\"epoch\":7}\n");
  RowBatch both = of_minute(series("a"));
  both.windows.push_back(of_hour(series("b"), {1, 2}).windows[0]);
  const std::string text = encoded("json", both);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST(RowEncoderTest, csv_rows) {
  const std::string minute(first_minute);
  const Case cases[] = {
      {"plain", of_minute(series("s1", "t", "C")), "minute,s1,t,C,," + minute + "3,1.5,,final,2,7\n"},
      {"another window's columns", of_hour(series("s1"), {0.1, 1e300}),
       "hour,s1,t,,," + minute + ",0.1,1e+300,closed,1,8\n"},
      {"null", of_minute(series("s1"), {0, null}), "minute,s1,t,,," + minute + "0,,,final,2,7\n"},
      {"infinite", of_minute(series("s1"), {0, -HUGE_VAL}), "minute,s1,t,,," + minute + "0,,,final,2,7\n"},
      {"quotes", of_minute(series("a,b", "c\"d\"", "e\nf")),
       "minute,\"a,b\",\"c\"\"d\"\"\",\"e\nf\",," + minute + "3,1.5,,final,2,7\n"},
      {"labels", of_minute(series("s", "t", "", {{"line", "2"}, {"site", "l\"y"}})),
       "minute,s,t,,\"{\"\"line\"\":\"\"2\"\",\"\"site\"\":\"\"l\\\"\"y\"\"}\"," + minute + "3,1.5,,final,2,7\n"},
      {"a group", of_minute(group("line=2", {{"line", "2"}})),
       "minute,,,,\"{\"\"line\"\":\"\"2\"\"}\"," + minute + "3,1.5,,final,2,7\n"},
      {"no end", without_end(of_minute(series("s"))), "minute,s,t,,,1970-01-01T00:00:00.000000Z,,3,1.5,,final,2,7\n"},
      {"retracted", of_minute(series("s"), {3, 1}, RowState::retracted),
       "minute,s,t,,," + minute + "3,1,,retracted,2,7\n"},
  };
  for (const Case& c : cases) EXPECT_EQ(encoded("csv", c.rows), c.expected) << c.name;
}

TEST(RowEncoderTest, line_protocol_rows) {
  const std::string rest = "end=60000000i,state=\"final\",revision=2i,epoch=7i 0\n";
  const Case cases[] = {
      {"plain", of_minute(series("s1", "t", "C")), "minute,sensor=s1,metric=t,unit=C count=3i,avg=1.5," + rest},
      {"integers have a suffix and stay whole", of_minute(series("s1"), {9007199254740992.0, 2}),
       "minute,sensor=s1,metric=t count=9007199254740992i,avg=2," + rest},
      {"null and infinite are left out", of_minute(series("s1"), {null, HUGE_VAL}),
       "minute,sensor=s1,metric=t " + rest},
      {"special characters", of_minute(series("a b,c=d", "t\"", "\\o")),
       "minute,sensor=a\\ b\\,c\\=d,metric=t\",unit=\\o count=3i,avg=1.5," + rest},
      {"backslash at the end", of_minute(series("a\\\\", "t")), "minute,sensor=a,metric=t count=3i,avg=1.5," + rest},
      {"empty tags", of_minute(series("", "\\")), "minute count=3i,avg=1.5," + rest},
      {"line break", of_minute(series("a\nb")), "minute,sensor=a\\nb,metric=t count=3i,avg=1.5," + rest},
      {"labels", of_minute(series("s", "t", "", {{"the site", "l,y"}})),
       "minute,sensor=s,metric=t,the\\ site=l\\,y count=3i,avg=1.5," + rest},
      {"a group", of_minute(group("line=2", {{"line", "2"}})), "minute,line=2 count=3i,avg=1.5," + rest},
      {"no end, retracted", without_end(of_minute(series("s"), {3, 1}, RowState::retracted)),
       "minute,sensor=s,metric=t count=3i,avg=1,state=\"retracted\",revision=2i,epoch=7i 0\n"},
      {"nanoseconds", of_minute(series("s"), {3, 1}, RowState::closed, -60'000'001),
       "minute,sensor=s,metric=t count=3i,avg=1,end=-1i,state=\"closed\",revision=2i,epoch=7i -60000001000\n"},
  };
  for (const Case& c : cases) EXPECT_EQ(encoded("influx", c.rows), c.expected) << c.name;
}

TEST(RowEncoderTest, sketch_is_base64_or_left_out) {
  const std::vector<WindowSchema> inputs = {{"minute", {{"m2", false}, {"sketch", false, true}}}, {"hour", {{"avg"}}}};
  const struct {
    std::optional<std::string> bytes;
    std::string json, csv;
  } cases[] = {
      {std::nullopt, "null", ""},       {"", "\"\"", ""},
      {"\n", "\"Cg==\"", "Cg=="},       {"\n\x12", "\"ChI=\"", "ChI="},
      {"\n\x12\t", "\"ChIJ\"", "ChIJ"}, {"\xFF\xFE\xFD\xFC", "\"//79/A==\"", "//79/A=="},
  };
  for (const auto& [bytes, json, csv] : cases) {
    RowBatch rows = of_minute(series("s"), {0.5, null});
    if (bytes) rows.windows[0].rows[0].sketch = std::make_shared<const std::string>(*bytes);
    const auto encoded = [&](std::string_view encoding) {
      std::string text;
      find_row_encoding(encoding)->make(inputs)->append(text, rows);
      return text;
    };
    EXPECT_THAT(encoded("json"), testing::HasSubstr("\"m2\":0.5,\"sketch\":" + json + ",\"state\""));
    EXPECT_THAT(encoded("csv"), testing::HasSubstr("Z,0.5," + csv + ",,final"));
    EXPECT_THAT(encoded("influx"), testing::HasSubstr(" m2=0.5,end="));
  }
}

}  // namespace
}  // namespace edgetide::test
