#include "pipeline/time_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "pipeline/characters.h"
#include "pipeline/floor_divide.h"

namespace edgetide {

namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t day_us = 86'400 * second_us;

struct CivilDate {
  std::int64_t year;
  unsigned month;
  unsigned day;
};

constexpr CivilDate civil_from_days(std::int64_t days) noexcept {
  days += 719'468;
  const std::int64_t era = floor_divide(days, 146'097);
  const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted_month = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const std::int64_t year = static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0);
  return {year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

constexpr std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) noexcept {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = floor_divide(year, 400);
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + static_cast<std::int64_t>(day_of_era) - 719'468;
}

constexpr unsigned days_in_month(std::int64_t year, unsigned month) noexcept {
  constexpr std::array<unsigned, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

void append_digits(std::string& out, std::int64_t number, std::size_t width) {
  std::array<char, 20> digits{};
  for (std::size_t i = width; i-- > 0; number /= 10) digits[i] = static_cast<char>('0' + number % 10);
  out.append(digits.data(), width);
}

// Reads fixed-width numbers and separators from the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : rest_(text) {}

  bool number(std::size_t width, unsigned& value) noexcept {
    if (rest_.size() < width) return false;
    value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return false;
      value = value * 10 + static_cast<unsigned>(rest_[i] - '0');
    }
    rest_.remove_prefix(width);
    return true;
  }

  [[gnu::always_inline]] bool any_of(std::string_view allowed) noexcept {
    if (rest_.empty()) return false;
    bool is_allowed = false;
    for (const char c : allowed) is_allowed = is_allowed || c == rest_.front();
    if (!is_allowed) return false;
    last_ = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }

  // ".5", ".123456789": microseconds, further digits dropped.
  bool fraction(std::int64_t& microseconds) noexcept {
    std::int64_t unit = second_us / 10;
    std::size_t digits = 0;
    for (; digits < rest_.size() && is_digit(rest_[digits]); ++digits) {
      microseconds += (rest_[digits] - '0') * unit;
      unit /= 10;
    }
    rest_.remove_prefix(digits);
    return digits > 0;
  }

  // So many bytes; null: there are fewer.
  const char* take(std::size_t bytes) noexcept {
    if (rest_.size() < bytes) return nullptr;
    const char* const at = rest_.data();
    rest_.remove_prefix(bytes);
    return at;
  }

  bool word(std::string_view wanted) noexcept {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }

  char last() const noexcept { return last_; }
  bool at_digit() const noexcept { return !rest_.empty() && is_digit(rest_.front()); }
  bool at_end() const noexcept { return rest_.empty(); }

 private:
  std::string_view rest_;
  char last_ = 0;
};

// Microseconds, as if the clock showed UTC.
[[gnu::always_inline]] inline std::optional<std::int64_t> microseconds_of(const CivilTime& clock) noexcept {
  const bool is_day =
      clock.month >= 1 && clock.month <= 12 && clock.day >= 1 && clock.day <= days_in_month(clock.year, clock.month);
  // Second 60: a leap second is the next second's start.
  if (!is_day || clock.hour > 23 || clock.minute > 59 || clock.second > 60) return std::nullopt;
  const std::int64_t seconds = days_from_civil(clock.year, clock.month, clock.day) * 86'400 +
                               static_cast<std::int64_t>(clock.hour * 3600 + clock.minute * 60 + clock.second);
  return seconds * second_us;
}

// Two digits; `wrong` gets bits where they are none.
[[gnu::always_inline]] inline unsigned two_digits(const char* at, unsigned& wrong) noexcept {
  const unsigned tens = static_cast<unsigned char>(at[0]) - unsigned{'0'};
  const unsigned ones = static_cast<unsigned char>(at[1]) - unsigned{'0'};
  wrong |= static_cast<unsigned>(tens > 9) | static_cast<unsigned>(ones > 9);
  return tens * 10 + ones;
}

// "2026-11-21T01:30:00.5": microseconds, as if the clock showed UTC.
[[gnu::always_inline]] inline std::optional<std::int64_t> take_clock(Scanner& scan) noexcept {
  constexpr std::size_t length = 19;
  const char* const at = scan.take(length);
  if (at == nullptr) return std::nullopt;
  unsigned wrong = 0;
  CivilTime clock;
  clock.year = two_digits(at, wrong) * 100 + two_digits(at + 2, wrong);
  clock.month = two_digits(at + 5, wrong);
  clock.day = two_digits(at + 8, wrong);
  clock.hour = two_digits(at + 11, wrong);
  clock.minute = two_digits(at + 14, wrong);
  clock.second = two_digits(at + 17, wrong);
  const bool is_apart = at[4] == '-' && at[7] == '-' && at[13] == ':' && at[16] == ':' &&
                        (at[10] == 'T' || at[10] == ' ' || at[10] == 't');
  const std::optional<std::int64_t> whole = is_apart && wrong == 0 ? microseconds_of(clock) : std::nullopt;
  std::int64_t fraction = 0;
  if (!whole || (scan.any_of(".,") && !scan.fraction(fraction))) return std::nullopt;
  return *whole + fraction;
}

// "20261121T0130", "2026-11-21T01:30:00.5"
std::optional<std::int64_t> take_iso_clock(Scanner& scan) noexcept {
  CivilTime clock;
  if (!scan.number(4, clock.year)) return std::nullopt;
  const bool dashes = scan.any_of("-");
  if (!scan.number(2, clock.month) || (dashes && !scan.any_of("-")) || !scan.number(2, clock.day)) return std::nullopt;
  if (!scan.any_of(dashes ? "Tt " : "Tt") || !scan.number(2, clock.hour)) return std::nullopt;
  const bool colons = scan.any_of(":");
  if (!scan.number(2, clock.minute)) return std::nullopt;
  const bool has_second = colons ? scan.any_of(":") : scan.at_digit();
  if (has_second && !scan.number(2, clock.second)) return std::nullopt;
  std::int64_t fraction = 0;
  if (has_second && scan.any_of(".,") && !scan.fraction(fraction)) return std::nullopt;
  const auto whole = microseconds_of(clock);
  return whole ? std::optional(*whole + fraction) : std::nullopt;
}

// Minutes, of "+01", "-0130", "+01:30" behind its sign.
std::optional<std::int64_t> take_offset(Scanner& scan) noexcept {
  const std::int64_t sign = scan.last() == '-' ? -1 : 1;
  unsigned hour = 0, minute = 0;
  if (!scan.number(2, hour)) return std::nullopt;
  const bool has_minute = scan.any_of(":") || scan.at_digit();
  if ((has_minute && !scan.number(2, minute)) || hour > 23 || minute > 59) return std::nullopt;
  return sign * static_cast<std::int64_t>(hour * 60 + minute);
}

struct Unit {
  std::string_view name;
  std::int64_t microseconds;
};
constexpr std::array<Unit, 8> units = {{{"y", 365 * day_us},
                                        {"w", 7 * day_us},
                                        {"d", day_us},
                                        {"h", 3600 * second_us},
                                        {"m", 60 * second_us},
                                        {"s", second_us},
                                        {"ms", 1000},
                                        {"us", 1}}};

}  // namespace

void append_rfc3339(std::string& out, Timestamp time) {
  const std::int64_t us = time.count();
  const std::int64_t days = floor_divide(us, day_us);
  const CivilDate date = civil_from_days(days);
  if (date.year < 0 || date.year > 9999) {
    out += std::to_string(us);
    return;
  }
  const std::int64_t of_day = us - days * day_us;
  const std::int64_t second = of_day / second_us;
  append_digits(out, date.year, 4);
  out += '-';
  append_digits(out, date.month, 2);
  out += '-';
  append_digits(out, date.day, 2);
  out += 'T';
  append_digits(out, second / 3600, 2);
  out += ':';
  append_digits(out, second / 60 % 60, 2);
  out += ':';
  append_digits(out, second % 60, 2);
  out += '.';
  append_digits(out, of_day % second_us, 6);
  out += 'Z';
}

std::string to_rfc3339(Timestamp time) {
  std::string text;
  append_rfc3339(text, time);
  return text;
}

std::optional<Timestamp> parse_rfc3339(std::string_view text) noexcept {
  Scanner scan(text);
  const std::optional<std::int64_t> clock = take_clock(scan);
  if (!clock) return std::nullopt;
  std::int64_t offset_minutes = 0;
  if (!scan.any_of("Zz")) {
    unsigned offset_hour = 0, offset_minute = 0;
    if (!scan.any_of("+-")) return std::nullopt;
    const std::int64_t sign = scan.last() == '-' ? -1 : 1;
    if (!scan.number(2, offset_hour)) return std::nullopt;
    scan.any_of(":");
    if (!scan.number(2, offset_minute) || offset_hour > 23 || offset_minute > 59) return std::nullopt;
    offset_minutes = sign * static_cast<std::int64_t>(offset_hour * 60 + offset_minute);
  }
  if (!scan.at_end()) return std::nullopt;
  return Timestamp::microseconds(*clock - offset_minutes * 60 * second_us);
}

std::optional<IsoTime> parse_iso8601(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  Scanner scan(text);
  const std::optional<std::int64_t> clock = take_iso_clock(scan);
  if (!clock) return std::nullopt;
  while (scan.any_of(" ")) {
  }
  const bool has_sign = scan.any_of("+-");
  const auto offset = has_sign ? take_offset(scan) : std::optional<std::int64_t>(0);
  const bool has_zone = has_sign || scan.any_of("Zz") || scan.word("UTC") || scan.word("GMT");
  if (!offset || !scan.at_end()) return std::nullopt;
  return IsoTime{Timestamp::microseconds(*clock - *offset * 60 * second_us), has_zone};
}

std::optional<Timestamp> time_of(const CivilTime& civil) noexcept {
  const std::optional<std::int64_t> microseconds = microseconds_of(civil);
  return microseconds ? std::optional(Timestamp::microseconds(*microseconds)) : std::nullopt;
}

std::string to_text(Duration duration) {
  if (duration == Duration::unlimited()) return "none";
  if (duration == Duration()) return "0s";
  for (const Unit& unit : units) {
    if (unit.name != "y" && unit.name != "w" && duration.count() % unit.microseconds == 0) {
      return std::to_string(duration.count() / unit.microseconds).append(unit.name);
    }
  }
  return {};
}

std::optional<Duration> parse_duration(std::string_view text) noexcept {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    const double microseconds = std::round(number * static_cast<double>(unit.microseconds));
    if (!(std::abs(microseconds) < 9e18)) return std::nullopt;
    return Duration::microseconds(static_cast<std::int64_t>(microseconds));
  }
  return std::nullopt;
}

}  // namespace edgetide
