#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string_view>

#include "daemon/commands/commands.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide {

namespace {

constexpr const char* config = R"([time]
idle_timeout = "none"
max_out_of_orderness = "0s"
[windows.w]
size = "10s"
aggregates = ["count", "last"]
)";

std::string replayed(const std::string& input) {
  const test::TemporaryFolder folder;
  ReplayOptions options;
  options.config = folder.write("edgetide.toml", config);
  options.output = folder / "rows.jsonl";
  options.mode = OutputMode::append;
  options.flush = true;
  std::istringstream lines(input);
  const auto next_line = [&](std::string& line) { return static_cast<bool>(std::getline(lines, line)); };
  EXPECT_EQ(replay_lines(options, next_line), exit_fine);
  std::ostringstream rows;
  rows << std::ifstream(options.output).rdbuf();
  return rows.str();
}

}  // namespace

// Boards of 32 bits have a time_t that ends in January 2038.
TEST(Replay, readings_beyond_2038_and_before_1970_are_placed_like_any_other) {
  for (const std::string start : {"1901-12-13T20:45:40", "1969-12-31T23:59:50", "2038-01-19T03:14:00",
                                  "2038-01-19T03:14:10", "2106-02-07T06:28:10", "2250-12-31T23:59:50"}) {
    const std::string time = start.substr(0, start.size() - 1) + "8.5Z";
    const std::string row = replayed(R"({"sensor":"a","time":")" + time + R"(","value":1})" + "\n");
    EXPECT_NE(row.find(R"("start":")" + start + ".000000Z"), std::string::npos) << time << ": " << row;
  }
}

// As the end of an input that says that nothing older will come.
TEST(Replay, watermark_line_closes_windows_of_all_sensors_and_of_those_to_come) {
  const std::string rows = replayed(R"({"sensor":"a","time":1000000,"value":1}
{"sensor":"b","time":2000000,"value":2}
{"watermark":10000000}
{"sensor":"a","time":3000000,"value":3}
{"sensor":"c","time":4000000,"value":4}
{"sensor":"c","time":10000000,"value":5}
{"tick":60000000}
)");
  EXPECT_NE(rows.find(R"("sensor":"a","metric":"value","start":"1970-01-01T00:00:00.000000Z")"), std::string::npos);
  EXPECT_NE(rows.find(R"("count":1,"last":1)"), std::string::npos) << rows;
  EXPECT_NE(rows.find(R"("count":1,"last":2)"), std::string::npos) << rows;
  EXPECT_NE(rows.find(R"("count":1,"last":5)"), std::string::npos) << rows;
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 3) << rows;
}

TEST(Replay, restart_goes_over_the_disk_and_changes_no_row) {
  const std::string before = "{\"sensor\":\"a\",\"time\":1000000,\"value\":1}\n";
  const std::string after = "{\"tick\":5000000}\n{\"sensor\":\"a\",\"time\":2000000,\"value\":2}\n";
  const std::string restart = "{\"restart\":true}\n";
  const std::string wanted = replayed(before + after);
  EXPECT_NE(wanted.find("\"count\":2"), std::string::npos) << wanted;
  EXPECT_EQ(replayed(before + restart + restart + after + restart), wanted);
}

TEST(Replay, hundred_thousand_lines_are_counted_to_the_last) {
  constexpr int lines = 100'000, sensors = 100;
  std::string input;
  for (int i = 0; i < lines; ++i) {
    input += "{\"sensor\":\"s" + std::to_string(i % sensors) + "\",\"time\":" + std::to_string(i * 1000) +
             ",\"value\":" + std::to_string(i) + "}\n";
  }
  const std::string rows = replayed(input);
  std::size_t counted = 0;
  for (std::size_t at = 0; (at = rows.find("\"count\":", at)) != std::string::npos;) {
    at += std::string_view("\"count\":").size();
    counted += std::strtoul(rows.c_str() + at, nullptr, 10);
  }
  EXPECT_EQ(counted, lines);
}

}  // namespace edgetide
