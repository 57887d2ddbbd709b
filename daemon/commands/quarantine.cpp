// `edgetide quarantine list|replay|export`: the readings that entered no window, also while the daemon runs.
#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <iostream>
#include <stdexcept>
#include <vector>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/monitor/json_writer.h"
#include "daemon/storage/posix_file_system.h"
#include "daemon/storage/quarantine_reader.h"
#include "pipeline/glob.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

// Calls take(reading) for each, oldest first.
template <typename Take>
void read_quarantine(const std::string& config, Take&& take) {
  const Configuration configuration = load_configuration(config, {.resolve_secrets = false});
  PosixFileSystem files;
  QuarantineReader reader(files, configuration.options.state_directory);
  if (const auto refusal = reader.open()) throw std::runtime_error(refusal->text);
  while (auto reading = reader.next()) take(std::move(*reading));
  if (reader.readings_lost() == 0) return;
  std::cerr << "edgetide: " << reader.readings_lost() << " readings were lost to damage on the disk\n";
}

std::string number_text(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

// What `list --format json` and `export` have in common.
void write_reading(JsonWriter& out, const QuarantinedReading& reading, TimeText times) {
  out.member("source", reading.source).member("sensor", reading.series.sensor).member("metric", reading.series.metric);
  out.key("labels").open('{');
  for (const Label& label : reading.series.labels) out.member(label.key, label.value);
  out.close('}').member("time", reading.event_time, times).member("value", reading.value);
}

std::string list_line_json(const QuarantinedReading& reading) {
  JsonWriter out;
  out.open('{').member("reason", name_of(reading.reason)).member("arrival", reading.arrival);
  write_reading(out, reading, TimeText::rfc3339);
  out.member("unit", reading.series.unit).close('}');
  return out.take() + '\n';
}

std::string list_line_text(const QuarantinedReading& reading) {
  std::string line(name_of(reading.reason));
  line.resize(14, ' ');
  line += to_rfc3339(reading.arrival) + "  " + to_rfc3339(reading.event_time);
  for (const std::string& text : {reading.source, reading.series.sensor, reading.series.metric}) line += "  " + text;
  line += "  " + number_text(reading.value);
  if (!reading.series.unit.empty()) line += ' ' + reading.series.unit;
  for (const Label& label : reading.series.labels) line += "  " + label.key + '=' + label.value;
  return line + '\n';
}

constexpr const char* list_head =
    "REASON        ARRIVED                      EVENT TIME                   SOURCE  SENSOR  METRIC  VALUE  LABELS\n";

bool is_wanted(const QuarantineListOptions& options, const QuarantinedReading& reading) {
  return (options.reason.empty() || options.reason == name_of(reading.reason)) &&
         (options.sensor.empty() || glob_matches(options.sensor, reading.series.sensor));
}

// Lines of replay input, in order of event time and without arrival time, so that none is late or has a bad time. Times
// are in microseconds, since a bad time may be outside the range of RFC 3339.
std::vector<std::string> replay_input(const std::string& config) {
  std::vector<QuarantinedReading> readings;
  read_quarantine(config, [&](QuarantinedReading reading) { readings.push_back(std::move(reading)); });
  std::stable_sort(readings.begin(), readings.end(),
                   [](const auto& a, const auto& b) { return a.event_time < b.event_time; });
  std::vector<std::string> lines;
  for (const QuarantinedReading& reading : readings) {
    JsonWriter out;
    out.open('{');
    write_reading(out, reading, TimeText::microseconds);
    lines.push_back(out.close('}').take());
  }
  return lines;
}

int finish_output() {
  std::cout << std::flush;
  if (!std::cout) throw std::runtime_error("cannot write to standard output");
  return exit_fine;
}

}  // namespace

int quarantine_list_command(const QuarantineListOptions& options) {
  const auto to_line = options.format == ListFormat::json ? list_line_json : list_line_text;
  if (options.format == ListFormat::text) std::cout << list_head;
  std::deque<std::string> newest;
  read_quarantine(options.config, [&](const QuarantinedReading& reading) {
    if (!is_wanted(options, reading)) return;
    if (options.limit == 0) {
      std::cout << to_line(reading);
      return;
    }
    newest.push_back(to_line(reading));
    if (newest.size() > options.limit) newest.pop_front();
  });
  for (const std::string& line : newest) std::cout << line;
  return finish_output();
}

int quarantine_replay_command(const QuarantineReplayOptions& options) {
  const std::vector<std::string> lines = replay_input(options.config);
  ReplayOptions replay;
  replay.config = options.config;
  replay.input = "quarantine";  // for messages
  replay.output = options.output;
  replay.flush = true;
  return replay_lines(replay, [&, next = lines.begin()](std::string& line) mutable {
    if (next == lines.end()) return false;
    line = *next++;
    return true;
  });
}

int quarantine_export_command(const std::string& config) {
  for (const std::string& line : replay_input(config)) std::cout << line << '\n';
  return finish_output();
}

}  // namespace edgetide
