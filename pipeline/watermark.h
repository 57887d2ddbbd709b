// Watermarks: W(key) says that no reading of the key with event time < W is expected any more. It never goes back.
//
// SeriesWatermark   W of one series while it is heard: the newest event time less max_out_of_orderness.
// idle_watermark    what a series that fell silent is raised to, so that its windows close without eating what it may
//                   still send: it follows the listening clock, but never beyond the point at which the newest window
//                   that is not final becomes final.
// ListeningClock    how long a source has been able to hear its sensors; an outage makes nobody idle.
//
// Units:  UTC microseconds; listening time in microseconds of running time (time.h, Moment::running).
// Thread: plain values, one owner at a time.
// Source: semantics as Flink's BoundedOutOfOrdernessWatermarks and WatermarksWithIdleness, but by series.
#pragma once

#include <algorithm>

#include "pipeline/time.h"

namespace edgetide {

class SeriesWatermark {
 public:
  explicit constexpr SeriesWatermark(Timestamp floor = Timestamp::earliest()) noexcept : value_(floor) {}

  constexpr void observe(Timestamp event_time, Duration max_out_of_orderness) noexcept {
    newest_ = std::max(newest_, event_time);
    raise(event_time - max_out_of_orderness);
  }
  constexpr void raise(Timestamp to) noexcept { value_ = std::max(value_, to); }

  constexpr Timestamp value() const noexcept { return value_; }
  constexpr Timestamp newest() const noexcept { return newest_; }  // Timestamp::earliest() before any reading

  static constexpr SeriesWatermark restored(Timestamp value, Timestamp newest) noexcept {
    SeriesWatermark watermark(value);
    watermark.newest_ = newest;
    return watermark;
  }

 private:
  Timestamp value_;
  Timestamp newest_ = Timestamp::earliest();
};

// `newest_final_at`: end + allowed_lateness of the newest window that is not final.
constexpr Timestamp idle_watermark(Timestamp newest, Duration max_out_of_orderness, Duration silence,
                                   Timestamp newest_final_at) noexcept {
  return std::min(newest - max_out_of_orderness + silence, newest_final_at);
}

class ListeningClock {
 public:
  constexpr void start(Duration running) noexcept {
    if (listening_) return;
    listening_ = true;
    since_ = running;
  }
  constexpr void stop(Duration running) noexcept {
    accumulated_ = elapsed(running);
    listening_ = false;
  }
  constexpr Duration elapsed(Duration running) const noexcept {
    return listening_ ? accumulated_ + (running - since_) : accumulated_;
  }

  static constexpr ListeningClock restored(Duration accumulated) noexcept {
    ListeningClock clock;
    clock.accumulated_ = accumulated;
    return clock;
  }

 private:
  Duration accumulated_;
  Duration since_;
  bool listening_ = false;
};

}  // namespace edgetide
