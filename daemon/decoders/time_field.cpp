#include "daemon/decoders/time_field.h"

#include <cmath>
#include <stdexcept>
#include <string>

#include "daemon/decoders/number_text.h"
#include "pipeline/floor_divide.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

constexpr Duration longest_change = Duration::hours(3);  // by which clocks are set back

TimeFormat format_by_size(double number) noexcept {
  const double size = std::abs(number);
  if (size < 5e9) return TimeFormat::unix_s;
  if (size < 5e12) return TimeFormat::unix_ms;
  if (size < 5e15) return TimeFormat::unix_us;
  return TimeFormat::unix_ns;
}

std::optional<Timestamp> scaled(std::int64_t number, std::int64_t factor) noexcept {
  std::int64_t microseconds = 0;
  if (__builtin_mul_overflow(number, factor, &microseconds)) return std::nullopt;
  return Timestamp::microseconds(microseconds);
}

std::optional<Timestamp> nearest(double microseconds) noexcept {
  constexpr double limit = 9223372036854774784.0;  // the largest double below 2^63
  if (!(std::abs(microseconds) <= limit)) return std::nullopt;
  return Timestamp::microseconds(static_cast<std::int64_t>(std::round(microseconds)));
}

}  // namespace

std::optional<Timestamp> time_of_integer(std::int64_t number, TimeFormat format) noexcept {
  if (format == TimeFormat::automatic) format = format_by_size(static_cast<double>(number));
  switch (format) {
    case TimeFormat::unix_s:
      return scaled(number, 1'000'000);
    case TimeFormat::unix_ms:
      return scaled(number, 1'000);
    case TimeFormat::unix_us:
      return Timestamp::microseconds(number);
    case TimeFormat::unix_ns:
      return Timestamp::microseconds(floor_divide(number, 1000));
    case TimeFormat::unix_minutes:
      return scaled(number, 60'000'000);
    case TimeFormat::unix_hours:
      return scaled(number, 3'600'000'000);
    case TimeFormat::automatic:
    case TimeFormat::rfc3339:
      break;
  }
  return std::nullopt;
}

std::optional<Timestamp> time_of_number(double number, TimeFormat format) noexcept {
  if (format == TimeFormat::automatic) format = format_by_size(number);
  switch (format) {
    case TimeFormat::unix_s:
      return nearest(number * 1e6);
    case TimeFormat::unix_ms:
      return nearest(number * 1e3);
    case TimeFormat::unix_us:
      return nearest(number);
    case TimeFormat::unix_ns:
      return nearest(number / 1e3);
    case TimeFormat::unix_minutes:
      return nearest(number * 6e7);
    case TimeFormat::unix_hours:
      return nearest(number * 3.6e9);
    case TimeFormat::automatic:
    case TimeFormat::rfc3339:
      break;
  }
  return std::nullopt;
}

std::optional<Timestamp> time_of_text(std::string_view text, TimeFormat format) noexcept {
  if (format == TimeFormat::automatic || format == TimeFormat::rfc3339) {
    const auto time = parse_rfc3339(text);
    if (time || format == TimeFormat::rfc3339) return time;
  }
  if (const auto integer = exact_integer(text)) return time_of_integer(*integer, format);
  if (const auto number = exact_number(text)) return time_of_number(*number, format);
  if (format != TimeFormat::automatic) return std::nullopt;
  const auto iso = parse_iso8601(text);
  return iso && iso->has_zone ? std::optional(iso->time) : std::nullopt;
}

LocalTime local_time(Timestamp local, const TimeZone& zone) noexcept {
  const auto offset_at = [&](Timestamp utc) { return zone.to_local(utc) - utc; };
  const Timestamp utc = zone.to_utc(local);
  if (zone.to_local(utc) != local) return {local - offset_at(utc - Duration::microseconds(1))};
  const Timestamp second = local - offset_at(utc + longest_change);
  if (second <= utc || zone.to_local(second) != local) return {utc};
  return {utc, static_cast<std::uint16_t>((second - utc).count() / 1'000'000)};
}

TimeReader::TimeReader(const MappingOptions& options) : format_(options.time.format), zone_(options.time_zone) {
  try {
    if (!options.time.pattern.empty()) pattern_.emplace(options.time.pattern);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument("time: the pattern '" + options.time.pattern + "' cannot be used: " + error.what());
  }
}

void TimeReader::read_parts(std::string_view date, std::string_view time_of_day, const Message& message,
                            DecodedReading& reading, DecodedBatch& out) {
  scratch_.assign(date);
  scratch_ += pattern_ ? ' ' : 'T';
  scratch_ += time_of_day;
  read(scratch_, message, reading, out);
}

void TimeReader::read(std::string_view text, const Message& message, DecodedReading& reading, DecodedBatch& out) {
  reading.local = 0;
  if (!pattern_) {
    reading.event_time = time_of_text(text, message.time_format.value_or(format_));
    if (reading.event_time) return;
  }
  const auto clock = read_clock(text);
  if (clock && !clock->has_zone) return read_local(clock->time, message, reading, out);
  reading.event_time = clock ? clock->time : unreadable_time;
}

std::optional<IsoTime> TimeReader::read_clock(std::string_view text) const noexcept {
  if (pattern_) return pattern_->read(text);
  if (format_ != TimeFormat::automatic && format_ != TimeFormat::rfc3339) return std::nullopt;
  const auto iso = parse_iso8601(text);
  // With a zone it would have been read, had the format allowed that.
  return iso && !iso->has_zone ? iso : std::nullopt;
}

void TimeReader::read_local(Timestamp local, const Message& message, DecodedReading& reading, DecodedBatch& out) {
  reading.local = DecodedReading::written_locally;
  if (zone_ != nullptr) {
    const LocalTime time = local_time(local, *zone_);
    reading.event_time = time.utc;
    reading.local |= time.repeats_after;
    return;
  }
  reading.event_time = local;
  if (has_noticed_) return;
  has_noticed_ = true;
  std::string notice = "times without a zone are read as UTC; set timezone";
  if (message.route.size() > 1) notice += " in the route with topic \"" + std::string(message.route.substr(1)) + '"';
  out.notices.push_back(out.keep(notice));
}

}  // namespace edgetide
