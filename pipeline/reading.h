// What enters the pipeline: readings of interned series, in batches with one arrival stamp.
//
// Units:  event time and arrival in UTC microseconds; values in whatever unit the series has.
// Thread: plain values, any thread.
#pragma once

#include <cstdint>
#include <limits>

#include "pipeline/ids.h"
#include "pipeline/time.h"

namespace edgetide {

// The event time of a reading that came with one that cannot be read: a bad time, whatever `oldest` says.
inline constexpr Timestamp unreadable_time = Timestamp::microseconds(std::numeric_limits<std::int64_t>::min() + 1);

struct Reading {
  SeriesId series;
  Timestamp event_time;
  double value;
};

}  // namespace edgetide
