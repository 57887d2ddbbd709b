// `edgetide decode`: what the configuration makes of one message.
#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/route_choice.h"
#include "daemon/decoders/id_text.h"
#include "daemon/decoders/label_difference.h"
#include "daemon/intake/event_time.h"
#include "daemon/monitor/json_writer.h"
#include "daemon/monitor/text_table.h"
#include "daemon/service/clock.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

std::string read_payload(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& input = path == "-" ? std::cin : file;
  if (!input) throw std::runtime_error(path + ": cannot be read");
  std::string payload(std::istreambuf_iterator<char>(input), {});
  return payload;
}

std::string arrival_text(Duration from_arrival) {
  if (from_arrival < Duration()) return "arrival - " + short_text(Duration() - from_arrival);
  return from_arrival == Duration() ? "arrival" : "arrival + " + short_text(from_arrival);
}

std::string time_text(const DecodedReading& reading) {
  if (!reading.event_time) return arrival_text(reading.from_arrival);
  return *reading.event_time == unreadable_time ? "unreadable" : to_rfc3339(*reading.event_time);
}

std::string line_text(const DecodedBatch& batch, const DecodedReading& reading) {
  char digits[32];
  const std::string_view value(
      digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, reading.value).ptr - digits));
  std::string line = time_text(reading);
  line.resize(std::max<std::size_t>(line.size(), 27), ' ');
  for (const std::string_view text : {reading.sensor, reading.metric, value}) line += "  " + escaped(text);
  if (!reading.unit.empty()) line += ' ' + escaped(reading.unit);
  for (const LabelView& label : batch.labels_of(reading)) {
    line += "  " + escaped(label.key) + '=' + escaped(label.value);
  }
  return line + '\n';
}

// As `edgetide replay` takes it.
std::string line_json(const std::string& source, const DecodedBatch& batch, const DecodedReading& reading) {
  JsonWriter out;
  out.open('{').member("source", source).member("sensor", reading.sensor).member("metric", reading.metric);
  out.key("labels").open('{');
  for (const LabelView& label : batch.labels_of(reading)) out.member(label.key, label.value);
  out.close('}');
  if (reading.event_time == unreadable_time) {
    out.member("time", std::string_view("unreadable"));
  } else if (reading.event_time) {
    out.member("time", *reading.event_time);
  } else if (reading.from_arrival != Duration()) {
    out.member("seconds_from_arrival", reading.from_arrival);
  }
  out.member("value", reading.value);
  return out.member("unit", reading.unit).close('}').take() + '\n';
}

std::string text_of(const DecodedRefusal& refusal) {
  std::string text = "refused: " + std::string(name_of(refusal.reason));
  if (!refusal.where.empty()) text += " at " + escaped(refusal.where);
  if (refusal.offset > 0) text += ", byte " + std::to_string(refusal.offset);
  return text + '\n';
}

std::string text_of(const DecodedBatch& batch, const MixedReadings& mixed) {
  const DecodedReading& reading = batch.readings[mixed.first];
  return "warning: sensor " + escaped(reading.sensor) + ", metric " + escaped(reading.metric) + ": " +
         escaped(mixed_advice(mixed.labels)) + '\n';
}

Timestamp arrival_of(const DecodeOptions& options) {
  if (options.arrival.empty()) return wall_time();
  const std::optional<Timestamp> arrival = parse_rfc3339(options.arrival);
  if (!arrival) throw std::runtime_error("--arrival: not a time in RFC 3339, as 2026-01-31T12:00:00Z");
  return *arrival;
}

// A local time that comes twice is known by the arrival.
void settle_times(DecodedBatch& batch, Timestamp arrival) {
  for (DecodedReading& reading : batch.readings) {
    if (reading.event_time && reading.repeats_after() > 0) reading.event_time = event_time_of(reading, arrival);
  }
}

}  // namespace

int decode_command(const DecodeOptions& options) {
  const Timestamp arrival = arrival_of(options);
  const GatewayOptions gateway = load_configuration(options.config, {.resolve_secrets = false}).options;
  const RouteChoice found = choose_route(gateway.sources, options.source, options.topic);
  const std::string payload = read_payload(options.input);
  Router router({found.route});
  DecodedBatch batch;  // refers to the payload and the router
  decode_message(router, options.topic, payload, found.takes_lines, batch);
  settle_times(batch, arrival);
  std::cerr << "source " << found.source;
  if (!found.route.topic.empty()) std::cerr << ", route \"" << found.route.topic << '"';
  std::cerr << ", format " << found.route.mapping.format->name << '\n';
  for (const DecodedReading& reading : batch.readings) {
    std::cout << (options.format == ListFormat::json ? line_json(found.source, batch, reading)
                                                     : line_text(batch, reading));
  }
  for (const DecodedRefusal& refusal : batch.refusals) std::cerr << text_of(refusal);
  for (const MixedReadings& mixed : mixed_readings(batch)) std::cerr << text_of(batch, mixed);
  for (const std::string_view notice : batch.notices) std::cerr << "note: " << escaped(notice) << '\n';
  if (batch.readings.empty() && batch.refusals.empty()) std::cerr << "no value in it is taken\n";
  std::cout << std::flush;
  return batch.readings.empty() ? exit_failed : exit_fine;
}

}  // namespace edgetide
