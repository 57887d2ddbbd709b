#include "daemon/decoders/nmea0183_decoder.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/line_text.h"
#include "daemon/decoders/number_text.h"

namespace edgetide {

namespace {

constexpr double knot = 1852.0 / 3600, kilometre_per_hour = 1 / 3.6, mile_per_hour = 0.44704;  // m/s
constexpr double foot = 0.3048, fathom = 1.8288;                                               // m
constexpr std::size_t fields_of_transducer = 4;

// What a type of transducer measures, and how it names the unit.
struct Transducer {
  std::string_view type, unit;  // as sent
  std::string_view metric, name_of_unit;
};
constexpr Transducer transducers[] = {
    {"A", "D", "angle", "°"},      {"C", "C", "temperature", "°C"}, {"D", "M", "displacement", "m"},
    {"F", "H", "frequency", "Hz"}, {"G", "", "generic", ""},        {"H", "P", "humidity", "%"},
    {"I", "A", "current", "A"},    {"L", "S", "salinity", "‰"},     {"N", "N", "force", "N"},
    {"P", "B", "pressure", "bar"}, {"P", "P", "pressure", "Pa"},    {"R", "l", "flow", "l/s"},
    {"S", "", "switch", ""},       {"T", "R", "rotation", "rpm"},   {"U", "V", "voltage", "V"},
    {"V", "M", "volume", "m³"},
};

struct SpeedUnit {
  std::string_view letter;
  double metres_per_second;
};
constexpr SpeedUnit speed_units[] = {{"N", knot}, {"M", 1}, {"K", kilometre_per_hour}, {"S", mile_per_hour}};

}  // namespace

const Nmea0183Decoder::Kind Nmea0183Decoder::kinds[] = {
    {"XDR", &Nmea0183Decoder::take_xdr}, {"MTW", &Nmea0183Decoder::take_mtw}, {"MWV", &Nmea0183Decoder::take_mwv},
    {"DBT", &Nmea0183Decoder::take_dbt}, {"DPT", &Nmea0183Decoder::take_dpt}, {"RMC", &Nmea0183Decoder::take_rmc},
    {"GGA", &Nmea0183Decoder::take_gga}, {"ZDA", &Nmea0183Decoder::take_zda},
};

Nmea0183Decoder::Nmea0183Decoder(const MappingOptions& options, std::span<const std::string> capture_names)
    : sensor_(sensor_template(options, capture_names)), metric_(metric_of_route(options, capture_names)) {
  require_names("sensor", sensor_, {"talker", "sentence"});
  require_names("metric", metric_, {"metric", "talker", "sentence"});
}

void Nmea0183Decoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  for_each_line(message.payload, [&](std::string_view line, std::size_t offset) {
    if (!output.full()) decode_sentence(line, message, offset, output);
  });
}

void Nmea0183Decoder::decode_sentence(std::string_view line, const Message& message, std::size_t offset,
                                      MessageOutput& output) {
  NmeaSentence sentence;
  if (const auto refusal = read_sentence(line, sentence)) return output.refuse(*refusal, offset);
  NmeaClock& clock = clocks_.of(message.topic);
  clock.begin_sentence();
  const auto kind =
      std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& each) { return each.name == sentence.name; });
  if (kind == std::end(kinds)) return output.refuse(Refusal::unsupported, offset);
  Record record{message, sentence, output, clock, offset};
  record.sensor = sensor_ ? expand(*sensor_, record, {}) : sentence.address;
  if (!is_id(record.sensor, output.batch().max_id_bytes)) return output.refuse(Refusal::bad_id, "sensor", offset);
  output.begin_record();
  (this->*kind->take)(record);
}

// Type, value, unit, name; any number of them.
void Nmea0183Decoder::take_xdr(Record& record) {
  const std::size_t count = record.sentence.count;
  if (count == 0 || count % fields_of_transducer != 0) return record.output.refuse(Refusal::bad_syntax, record.offset);
  for (std::size_t i = 0; i < count; i += fields_of_transducer) take_transducer(record, i);
}

void Nmea0183Decoder::take_transducer(Record& record, std::size_t first_field) {
  const NmeaSentence& sentence = record.sentence;
  const std::string_view type = sentence.field(first_field), unit = sentence.field(first_field + 2);
  const auto known = [&](bool same_unit) {
    return std::find_if(std::begin(transducers), std::end(transducers),
                        [&](const Transducer& each) { return each.type == type && (!same_unit || each.unit == unit); });
  };
  const auto of_type = known(false), of_unit = known(true);
  std::string_view metric = sentence.field(first_field + 3);
  if (metric.empty()) metric = of_type == std::end(transducers) ? "transducer" : of_type->metric;
  take_number(record, metric, sentence.field(first_field + 1),
              of_unit == std::end(transducers) ? unit : of_unit->name_of_unit);
}

void Nmea0183Decoder::take_mtw(Record& record) {
  if (record.sentence.field(1) != "C") return record.output.refuse(Refusal::bad_unit, record.offset);
  take_number(record, "water_temperature", record.sentence.field(0), "°C");
}

// Angle, R (apparent) or T (true), speed, its unit, A if it is valid.
void Nmea0183Decoder::take_mwv(Record& record) {
  const NmeaSentence& sentence = record.sentence;
  if (sentence.field(4) != "A") return;
  const bool is_true = sentence.field(1) == "T";
  if (!is_true && sentence.field(1) != "R") return record.output.refuse(Refusal::bad_syntax, record.offset);
  take_number(record, is_true ? "true_wind_angle" : "apparent_wind_angle", sentence.field(0), "°");
  const auto unit = std::find_if(std::begin(speed_units), std::end(speed_units),
                                 [&](const SpeedUnit& each) { return each.letter == sentence.field(3); });
  if (unit == std::end(speed_units)) return record.output.refuse(Refusal::bad_unit, record.offset);
  take_number(record, is_true ? "true_wind_speed" : "apparent_wind_speed", sentence.field(2), "m/s",
              unit->metres_per_second);
}

// The same depth in feet, metres and fathoms; some talkers fill in only one of them.
void Nmea0183Decoder::take_dbt(Record& record) {
  const NmeaSentence& sentence = record.sentence;
  if (!sentence.field(2).empty()) return take_number(record, "depth", sentence.field(2), "m");
  if (!sentence.field(0).empty()) return take_number(record, "depth", sentence.field(0), "m", foot);
  take_number(record, "depth", sentence.field(4), "m", fathom);
}

void Nmea0183Decoder::take_dpt(Record& record) {
  take_number(record, "depth", record.sentence.field(0), "m");
  take_number(record, "depth_offset", record.sentence.field(1), "m");
}

// Time, A if it is valid, position, speed in knots, course, date.
void Nmea0183Decoder::take_rmc(Record& record) {
  const NmeaSentence& sentence = record.sentence;
  if (sentence.field(1) != "A") return;
  const auto date = nmea_date(sentence.field(8));
  const auto time = nmea_time_of_day(sentence.field(0));
  if (!date || !time) return record.output.refuse(Refusal::bad_time, record.offset);
  record.clock.set(*date + *time);
  take_position(record, 2);
  take_number(record, "speed", sentence.field(6), "m/s", knot);
  take_number(record, "course", sentence.field(7), "°");
}

// Time of day, position, quality (0: none), satellites, dilution, altitude in metres.
void Nmea0183Decoder::take_gga(Record& record) {
  const NmeaSentence& sentence = record.sentence;
  if (sentence.field(5).empty() || sentence.field(5) == "0") return;
  const auto time = nmea_time_of_day(sentence.field(0));
  if (!time) return record.output.refuse(Refusal::bad_time, record.offset);
  record.clock.set_time_of_day(*time);
  take_position(record, 1);
  take_number(record, "satellites", sentence.field(6), "");
  take_number(record, "hdop", sentence.field(7), "");
  take_number(record, "altitude", sentence.field(8), "m");
}

// Time, day, month, year. A receiver without a fix sends empty fields.
void Nmea0183Decoder::take_zda(Record& record) {
  const NmeaSentence& sentence = record.sentence;
  if (sentence.field(0).empty()) return;
  const auto time = nmea_time_of_day(sentence.field(0));
  const auto date = nmea_date(sentence.field(1), sentence.field(2), sentence.field(3));
  if (!date || !time) return record.output.refuse(Refusal::bad_time, record.offset);
  record.clock.set(*date + *time);
}

void Nmea0183Decoder::take_position(Record& record, std::size_t first_field) {
  const NmeaSentence& sentence = record.sentence;
  take_angle(record, "latitude", sentence.field(first_field), sentence.field(first_field + 1));
  take_angle(record, "longitude", sentence.field(first_field + 2), sentence.field(first_field + 3));
}

// "4807.038" is 48 degrees and 7.038 minutes.
void Nmea0183Decoder::take_angle(Record& record, std::string_view metric, std::string_view text,
                                 std::string_view hemisphere) {
  if (text.empty() && hemisphere.empty()) return;
  const bool is_latitude = hemisphere == "N" || hemisphere == "S";
  const auto number = exact_number(text);
  const bool fits = is_latitude == (metric == "latitude") && (is_latitude || hemisphere == "E" || hemisphere == "W");
  if (!number || !fits || !(*number >= 0)) return record.output.refuse(Refusal::bad_number, metric, record.offset);
  const double degrees = std::floor(*number / 100), minutes = *number - degrees * 100;
  const double angle = degrees + minutes / 60;
  if (minutes >= 60 || angle > (is_latitude ? 90 : 180)) {
    return record.output.refuse(Refusal::bad_number, metric, record.offset);
  }
  add(record, metric, hemisphere == "S" || hemisphere == "W" ? -angle : angle, "°");
}

void Nmea0183Decoder::take_number(Record& record, std::string_view metric, std::string_view text, std::string_view unit,
                                  double scale) {
  if (text.empty()) return;
  if (const auto number = exact_number(text)) return add(record, metric, *number * scale, unit);
  record.output.refuse(is_not_finite(text) ? Refusal::not_finite : Refusal::bad_number,
                       is_id(metric) ? metric : record.sensor, record.offset);
}

void Nmea0183Decoder::add(Record& record, std::string_view metric, double value, std::string_view unit) {
  if (metric_) metric = expand(*metric_, record, metric);
  const std::size_t most = record.output.batch().max_id_bytes;
  if (!is_id(metric, most)) return record.output.refuse(Refusal::bad_id, "metric", record.offset);
  if (!is_id_or_empty(unit, most)) return record.output.refuse(Refusal::bad_id, "unit", record.offset);
  record.output.add(
      {.sensor = record.sensor, .metric = metric, .unit = unit, .event_time = record.clock.now(), .value = value},
      record.offset);
}

std::string_view Nmea0183Decoder::expand(const TextTemplate& text, const Record& record, std::string_view metric) {
  return text.expand(record.message, scratch_, record.output.batch(), [&](std::string_view name) {
    if (name == "talker") return record.sentence.talker;
    return name == "sentence" ? record.sentence.name : metric;
  });
}

const Format nmea0183_format{
    .name = "nmea0183",
    .takes = {},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<Nmea0183Decoder>(options, captures);
    },
    .lines_have_names = true,
};

}  // namespace edgetide
