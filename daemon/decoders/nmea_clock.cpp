#include "daemon/decoders/nmea_clock.h"

#include <algorithm>
#include <charconv>

#include "daemon/decoders/number_text.h"
#include "pipeline/characters.h"
#include "pipeline/floor_divide.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

constexpr Duration whole_day = Duration::days(1), half_a_day = Duration::hours(12);

// All of the text as digits.
std::optional<unsigned> digits_of(std::string_view text, std::size_t width) noexcept {
  unsigned number = 0;
  if (text.size() != width || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

void NmeaClock::set_time_of_day(Duration since_midnight) noexcept {
  if (!now_) return;
  const Timestamp midnight =
      Timestamp::microseconds(floor_divide(now_->count(), whole_day.count()) * whole_day.count());
  Timestamp time = midnight + since_midnight;
  if (time + half_a_day < *now_) {
    time = time + whole_day;
  } else if (time - half_a_day > *now_) {
    time = time - whole_day;
  }
  set(time);
}

NmeaClock& NmeaClocks::of(std::string_view stream) {
  const auto found =
      std::find_if(streams_.begin(), streams_.end(), [&](const Stream& each) { return each.name == stream; });
  auto used = found;
  if (found == streams_.end() && streams_.size() < max_streams) {
    used = streams_.insert(streams_.end(), Stream{std::string(stream)});
  } else if (found == streams_.end()) {
    used = std::min_element(streams_.begin(), streams_.end(),
                            [](const Stream& a, const Stream& b) { return a.used < b.used; });
    *used = Stream{std::string(stream)};
  }
  used->used = ++uses_;
  return used->clock;
}

std::optional<Duration> nmea_time_of_day(std::string_view text) noexcept {
  const auto hour = digits_of(text.substr(0, 2), 2);
  const auto minute = hour ? digits_of(text.substr(2, 2), 2) : std::nullopt;
  const auto second = minute ? digits_of(text.substr(4, 2), 2) : std::nullopt;
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  std::int64_t microseconds = std::int64_t{*hour * 3600 + *minute * 60 + *second} * 1'000'000;
  text.remove_prefix(6);
  if (text.empty()) return Duration::microseconds(microseconds);
  if (text.size() < 2 || text.front() != '.') return std::nullopt;
  std::int64_t unit = 100'000;
  for (const char c : text.substr(1)) {
    if (!is_digit(c)) return std::nullopt;
    microseconds += (c - '0') * unit;
    unit /= 10;
  }
  return Duration::microseconds(microseconds);
}

std::optional<Timestamp> nmea_date(std::string_view text) noexcept {
  if (text.size() != 6) return std::nullopt;
  const auto year = digits_of(text.substr(4), 2);
  const auto month = digits_of(text.substr(2, 2), 2), day_of_month = digits_of(text.substr(0, 2), 2);
  if (!year || !month || !day_of_month) return std::nullopt;
  return time_of({.year = *year + (*year < 80 ? 2000U : 1900U), .month = *month, .day = *day_of_month});
}

std::optional<Timestamp> nmea_date(std::string_view day_text, std::string_view month_text,
                                   std::string_view year_text) noexcept {
  const auto year = digits_of(year_text, 4), month = digits_of(month_text, 2), day_of_month = digits_of(day_text, 2);
  if (!year || !month || !day_of_month) return std::nullopt;
  return time_of({.year = *year, .month = *month, .day = *day_of_month});
}

}  // namespace edgetide
