#include "daemon/decoders/dsmr_decoder.h"

#include <algorithm>
#include <memory>

#include "daemon/decoders/dsmr_names.h"
#include "daemon/decoders/id_text.h"
#include "daemon/decoders/number_text.h"
#include "daemon/decoders/payload_text.h"
#include "pipeline/characters.h"
#include "pipeline/time_text.h"
#include "pipeline/whole_number.h"

namespace edgetide {

namespace {

constexpr std::size_t digits_of_time = 12;  // YYMMDDhhmmss

bool looks_like_time(std::string_view text) noexcept {
  if (text.size() == digits_of_time + 1 && (text.back() == 'S' || text.back() == 'W')) text.remove_suffix(1);
  return text.size() == digits_of_time && std::all_of(text.begin(), text.end(), is_digit);
}

// Requires: it looks like one.
std::optional<Timestamp> clock_of(std::string_view text) noexcept {
  const auto two_digits = [&](std::size_t at) {
    return static_cast<unsigned>((text[at] - '0') * 10 + (text[at + 1] - '0'));
  };
  return time_of({.year = 2000 + two_digits(0),
                  .month = two_digits(2),
                  .day = two_digits(4),
                  .hour = two_digits(6),
                  .minute = two_digits(8),
                  .second = two_digits(10)});
}

// "4B414C" is "KAL"; what is not printable text in hexadecimal stays as it is.
std::string_view identity_of(std::string_view hexadecimal, std::string& text, DecodedBatch& out) {
  text.clear();
  for (std::size_t i = 0; i < hexadecimal.size(); i += 2) {
    const std::string_view digits = hexadecimal.substr(i, 2);
    const auto byte = whole_number<unsigned char>(digits, 16);
    if (digits.size() != 2 || !byte || *byte <= ' ' || *byte > '~') return hexadecimal;
    text += static_cast<char>(*byte);
    if (text.size() > max_id_bytes) return hexadecimal;
  }
  return text.empty() ? hexadecimal : out.keep(text);
}

bool has_quantity(std::string_view code, std::string_view quantity) noexcept {
  return code.size() > quantity.size() && code.ends_with(quantity) && code[code.size() - quantity.size() - 1] == ':';
}

// Of a meter on the M-Bus: its value as DSMR 4 and 5 write it, that of Belgium without a correction by temperature, and
// that of DSMR 2 and 3.
bool is_meter_reading(std::string_view code) noexcept {
  return has_quantity(code, "24.2.1") || has_quantity(code, "24.2.3") || has_quantity(code, "24.3.0");
}

std::size_t slot_of(std::string_view channel) noexcept {
  return static_cast<std::size_t>(channel.front() - '0');
}

}  // namespace

DsmrDecoder::DsmrDecoder(const MappingOptions& options, std::span<const std::string> capture_names)
    : sensor_(sensor_template(options, capture_names)),
      metric_(metric_of_route(options, capture_names)),
      time_(options) {
  require_names("sensor", sensor_, {"id", "header"});
  require_names("metric", metric_, {"metric", "code"});
}

void DsmrDecoder::decode(const Message& message, DecodedBatch& out) {
  MessageOutput output(message, out);
  std::string_view text = text_of_payload(message.payload);
  while (!output.full()) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    if (text.empty()) return;
    const auto offset = static_cast<std::size_t>(text.data() - message.payload.data());
    const auto taken = take_telegram(text);
    if (const auto* const refusal = std::get_if<Refusal>(&taken)) {
      output.refuse(*refusal, offset);
      continue;
    }
    const auto& telegram = std::get<DsmrTelegram>(taken);
    Record record{message, output, offset, telegram.header, out.readings.size()};
    decode_telegram(telegram, record);
  }
}

void DsmrDecoder::decode_telegram(const DsmrTelegram& telegram, Record& record) {
  note_identities(telegram.objects, record);
  record.sensor = sensor_of(record);
  if (!is_id(record.sensor, record.output.batch().max_id_bytes))
    return record.output.refuse(Refusal::bad_id, "sensor", record.offset);
  for (std::string_view lines = telegram.objects; !lines.empty() && !record.output.full();) {
    while (!lines.empty() && is_blank(lines.front())) lines.remove_prefix(1);
    if (lines.empty()) return;
    DsmrObject object;
    if (take_object(lines, object)) {
      take(object, record);
    } else {
      record.output.refuse(Refusal::bad_syntax, record.offset);
    }
  }
}

// What the readings need, wherever in the telegram it stands.
void DsmrDecoder::note_identities(std::string_view objects, Record& record) {
  for (DsmrObject object; !objects.empty();) {
    if (!take_object(objects, object) || object.count != 1) continue;
    if (object.code == "0-0:1.0.0") record.time = object.values[0];
    if (object.code == "0-0:96.1.1") record.id = identity_of(object.values[0], scratch_, record.output.batch());
    const std::string_view channel = dsmr_channel(object.code);
    if (!channel.empty() && has_quantity(object.code, "24.1.0")) {
      record.media[slot_of(channel)] = dsmr_medium(object.values[0]);
    }
  }
}

// Of several meters of one kind each has its own: "water_2".
std::string_view DsmrDecoder::medium_of(std::string_view channel, const Record& record) {
  const std::string_view medium = record.media[slot_of(channel)];
  if (medium.empty()) return dsmr_medium({});
  if (std::count(record.media.begin(), record.media.end(), medium) == 1) return medium;
  return record.output.batch().keep((std::string(medium) += '_').append(channel));
}

std::string_view DsmrDecoder::sensor_of(const Record& record) {
  if (!sensor_) return record.id.empty() ? record.header : record.id;
  return sensor_->expand(record.message, scratch_, record.output.batch(),
                         [&](std::string_view name) { return name == "id" ? record.id : record.header; });
}

void DsmrDecoder::take(const DsmrObject& object, Record& record) {
  if (object.code.empty()) {
    if (object.count == 1) take_older_gas(object.values[0], record);
    return;
  }
  record.older_gas = has_quantity(object.code, "24.3.0") ? object : DsmrObject();
  const bool has_time = object.count == 2 && looks_like_time(object.values[0]);
  if (object.count != 1 && !has_time) return;
  const std::string_view value = object.values[object.count - 1];
  const std::size_t star = value.find('*');
  take_reading(object.code, has_time ? object.values[0] : std::string_view(), value.substr(0, star),
               star == std::string_view::npos ? std::string_view() : value.substr(star + 1), record);
}

// "0-1:24.3.0(090212160000)(00)(60)(1)(0-1:24.2.1)(m3)", and in the next line "(00001.001)".
void DsmrDecoder::take_older_gas(std::string_view value, Record& record) {
  constexpr std::size_t count = 6, unit = 5;
  const DsmrObject gas = std::exchange(record.older_gas, DsmrObject());
  if (gas.count != count || !looks_like_time(gas.values[0])) return;
  take_reading(gas.code, gas.values[0], value, gas.values[unit], record);
}

void DsmrDecoder::take_reading(std::string_view code, std::string_view time, std::string_view value,
                               std::string_view unit, Record& record) {
  if (value.empty() || !is_dsmr_measurement(code)) return;
  DecodedBatch& out = record.output.batch();
  const auto number = exact_number(value);
  const std::string_view channel = is_meter_reading(code) ? dsmr_channel(code) : std::string_view();
  const std::string_view metric = channel.empty() ? dsmr_metric(code) : medium_of(channel, record);
  if (!number && metric.empty() && unit.empty()) return;  // some text
  DecodedReading reading{
      .sensor = record.sensor, .metric = metric.empty() ? code : metric, .unit = unit, .event_time = {}};
  if (metric_) reading.metric = metric_of(reading.metric, code, record);
  if (!is_id(reading.metric, out.max_id_bytes)) return record.output.refuse(Refusal::bad_id, "metric", record.offset);
  if (!is_id_or_empty(unit, out.max_id_bytes)) return record.output.refuse(Refusal::bad_id, "unit", record.offset);
  if (!number) return record.output.refuse(Refusal::bad_number, reading.metric, record.offset);
  reading.value = *number;
  if (!channel.empty()) {
    reading.first_label = static_cast<std::uint32_t>(out.labels.size());
    reading.label_count = 1;
    out.labels.push_back({"channel", channel});
    if (!time.empty()) reading.counts = Counts::if_new;
  }
  // What has the peak of a month is older with each day; that it is the peak holds now.
  if (time.empty() || channel.empty()) time = record.time;
  if (!time.empty()) read_time(time, record.message, reading, out);
  if (is_repeated(reading, record)) return record.output.refuse(Refusal::repeated_name, reading.metric, record.offset);
  record.output.add(reading, record.offset);
}

bool DsmrDecoder::is_repeated(const DecodedReading& reading, const Record& record) noexcept {
  const DecodedBatch& out = record.output.batch();
  const auto channel_of = [&](const DecodedReading& one) {
    return one.label_count == 0 ? std::string_view() : out.labels_of(one).front().value;
  };
  const auto in_telegram = std::span(out.readings).subspan(record.first_reading);
  return std::any_of(in_telegram.begin(), in_telegram.end(), [&](const DecodedReading& one) {
    return one.metric == reading.metric && channel_of(one) == channel_of(reading);
  });
}

std::string_view DsmrDecoder::metric_of(std::string_view metric, std::string_view code, const Record& record) {
  return metric_->expand(record.message, scratch_, record.output.batch(),
                         [&](std::string_view name) { return name == "code" ? code : metric; });
}

void DsmrDecoder::read_time(std::string_view text, const Message& message, DecodedReading& reading, DecodedBatch& out) {
  constexpr Duration summer = Duration::hours(2), winter = Duration::hours(1);
  const auto clock = looks_like_time(text) ? clock_of(text) : std::nullopt;
  if (!clock) {
    reading.event_time = unreadable_time;
  } else if (is_digit(text.back())) {
    time_.read_local(*clock, message, reading, out);
  } else {
    reading.event_time = *clock - (text.back() == 'S' ? summer : winter);
  }
}

const Format dsmr_format{
    .name = "dsmr",
    .takes = {"timezone"},
    .make = [](const MappingOptions& options, std::span<const std::string> captures) -> std::unique_ptr<Decoder> {
      return std::make_unique<DsmrDecoder>(options, captures);
    },
    .lines_have_names = true,
    .framing = Framing::telegram,
};

}  // namespace edgetide
