#include "daemon/decoders/time_pattern.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "pipeline/characters.h"

namespace edgetide {

namespace {

constexpr std::array<std::string_view, 12> months = {"january",   "february", "march",    "april",
                                                     "may",       "june",     "july",     "august",
                                                     "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> weekdays = {"sunday",   "monday", "tuesday", "wednesday",
                                                      "thursday", "friday", "saturday"};
constexpr std::int64_t microseconds_per_second = 1'000'000;

// What has been read so far, and what is left.
struct PatternReading {
  std::string_view rest;
  CivilTime civil{.year = 1970, .month = 1, .day = 1};
  std::int64_t microseconds = 0;
  std::int64_t offset_minutes = 0;
  std::int64_t epoch = 0;
  bool has_zone = false, has_epoch = false;
  bool has_half = false, is_afternoon = false;

  void skip_blanks() noexcept {
    while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  }
  bool take(char c) noexcept {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool word(std::string_view wanted) noexcept {
    const bool same = equal_but_for_case(rest.substr(0, wanted.size()), wanted);
    if (same) rest.remove_prefix(wanted.size());
    return same;
  }
  // Of `least` to `most` digits.
  bool number(std::size_t least, std::size_t most, unsigned& value) noexcept {
    std::size_t digits = 0;
    value = 0;
    for (; digits < most && digits < rest.size() && is_digit(rest[digits]); ++digits) {
      value = value * 10 + static_cast<unsigned>(rest[digits] - '0');
    }
    rest.remove_prefix(digits);
    return digits >= least;
  }
};

// The index of the name at the front, whole or its first three letters.
std::optional<unsigned> take_name(PatternReading& in, std::span<const std::string_view> names) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (in.word(names[i]) || in.word(names[i].substr(0, 3))) return static_cast<unsigned>(i);
  }
  return std::nullopt;
}

bool take_year_of_century(PatternReading& in) noexcept {
  if (!in.number(2, 2, in.civil.year)) return false;
  in.civil.year += in.civil.year < 69 ? 2000 : 1900;
  return true;
}

bool take_month(PatternReading& in) noexcept {
  const auto index = take_name(in, months);
  if (index) in.civil.month = *index + 1;
  return index.has_value();
}

bool take_half_of_day(PatternReading& in) noexcept {
  in.has_half = true;
  in.is_afternoon = in.word("pm");
  return in.is_afternoon || in.word("am");
}

// Digits beyond microseconds are dropped.
bool take_fraction(PatternReading& in) noexcept {
  std::int64_t unit = microseconds_per_second / 10;
  const std::size_t before = in.rest.size();
  in.microseconds = 0;
  for (; !in.rest.empty() && is_digit(in.rest.front()); in.rest.remove_prefix(1), unit /= 10) {
    in.microseconds += (in.rest.front() - '0') * unit;
  }
  return in.rest.size() < before;
}

bool take_zone_offset(PatternReading& in) noexcept {
  in.has_zone = true;
  if (in.word("z")) return true;
  const bool west = in.take('-');
  unsigned hours = 0, minutes = 0;
  if ((!west && !in.take('+')) || !in.number(2, 2, hours) || hours > 23) return false;
  const bool has_minutes = in.take(':') || (!in.rest.empty() && is_digit(in.rest.front()));
  if (has_minutes && (!in.number(2, 2, minutes) || minutes > 59)) return false;
  in.offset_minutes = (west ? -1 : 1) * static_cast<std::int64_t>(hours * 60 + minutes);
  return true;
}

bool take_epoch(PatternReading& in) noexcept {
  constexpr std::int64_t limit = std::int64_t{9'000'000'000'000};  // seconds, below 2^63 microseconds
  in.has_epoch = true;
  const std::size_t before = in.rest.size();
  for (; !in.rest.empty() && is_digit(in.rest.front()) && in.epoch < limit / 10; in.rest.remove_prefix(1)) {
    in.epoch = in.epoch * 10 + (in.rest.front() - '0');
  }
  return in.rest.size() < before;
}

bool take_directive(char directive, PatternReading& in) noexcept {
  switch (directive) {
    case 'Y':
      return in.number(4, 4, in.civil.year);
    case 'y':
      return take_year_of_century(in);
    case 'm':
      return in.number(1, 2, in.civil.month);
    case 'd':
      in.skip_blanks();
      return in.number(1, 2, in.civil.day);
    case 'b':
      return take_month(in);
    case 'a':
      return take_name(in, weekdays).has_value();
    case 'H':
      return in.number(1, 2, in.civil.hour);
    case 'I':
      return in.number(1, 2, in.civil.hour) && in.civil.hour >= 1 && in.civil.hour <= 12;
    case 'p':
      return take_half_of_day(in);
    case 'M':
      return in.number(1, 2, in.civil.minute);
    case 'S':
      return in.number(1, 2, in.civil.second);
    case 'f':
      return take_fraction(in);
    case 'z':
      return take_zone_offset(in);
    case 'Z':
      in.has_zone = true;
      return in.word("utc") || in.word("gmt") || in.word("z");
    default:
      return take_epoch(in);  // 's'
  }
}

// Directives that stand for others.
std::string_view expansion_of(char directive) noexcept {
  switch (directive) {
    case 'F':
      return "%Y-%m-%d";
    case 'D':
      return "%m/%d/%y";
    case 'T':
      return "%H:%M:%S";
    case 'R':
      return "%H:%M";
    case 'e':
      return "%d";
    case 'B':
    case 'h':
      return "%b";
    case 'A':
      return "%a";
    case 'n':
    case 't':
      return " ";
    default:
      return {};
  }
}

}  // namespace

TimePattern::TimePattern(std::string_view pattern) {
  if (pattern.size() > max_bytes) throw std::invalid_argument("longer than 128 bytes");
  add(pattern);
  if (has("s")) return;
  if (!has("Yy") || !has("mb") || !has("d")) throw std::invalid_argument("year, month and day must be in it, or %s");
  if (has("I") != has("p")) throw std::invalid_argument("%I and %p need each other");
}

void TimePattern::add(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_blank(pattern[i])) {
      parts_.push_back({' ', 0});
    } else if (pattern[i] != '%') {
      parts_.push_back({0, pattern[i]});
    } else if (i + 1 == pattern.size()) {
      throw std::invalid_argument("it ends with a single '%'");
    } else {
      add_directive(pattern[++i]);
    }
  }
}

void TimePattern::add_directive(char directive) {
  constexpr std::string_view known = "YymdbaHIpMSfzZs";
  if (directive == '%') return parts_.push_back({0, '%'});
  if (const std::string_view others = expansion_of(directive); !others.empty()) return add(others);
  if (known.find(directive) == std::string_view::npos) {
    const bool is_shown = directive > ' ' && directive < '\x7F';
    throw std::invalid_argument(is_shown ? "%" + std::string(1, directive) + " is not known"
                                         : std::string("a '%' stands before no letter"));
  }
  parts_.push_back({directive, 0});
}

bool TimePattern::has(std::string_view any_of) const noexcept {
  return std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
    return part.directive != 0 && any_of.find(part.directive) != std::string_view::npos;
  });
}

std::optional<IsoTime> TimePattern::read(std::string_view text) const noexcept {
  PatternReading in{.rest = text};
  in.skip_blanks();
  for (const Part& part : parts_) {
    if (part.directive == ' ') {
      in.skip_blanks();
    } else if (!(part.directive == 0 ? in.take(part.character) : take_directive(part.directive, in))) {
      return std::nullopt;
    }
  }
  in.skip_blanks();
  if (!in.rest.empty()) return std::nullopt;
  if (in.has_epoch) return IsoTime{Timestamp::microseconds(in.epoch * microseconds_per_second + in.microseconds), true};
  if (in.has_half) in.civil.hour = in.civil.hour % 12 + (in.is_afternoon ? 12 : 0);
  const auto whole = time_of(in.civil);
  if (!whole) return std::nullopt;
  const std::int64_t shift = in.microseconds - in.offset_minutes * 60 * microseconds_per_second;
  return IsoTime{*whole + Duration::microseconds(shift), in.has_zone};
}

}  // namespace edgetide
