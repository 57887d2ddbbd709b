// `edgetide quarantine list|replay|export`: the readings that entered no window and the messages that gave none, also
// while the daemon runs. (`apply` asks the daemon: ask.cpp.)
#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <iostream>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/message_redecoder.h"
#include "daemon/decoders/no_reading.h"
#include "daemon/monitor/json_writer.h"
#include "daemon/service/quantity.h"
#include "daemon/storage/posix_file_system.h"
#include "daemon/storage/quarantine_reader.h"
#include "pipeline/glob.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

// Calls take(reading) or take(message) for each, oldest first.
template <typename Take>
void read_quarantine(const GatewayOptions& gateway, Take&& take) {
  PosixFileSystem files;
  QuarantineReader reader(files, gateway.state_directory);
  if (const auto refusal = reader.open()) throw std::runtime_error(refusal->text);
  while (auto record = reader.next_record()) std::visit(take, std::move(*record));
  if (reader.records_lost() == 0) return;
  std::cerr << "edgetide: " << reader.records_lost() << " records were lost to damage on the disk\n";
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

// Bytes as text: what is not printable ASCII as "\\xNN", a backslash as two.
std::string bytes_text_of(std::string_view bytes) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      text += "\\\\";
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return text;
}

std::string_view reason_of(const QuarantinedMessage& message) {
  return message.reason ? name_of(*message.reason) : name_of(NoReading::no_value);
}

std::string list_line_json(const QuarantinedMessage& message) {
  JsonWriter out;
  out.open('{').member("reason", reason_of(message)).member("arrival", message.arrival);
  out.member("source", message.source).member("topic", bytes_text_of(message.topic));
  out.member("bytes", message.bytes).member("cut", message.is_cut).member("payload", bytes_text_of(message.payload));
  return out.close('}').take() + '\n';
}

std::string list_line_json(const QuarantinedReading& reading) {
  JsonWriter out;
  out.open('{').member("reason", name_of(reading.reason)).member("arrival", reading.arrival);
  write_reading(out, reading, TimeText::rfc3339);
  out.member("unit", reading.series.unit).close('}');
  return out.take() + '\n';
}

std::string reason_column(std::string_view reason) {
  std::string column(reason);
  column.resize(17, ' ');
  return column;
}

std::string list_line_text(const QuarantinedMessage& message) {
  constexpr std::size_t time_width = 27;
  std::string arrival = message.arrival ? to_rfc3339(*message.arrival) : "-";
  arrival.resize(std::max(arrival.size(), time_width), ' ');
  std::string line = reason_column(reason_of(message)) + arrival + "  -" + std::string(time_width - 1, ' ');
  line += "  " + message.source + "  " + bytes_text_of(message.topic) + "  " + quantity(message.bytes, "byte") + ": ";
  return line + bytes_text_of(message.payload) + (message.is_cut ? " (cut)\n" : "\n");
}

std::string list_line_text(const QuarantinedReading& reading) {
  std::string line = reason_column(name_of(reading.reason));
  line += to_rfc3339(reading.arrival) + "  " + to_rfc3339(reading.event_time);
  for (const std::string& text : {reading.source, reading.series.sensor, reading.series.metric}) line += "  " + text;
  line += "  " + number_text(reading.value);
  if (!reading.series.unit.empty()) line += ' ' + reading.series.unit;
  for (const Label& label : reading.series.labels) line += "  " + label.key + '=' + label.value;
  return line + '\n';
}

constexpr const char* list_head =
    "REASON           ARRIVED                      EVENT TIME                   SOURCE  SENSOR  METRIC  VALUE  "
    "LABELS\n";

bool is_wanted(const QuarantineListOptions& options, const QuarantinedReading& reading) {
  return (options.reason.empty() || options.reason == name_of(reading.reason)) &&
         (options.sensor.empty() || glob_matches(options.sensor, reading.series.sensor));
}

bool is_wanted(const QuarantineListOptions& options, const QuarantinedMessage& message) {
  return options.sensor.empty() && (options.reason.empty() || options.reason == reason_of(message));
}

// Lines of replay input, in order of event time and without arrival time, so that none is late or has a bad time. Times
// are in microseconds, since a bad time may be outside the range of RFC 3339.
std::vector<std::string> replay_input(const std::string& config) {
  const GatewayOptions gateway = load_configuration(config, {.resolve_secrets = false}).options;
  std::vector<QuarantinedReading> readings;
  MessageRedecoder redecoder(gateway.sources, gateway.enrichment);
  read_quarantine(gateway, [&]<typename Entry>(Entry&& entry) {
    if constexpr (std::is_same_v<std::remove_cvref_t<Entry>, QuarantinedReading>) {
      readings.push_back(std::forward<Entry>(entry));
    } else {
      redecoder.decode(entry, readings);
    }
  });
  if (const std::string summary = redecoder.summary(); !summary.empty()) std::cerr << summary << '\n';
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
  const auto to_line = [&](const auto& entry) {
    return options.format == ListFormat::json ? list_line_json(entry) : list_line_text(entry);
  };
  const GatewayOptions gateway = load_configuration(options.config, {.resolve_secrets = false}).options;
  if (options.format == ListFormat::text) std::cout << list_head;
  std::deque<std::string> newest;
  read_quarantine(gateway, [&](const auto& entry) {
    if (!is_wanted(options, entry)) return;
    if (options.limit == 0) {
      std::cout << to_line(entry);
      return;
    }
    newest.push_back(to_line(entry));
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
