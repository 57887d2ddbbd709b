// Which series send times that are shifted by whole quarter hours, as a device does that takes its local time for UTC,
// or that are numbers in another unit than the one they are read in.
// Time zones of today are whole quarter hours off UTC, and at most 14 h. A series is shifted when so many of its
// readings in a row have arrived within `slack` of the same such distance from their time, over `span` at least: what a
// device had stored and sends at once passes a whole distance in between.
//
// A device that stamps a value with the begin of its interval looks the same: that is for its user to say.
//
// Seconds that are read as milliseconds are 1000 times too small: times that would be within a day of their arrival if
// they were 1000, 1000 * 1000 or 1000^3 times as large, or a thousandth, are in another unit. One reading tells.
//
// Units:  a shift is event time less arrival: positive for a clock that is ahead.
// Owns:   eight bytes for each series; memory is only taken for a new series.
// Thread: one owner at a time (the intake lock). Fails: never. Cost: O(1) a reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/series.h"
#include "pipeline/time.h"
#include "pipeline/time_text.h"

namespace edgetide {

struct TimeShift {
  Duration by = {};           // event time less arrival
  std::int8_t thousands = 0;  // not 0: the number is to be multiplied by 1000 so often, negative: divided
  bool is_local = false;      // it is text without a zone, so the time zone of the route counts
  bool operator==(const TimeShift&) const = default;
};

class ShiftedTimes {
 public:
  static constexpr Duration step = Duration::minutes(15);
  static constexpr Duration slack = Duration::seconds(90);
  static constexpr std::int64_t max_steps = 14 * 4;
  static constexpr std::uint8_t readings_in_a_row = 20;
  static constexpr Duration span = Duration::minutes(5);

  // A reading whose time its sender gave, as text without a zone if `is_local`. True: the series is shifted, which it
  // was not before this reading.
  bool add(SeriesId series, Timestamp event_time, Timestamp arrival, bool is_local = false) {
    const std::size_t i = index_of(series);
    if (i >= runs_.size()) runs_.resize(i + 1);
    Run& run = runs_[i];
    if (is_far(event_time, arrival)) [[unlikely]]
      return add_far(run, event_time, arrival);
    run.thousands = 0;
    run.is_local = is_local;
    const std::int8_t steps = steps_of(event_time, arrival);
    const auto now = static_cast<std::uint32_t>(arrival.count() / microseconds_of_second);
    if (steps == 0 || steps != run.steps) run = {steps, 0, 0, is_local, now};
    if (steps == 0 || run.readings == readings_in_a_row) return false;
    if (run.readings + 1 == readings_in_a_row && now - run.since < span.count() / microseconds_of_second) return false;
    return ++run.readings == readings_in_a_row;
  }

  // None: it is not shifted.
  std::optional<TimeShift> of(SeriesId series) const noexcept {
    const Run run = index_of(series) < runs_.size() ? runs_[index_of(series)] : Run();
    if (run.thousands != 0) return TimeShift{.thousands = run.thousands};
    if (run.readings < readings_in_a_row) return std::nullopt;
    return TimeShift{.by = Duration::microseconds(run.steps * step.count()), .is_local = run.is_local};
  }

  // From now on this id belongs to another series.
  void forget(SeriesId series) noexcept {
    if (index_of(series) < runs_.size()) runs_[index_of(series)] = {};
  }
  void clear() noexcept { runs_.clear(); }  // another configuration may read times in another way

 private:
  static constexpr std::int64_t microseconds_of_second = 1'000'000;

  struct Run {
    std::int8_t steps = 0;      // 0: the newest reading is not shifted
    std::uint8_t readings = 0;  // readings_in_a_row: it is shifted
    std::int8_t thousands = 0;  // of the newest reading
    bool is_local = false;
    std::uint32_t since = 0;  // seconds, modulo 2^32
  };

  // Compared before they are subtracted: a bad time may be anything.
  static bool is_far(Timestamp event_time, Timestamp arrival) noexcept {
    constexpr Duration most = Duration::microseconds(max_steps * step.count()) + slack;
    return event_time > arrival + most || event_time < arrival - most;
  }
  static bool add_far(Run& run, Timestamp event_time, Timestamp arrival) noexcept {
    const std::int8_t former = run.thousands;
    run = {.thousands = thousands_of(event_time, arrival)};
    return run.thousands != 0 && run.thousands != former;
  }
  static std::int8_t thousands_of(Timestamp event_time, Timestamp arrival) noexcept {
    constexpr Duration day = Duration::days(1);
    if (Timestamp::microseconds(event_time.count() / 1000) >= arrival - day &&
        Timestamp::microseconds(event_time.count() / 1000) <= arrival + day) {
      return -1;
    }
    std::int64_t factor = 1;
    for (std::int8_t thousands = 1; thousands <= 3; ++thousands) {
      factor *= 1000;
      const std::int64_t least = (arrival - day).count() / factor, most = (arrival + day).count() / factor;
      if (least > 0 && event_time.count() >= least && event_time.count() <= most) return thousands;
    }
    return 0;
  }
  // Requires: it is not far.
  static std::int8_t steps_of(Timestamp event_time, Timestamp arrival) noexcept {
    const std::int64_t shift = (event_time - arrival).count(), half = step.count() / 2;
    const std::int64_t steps = (shift + (shift < 0 ? -half : half)) / step.count();
    const std::int64_t off = shift - steps * step.count();
    return off > slack.count() || off < -slack.count() ? std::int8_t{0} : static_cast<std::int8_t>(steps);
  }

  std::vector<Run> runs_;  // by series
};

// "2h ahead", "45m behind", "1000 times too small".
inline std::string text_of_shift(const TimeShift& shift) {
  if (shift.thousands < 0) return "1000 times too large";
  if (shift.thousands > 0)
    return "1000" + std::string(shift.thousands > 1 ? "^" + std::to_string(shift.thousands) : "") + " times too small";
  const bool is_ahead = shift.by > Duration();
  return to_text(is_ahead ? shift.by : Duration() - shift.by) + (is_ahead ? " ahead" : " behind");
}

// What its user can do.
inline std::string_view advice_of(const TimeShift& shift) noexcept {
  switch (shift.thousands) {
    case -1:
      return "set time.format of its route one unit smaller: unix_ms if it is unix, unix_us if unix_ms";
    case 1:
      return "set time.format of its route one unit larger: unix if it is unix_ms, unix_ms if unix_us, unix_us if "
             "unix_ns";
    case 2:
      return "set time.format of its route two units larger: unix if it is unix_us, unix_ms if unix_ns";
    case 3:
      return "set time.format of its route to unix";
    default:
      break;
  }
  return shift.is_local
             ? "set timezone in its route to the zone of its clock"
             : "its clock is off, or it takes local time for UTC; timezone in the route does nothing, since it "
               "sends numbers or times with a zone";
}

}  // namespace edgetide
