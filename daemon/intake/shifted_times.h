// Which series send times that are shifted by whole quarter hours, as a device does that takes its local time for UTC.
// Time zones of today are whole quarter hours off UTC, and at most 14 h. A series is shifted when so many of its
// readings in a row have arrived within `slack` of the same such distance from their time, over `span` at least: what a
// device had stored and sends at once passes a whole distance in between.
//
// A device that stamps a value with the begin of its interval looks the same: that is for its user to say.
//
// Units:  a shift is event time less arrival: positive for a clock that is ahead.
// Owns:   eight bytes for each series; memory is only taken for a new series.
// Thread: one owner at a time (the intake lock). Fails: never. Cost: O(1) a reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/series.h"
#include "pipeline/time.h"
#include "pipeline/time_text.h"

namespace edgetide {

class ShiftedTimes {
 public:
  static constexpr Duration step = Duration::minutes(15);
  static constexpr Duration slack = Duration::seconds(90);
  static constexpr std::int64_t max_steps = 14 * 4;
  static constexpr std::uint8_t readings_in_a_row = 20;
  static constexpr Duration span = Duration::minutes(5);

  // A reading whose time its sender gave. True: the series is shifted, which it was not before this reading.
  bool add(SeriesId series, Timestamp event_time, Timestamp arrival) {
    const std::size_t i = index_of(series);
    if (i >= runs_.size()) runs_.resize(i + 1);
    Run& run = runs_[i];
    const std::int8_t steps = steps_of(event_time, arrival);
    const auto now = static_cast<std::uint32_t>(arrival.count() / microseconds_of_second);
    if (steps == 0 || steps != run.steps) run = {steps, 0, now};
    if (steps == 0 || run.readings == readings_in_a_row) return false;
    if (run.readings + 1 == readings_in_a_row && now - run.since < span.count() / microseconds_of_second) return false;
    return ++run.readings == readings_in_a_row;
  }

  // None: it is not shifted.
  std::optional<Duration> of(SeriesId series) const noexcept {
    const std::size_t i = index_of(series);
    if (i >= runs_.size() || runs_[i].readings < readings_in_a_row) return std::nullopt;
    return Duration::microseconds(runs_[i].steps * step.count());
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
    std::uint32_t since = 0;    // seconds, modulo 2^32
  };

  // Compared before they are subtracted: a bad time may be anything.
  static std::int8_t steps_of(Timestamp event_time, Timestamp arrival) noexcept {
    constexpr Duration most = Duration::microseconds(max_steps * step.count()) + slack;
    if (event_time > arrival + most || event_time < arrival - most) return 0;
    const std::int64_t shift = (event_time - arrival).count(), half = step.count() / 2;
    const std::int64_t steps = (shift + (shift < 0 ? -half : half)) / step.count();
    const std::int64_t off = shift - steps * step.count();
    return off > slack.count() || off < -slack.count() ? std::int8_t{0} : static_cast<std::int8_t>(steps);
  }

  std::vector<Run> runs_;  // by series
};

// "2h ahead", "45m behind".
inline std::string text_of_shift(Duration shift) {
  const bool is_ahead = shift > Duration();
  return to_text(is_ahead ? shift : Duration() - shift) + (is_ahead ? " ahead" : " behind");
}

}  // namespace edgetide
