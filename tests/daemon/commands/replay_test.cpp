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
max_out_of_orderness = "0s"
[windows.w]
size = "10s"
aggregates = ["count", "last"]
)";

std::string replayed(const std::string& input, const std::string& keys = "", bool flush = true,
                     const std::string& time_keys = "") {
  const test::TemporaryFolder folder;
  ReplayOptions options;
  const bool has_timeout = time_keys.find("idle_timeout") != std::string::npos;
  const std::string time = has_timeout ? time_keys : "idle_timeout = \"none\"\n" + time_keys;
  options.config = folder.write("edgetide.toml", std::string(config).insert(7, time) + keys);
  options.output = folder / "rows.jsonl";
  options.mode = OutputMode::append;
  options.flush = flush;
  std::istringstream lines(input);
  const auto next_line = [&](std::string& line) { return static_cast<bool>(std::getline(lines, line)); };
  EXPECT_EQ(replay_lines(options, next_line), exit_fine);
  std::ostringstream rows;
  rows << std::ifstream(options.output).rdbuf();
  return rows.str();
}

}  // namespace

// What a replay without --flush says on standard error.
std::string said(const std::string& input) {
  testing::internal::CaptureStderr();
  replayed(input, "", false);
  return testing::internal::GetCapturedStderr();
}

TEST(Replay, windows_that_no_tick_closes_are_said) {
  const std::string readings = R"({"sensor":"a","time":1000000,"value":1}
{"sensor":"b","time":2000000,"value":2}
)";
  EXPECT_EQ(
      said(readings),
      "-: no {\"tick\":TIME} in the input, so no row was written; 2 windows are not final yet; --flush closes them, "
      "or a {\"tick\":TIME} once the readings have passed the end\n");
  EXPECT_EQ(
      said(readings + R"({"sensor":"b","time":12000000,"value":2}
{"watermark":10000000}
{"tick":20000000})"),
      "-: 1 window is not final yet; --flush closes it, or a {\"tick\":TIME} once the readings have passed the end\n");
  EXPECT_EQ(said(readings + "{\"watermark\":10000000}\n{\"tick\":20000000}\n"), "");
  EXPECT_EQ(said(""), "");
}

TEST(Replay, time_that_cannot_be_read_costs_the_reading_or_is_the_arrival_time) {
  const std::string input = R"({"sensor":"a","time":"soon","value":7}
{"tick":5000000}
{"sensor":"b","time":"soon","value":8}
)";
  testing::internal::CaptureStderr();
  EXPECT_EQ(replayed(input), "");
  const std::string refused = testing::internal::GetCapturedStderr();
  EXPECT_NE(refused.find("-:1: 'time' is neither RFC 3339 nor an integer of microseconds\n"), std::string::npos)
      << refused;
  EXPECT_NE(refused.find("-:3: "), std::string::npos) << refused;
  testing::internal::CaptureStderr();
  const std::string rows = replayed(input, "", true, "on_bad_time = \"use_arrival\"\n");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("-:1: "), std::string::npos) << "no clock yet";
  EXPECT_NE(rows.find(R"("sensor":"b","metric":"value","start":"1970-01-01T00:00:00.000000Z")"), std::string::npos)
      << rows;
  EXPECT_EQ(rows.find(R"("sensor":"a")"), std::string::npos) << rows;
}

TEST(Replay, bare_nan_costs_only_its_reading) {
  testing::internal::CaptureStderr();
  const std::string rows = replayed(R"({"sensor":"a","time":1000000,"value":NaN}
{"sensor":"a","time":1000000,"value":2}
)");
  testing::internal::GetCapturedStderr();
  EXPECT_NE(rows.find(R"("count":1)"), std::string::npos) << rows;
}

// Boards of 32 bits have a time_t that ends in January 2038.
TEST(Replay, readings_beyond_2038_and_before_1970_are_placed_like_any_other) {
  for (const std::string start : {"1901-12-13T20:45:40", "1969-12-31T23:59:50", "2038-01-19T03:14:00",
                                  "2038-01-19T03:14:10", "2106-02-07T06:28:10", "2250-12-31T23:59:50"}) {
    const std::string time = start.substr(0, start.size() - 1) + "8.5Z";
    const std::string row = replayed(R"({"sensor":"a","time":")" + time + R"(","value":1})" + "\n");
    EXPECT_NE(row.find(R"("start":")" + start + ".000000Z"), std::string::npos) << time << ": " << row;
  }
}

// The first requests of an access log: the address is the sensor, the status a label.
TEST(Replay, requests_are_counted_by_the_status_that_each_had) {
  std::string log;
  for (const char* status : {"200", "404", "404", "404"}) {
    for (const bool restarts : {false, true}) {
      if (restarts) log += "{\"restart\":true}\n";
      if (!restarts)
        log += R"({"sensor":"10.0.0.1","time":1000000,"value":1,"labels":{"status":")" + std::string(status) + "\"}}\n";
    }
  }
  struct QueryCase {
    const char* keys;
    std::vector<std::string> parts;  // in this order
  };
  const QueryCase cases[] = {
      {"group_by = [\"status\"]\n", {R"({"status":"200"})", R"("count":1,)", R"({"status":"404"})", R"("count":3,)"}},
      {"group_by = [\"status\"]\n[windows.w.top]\nn = 2\nby = \"count\"\n",
       {R"({"status":"404"})", R"("count":3,)", R"("rank":1,)", R"({"status":"200"})", R"("count":1,)",
        R"("rank":2,)"}},
      {"group_by = []\n", {R"("labels":{},)", R"("count":4,)"}},
      {"match = { labels = { status = \"404\" } }\n", {R"("sensor":"10.0.0.1")", R"("count":3,)"}},
      {"", {R"("sensor":"10.0.0.1")", R"("labels":{"status":"404"})", R"("count":4,)"}},
  };
  for (const QueryCase& one : cases) {
    const std::string rows = replayed(log, one.keys);
    std::size_t at = 0;
    for (const std::string& part : one.parts) {
      at = rows.find(part, at);
      ASSERT_NE(at, std::string::npos) << part << " in\n" << rows << "with " << one.keys;
    }
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

// The clock went on with a line that was refused: what was listened to until then counts.
TEST(Replay, restart_behind_a_refused_line_costs_no_listening_time) {
  const std::string before = R"({"sensor":"a","time":1000000,"value":1,"arrival":1000000}
{"sensor":"b","time":8000000,"value":1,"arrival":8000000}
)";
  const std::string after = "{\"tick\":12000000}\n";
  const std::string limit = "[limits]\nmax_series = 1\n";
  const auto rows = [&](const std::string& input) { return replayed(input, limit, false, "idle_timeout = \"10s\"\n"); };
  const std::string wanted = rows(before + after);
  EXPECT_NE(wanted.find(R"("state":"final")"), std::string::npos) << wanted;
  EXPECT_EQ(rows(before + "{\"restart\":true}\n" + after), wanted);
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
