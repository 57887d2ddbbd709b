#include "daemon/monitor/prometheus_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <regex.h>
#include <set>
#include <sstream>

#include "tests/daemon/monitor/monitor_fixture.h"

namespace edgetide {

using testing::HasSubstr;
using testing::Not;

TEST(PrometheusText, has_the_figures_of_the_status) {
  const std::string text = prometheus_text(healthy_status());
  for (const char* line : {
           "edgetide_build_info{version=\"9.8.7\"} 1\n",
           "edgetide_config_last_reload_successful 1\n",
           "edgetide_source_connected{source=\"plant\"} 1\n",
           "edgetide_source_messages_total{source=\"plant\"} 40\n",
           "edgetide_source_readings_total{source=\"plant\"} 55\n",
           "edgetide_readings_refused_total{source=\"plant\",reason=\"bad_syntax\"} 3\n",
           "edgetide_messages_without_reading_total{source=\"plant\",route=\"a/{device}\",reason=\"no_value\"} 7\n",
           "edgetide_messages_without_reading_total{source=\"plant\",route=\"\",reason=\"no_route\"} 2\n",
           "edgetide_source_mixed_readings_total{source=\"plant\"} 4\n",
           "edgetide_source_unmatched_readings_total{source=\"plant\"} 5\n",
           "edgetide_source_bad_time_total{source=\"plant\",reason=\"too_early\"} 1\n",
           "edgetide_late_readings_total{source=\"plant\",outcome=\"accepted\"} 3\n",
           "edgetide_late_readings_total{source=\"plant\",outcome=\"dropped\"} 2\n",
           "edgetide_watermark_lag_seconds{source=\"plant\",of=\"slowest\"} 40\n",
           "edgetide_watermark_lag_seconds{source=\"plant\",of=\"median\"} 10\n",
           "edgetide_idle_series{source=\"plant\"} 1\n",
           "edgetide_windows_open{window=\"minute\"} 6\n",
           "edgetide_rows_emitted_total{window=\"minute\",timing=\"late\"} 2\n",
           "edgetide_window_rows_total{window=\"minute\",state=\"retracted\"} 1\n",
           "edgetide_sink_rows_total{sink=\"store\"} 15\n",
           "edgetide_outbox_bytes{sink=\"store\"} 300\n",
           "edgetide_outbox_oldest_timestamp_seconds{sink=\"store\"} 999995\n",
           "edgetide_sink_write_duration_seconds_bucket{sink=\"store\",le=\"0.002\"} 0\n",
           "edgetide_sink_write_duration_seconds_bucket{sink=\"store\",le=\"0.004\"} 1\n",
           "edgetide_sink_write_duration_seconds_sum{sink=\"store\"} 0.003\n",
           "edgetide_checkpoint_last_success_timestamp_seconds 999980\n",
           "edgetide_checkpoint_duration_seconds 0.04\n",
           "process_resident_memory_bytes 0\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(PrometheusText, counters_begin_at_the_start_of_the_process) {
  GatewayStatus status = healthy_status();
  status.sources[0].counters_before.received = 50;
  status.sources[0].counters_before.outcomes = {38, 1, 0, 2, 5};
  status.sources[0].counters_before.refused[static_cast<std::size_t>(Refusal::bad_syntax)] = 2;
  const std::string text = prometheus_text(status);
  for (const char* line : {
           "edgetide_source_readings_total{source=\"plant\"} 5\n",
           "edgetide_readings_refused_total{source=\"plant\",reason=\"bad_syntax\"} 1\n",
           "edgetide_late_readings_total{source=\"plant\",outcome=\"accepted\"} 2\n",
           "edgetide_late_readings_total{source=\"plant\",outcome=\"dropped\"} 0\n",
           "edgetide_source_unmatched_readings_total{source=\"plant\"} 0\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(PrometheusText, a_hold_for_the_clock_is_seen) {
  GatewayStatus status = healthy_status();
  EXPECT_THAT(prometheus_text(status), HasSubstr("edgetide_clock_set 1\n"));
  EXPECT_THAT(prometheus_text(status), HasSubstr("edgetide_ready 1\n"));
  status.clock_set_within = Duration::seconds(200);
  status.held_readings = 12;
  const std::string text = prometheus_text(status);
  for (const char* line : {"edgetide_clock_set 0\n", "edgetide_held_readings 12\n", "edgetide_ready 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(PrometheusText, max_lag_is_there_where_it_has_a_limit) {
  GatewayStatus status = healthy_status();
  EXPECT_THAT(prometheus_text(status), Not(HasSubstr("edgetide_sink_max_lag_seconds{")));
  status.sinks[0].max_lag = Duration::minutes(2);
  EXPECT_THAT(prometheus_text(status), HasSubstr("edgetide_sink_max_lag_seconds{sink=\"store\"} 120\n"));
}

// As `promtool check metrics` wants it.
TEST(PrometheusText, every_metric_has_a_help_text_before_its_type) {
  std::istringstream lines(prometheus_text(healthy_status()));
  std::string explained;
  std::size_t metrics = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) {
      const std::size_t end = line.find(' ', 7);
      ASSERT_NE(end, line.npos) << line;
      explained = line.substr(7, end - 7);
      EXPECT_GT(line.size(), end + 2) << line;
    } else if (line.starts_with("# TYPE ")) {
      EXPECT_EQ(line.substr(7, line.find(' ', 7) - 7), explained);
      ++metrics;
    }
  }
  EXPECT_GT(metrics, 50U);
}

TEST(PrometheusText, source_that_reads_files_has_their_counts) {
  GatewayStatus status = healthy_status();
  EXPECT_THAT(prometheus_text(status), Not(HasSubstr("source_files_done_total{")));
  status.sources[0].files = FileCounts{7, 2, Duration::seconds(90)};
  const std::string text = prometheus_text(status);
  EXPECT_THAT(text, HasSubstr("edgetide_source_files_done_total{source=\"plant\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("edgetide_source_files_waiting{source=\"plant\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("edgetide_source_files_lag_seconds{source=\"plant\"} 90\n"));
}

TEST(PrometheusText, what_is_not_known_is_absent) {
  GatewayStatus status = healthy_status();
  status.sources[0].watermark = {};
  status.sinks[0].oldest.reset();
  status.storage.checkpoint_at.reset();
  const std::string text = prometheus_text(status);
  EXPECT_THAT(text, Not(HasSubstr("edgetide_watermark_lag_seconds{")));
  EXPECT_THAT(text, Not(HasSubstr("oldest_timestamp_seconds{")));
  EXPECT_THAT(text, Not(HasSubstr("\nedgetide_checkpoint_last_success")));
}

TEST(PrometheusText, delays_are_cumulative_buckets) {
  const std::string text = prometheus_text(healthy_status());
  EXPECT_THAT(text, HasSubstr("edgetide_event_delay_seconds_bucket{source=\"plant\",le=\"0.125\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("edgetide_event_delay_seconds_bucket{source=\"plant\",le=\"2\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("edgetide_event_delay_seconds_bucket{source=\"plant\",le=\"4\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("edgetide_event_delay_seconds_bucket{source=\"plant\",le=\"65536\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("edgetide_event_delay_seconds_bucket{source=\"plant\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("edgetide_event_delay_seconds_count{source=\"plant\"} 3\n"));
}

TEST(PrometheusText, label_values_are_escaped) {
  GatewayStatus status = healthy_status();
  status.version = "a\"b\\c\nd";
  EXPECT_THAT(prometheus_text(status), HasSubstr("edgetide_build_info{version=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

// The name of a sample and its labels; nothing for a line that is none.
class SampleLine {
 public:
  SampleLine() {
    regcomp(&pattern_, R"(^([a-z_]+)(\{[a-z]+="([^"\]|\\.)*"(,[a-z]+="([^"\]|\\.)*")*\})? (-?[0-9.e+-]+|\+Inf|NaN)$)",
            REG_EXTENDED);
  }
  ~SampleLine() { regfree(&pattern_); }
  SampleLine(const SampleLine&) = delete;
  SampleLine& operator=(const SampleLine&) = delete;

  std::string series_of(const std::string& line) const {
    regmatch_t whole[1];
    return regexec(&pattern_, line.c_str(), 1, whole, 0) == 0 ? line.substr(0, line.rfind(' ')) : std::string();
  }

 private:
  regex_t pattern_{};
};

// As a scraper reads it: every sample belongs to the head before it, and no series comes twice.
TEST(PrometheusText, every_line_is_a_head_or_a_sample_of_it) {
  const SampleLine sample;
  std::istringstream lines(prometheus_text(healthy_status()));
  std::set<std::string> seen, heads;
  std::string metric;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      metric = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(heads.insert(metric).second) << line;
      EXPECT_EQ(line.find("counter") != line.npos, metric.ends_with("_total")) << line;
    } else if (!line.starts_with("# HELP ")) {
      const std::string series = sample.series_of(line);
      EXPECT_TRUE(!series.empty() && series.starts_with(metric)) << line;
      EXPECT_TRUE(seen.insert(series).second) << line;
    }
  }
  EXPECT_GT(heads.size(), 40U);
}

TEST(DelayHistogram, bounds_are_the_largest_delay_of_their_bucket) {
  const std::vector<std::pair<Duration, std::size_t>> cases = {
      {Duration::seconds(-5), 0},       {Duration(), 0},
      {Duration::milliseconds(125), 0}, {Duration::microseconds(125'001), 1},
      {Duration::milliseconds(250), 1}, {Duration::microseconds(250'001), 2},
      {Duration::seconds(1), 3},        {Duration::microseconds(1'000'001), 4},
      {Duration::seconds(65'536), 19},  {Duration::microseconds(65'536'000'001), 20},
      {Duration::unlimited(), 20},
  };
  for (const auto& [delay, bucket] : cases) {
    DelayHistogram histogram;
    histogram.add(delay);
    EXPECT_EQ(histogram.counts[bucket], 1U) << delay.count();
  }
  EXPECT_EQ(DelayHistogram::bound_seconds(19), 65'536);
}

}  // namespace edgetide
