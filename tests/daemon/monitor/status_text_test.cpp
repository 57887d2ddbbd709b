#include "daemon/monitor/status_text.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "daemon/monitor/sensor_list.h"
#include "daemon/monitor/text_table.h"
#include "tests/daemon/monitor/monitor_fixture.h"

namespace edgetide {

using testing::HasSubstr;
using testing::Not;

TEST(StatusText, durations_and_sizes_are_short) {
  const std::vector<std::pair<Duration, std::string>> durations = {
      {Duration(), "0ms"},
      {Duration::milliseconds(850), "850ms"},
      {Duration::seconds(59), "59s"},
      {Duration::seconds(200), "3m 20s"},
      {Duration::minutes(120), "2h"},
      {Duration::minutes(310), "5h 10m"},
      {Duration::hours(52), "2d 4h"},
      {Duration() - Duration::seconds(5), "-5s"},
  };
  for (const auto& [duration, text] : durations) EXPECT_EQ(short_text(duration), text);
  EXPECT_EQ(bytes_text(1023), "1023B");
  EXPECT_EQ(bytes_text(12'800), "12.5KiB");
  EXPECT_EQ(bytes_text(std::uint64_t{3} << 20), "3.0MiB");
}

TEST(StatusText, columns_are_aligned_by_characters) {
  TextTable table({"A", "B"});
  table.add({"\xC2\xB0", "1"});
  table.add({"long", "2"});
  EXPECT_EQ(table.text(), "A     B\n\xC2\xB0     1\nlong  2\n");
}

TEST(StatusText, labels_that_tell_readings_of_one_series_apart_are_named) {
  GatewayStatus status = healthy_status();
  status.sources[0].mixed_labels = {{"cpu", "cpu (cpu0, cpu1)", "host usage"}};
  EXPECT_THAT(status_text(status), HasSubstr("  readings of one time differ in the labels cpu (cpu0, cpu1) and count "
                                             "together, as of host usage\n"));
}

TEST(StatusText, tells_why_the_gateway_is_not_ready) {
  GatewayStatus status = healthy_status();
  EXPECT_THAT(status_text(status), HasSubstr("gateway plant-7, edgetide 9.8.7, up 2h: ready\n"));
  status.sources[0].connected = false;
  EXPECT_THAT(status_text(status), HasSubstr("not ready: source plant is not connected\n"));
  status.sources[0].connection_error = "unknown host h";
  EXPECT_THAT(status_text(status), HasSubstr("not ready: source plant is not connected: unknown host h\n"));
  EXPECT_THAT(status_text(status), HasSubstr("  unknown host h\n"));
  status.sources[0].impairment = "cannot listen on 127.0.0.1:1";
  EXPECT_THAT(status_text(status), HasSubstr("  cannot listen on 127.0.0.1:1\n"));
  status.sources[0].refuses_series = "series_rate";
  status.sources[0].awaited = true;
  EXPECT_THAT(status_text(status), HasSubstr("  cannot listen on 127.0.0.1:1; new series are refused, series_rate; "
                                             "watermarks wait for its first reading\n"));
  status.listener_error = "http: cannot listen on 127.0.0.1:2";
  status.control_error = "control: a file is in the way";
  EXPECT_THAT(status_text(status), HasSubstr("\nhttp: cannot listen on 127.0.0.1:2\ncontrol: a file is in the way\n"));
  status.sources[0].impairment.clear();
  status.sources[0].connected = true;
  EXPECT_THAT(status_text(status), HasSubstr("not ready: http: cannot listen on 127.0.0.1:2\n"));
  EXPECT_THAT(status_text(status), Not(HasSubstr("\nhttp: cannot listen"))) << "said once";
}

TEST(StatusText, messages_without_a_reading_are_listed_if_there_are_some) {
  GatewayStatus status = healthy_status();
  EXPECT_THAT(status_text(status), HasSubstr("\nMESSAGES WITHOUT A READING  OF ROUTE    REASON    COUNT\n"
                                             "plant                       a/{device}  no_value  7\n"
                                             "plant                       -           no_route  2\n"));
  status.sources[0].without_reading.clear();
  EXPECT_THAT(status_text(status), testing::Not(HasSubstr("WITHOUT")));
}

TEST(StatusText, a_small_terminal_has_what_matters_and_the_sensors) {
  GatewayStatus status = healthy_status();
  status.id = "gateway-of-the-plant";
  for (int i = 0; i < 9; ++i) {
    status.sources.push_back(status.sources[0]);
    status.sources.back().name = "source-" + std::to_string(i);
    status.windows.push_back(status.windows[0]);
    status.newest_sensors.push_back(status.newest_sensors[0]);
    status.newest_sensors.back().sensor = "sensor-" + std::to_string(i);
  }
  const std::string frame = live_text(status, status, 80, 24);
  std::istringstream lines(frame);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 80U) << line;
  EXPECT_LE(count, 24U);
  for (const char* const text : {"SOURCE", "REFUSED", "WINDOW", "CORRECTED", "SINK", "OUTBOX", "SENSOR", "VALUE",
                                 "STATE", "kitchen", "sensor-4", " more\n", "store"}) {
    EXPECT_THAT(frame, HasSubstr(text));
  }
  const std::string roomy = live_text(status, status, 80, 100);
  EXPECT_THAT(roomy, HasSubstr("source-8"));
  EXPECT_THAT(roomy, HasSubstr("checkpoint"));
  EXPECT_THAT(live_text(status, status, 140, 100), HasSubstr("UNMATCHED"));
}

TEST(StatusText, a_frame_has_rates_and_fits_the_terminal) {
  const GatewayStatus before = healthy_status();
  GatewayStatus now = before;
  now.now = before.now + Duration::seconds(2);
  now.sources[0].counters.received += 30;
  now.sinks[0].rows += 3;
  EXPECT_THAT(live_text(before, now, 200, 100), HasSubstr("15.0 readings/s, 0.0 bytes/s"));
  EXPECT_THAT(live_text(before, now, 200, 100), HasSubstr(" 1.5 rows/s"));
  EXPECT_THAT(live_text(now, before, 200, 100), HasSubstr("0.0 readings/s"));  // the clock was set back

  const std::string small = live_text(before, now, 40, 7);
  std::istringstream lines(small);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 40U) << line;
  EXPECT_LE(count, 7U);
  EXPECT_GT(count, 4U);
}

TEST(StatusText, a_sensor_is_one_line) {
  GatewayStatus status = healthy_status();
  EXPECT_THAT(sensors_text(status.newest_sensors, status.now), HasSubstr("kitchen  t       plant   21.5 C  1s   11s"));
}

}  // namespace edgetide
