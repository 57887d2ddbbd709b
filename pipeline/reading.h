// What enters the pipeline: readings of interned series, in batches with one arrival stamp.
//
// Units:  event time and arrival in UTC microseconds; values in whatever unit the series has.
// Thread: plain values, any thread.
#pragma once

#include "pipeline/ids.h"
#include "pipeline/time.h"

namespace edgetide {

struct Reading {
  SeriesId series;
  Timestamp event_time;
  double value;
};

}  // namespace edgetide
