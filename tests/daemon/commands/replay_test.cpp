#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

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

}  // namespace edgetide
