// The event time of a decoded reading, once it is known when it arrived.
//
// A local time that comes twice, as clocks are set back, is the later one that is not in the future.
// Thread: pure. Fails: never.
#pragma once

#include "daemon/decoders/decoded_batch.h"
#include "daemon/intake/clock_hold.h"
#include "pipeline/time.h"

namespace edgetide {

inline Timestamp event_time_of(const DecodedReading& reading, Timestamp arrival) noexcept {
  constexpr Duration fast_clock = Duration::minutes(5);  // what a sensor's clock may be ahead
  if (!reading.event_time && arrival == time_not_known) return event_time_not_known(reading.from_arrival);
  if (!reading.event_time) return arrival + reading.from_arrival;
  if (reading.repeats_after() == 0) return *reading.event_time;
  const Timestamp again = *reading.event_time + Duration::seconds(reading.repeats_after());
  return again <= arrival + fast_clock ? again : *reading.event_time;
}

}  // namespace edgetide
