// Rows in InfluxDB's line protocol, a point per row, its time the window's start in nanoseconds:
//
//   minute,sensor=s1,metric=t,unit=C count=3i,avg=1.5,end=60000000i,state="final",revision=1i,epoch=7i 1000
//
// Tags are sensor, metric, unit and the labels; of a group its columns alone. Empty ones are left out, as the protocol
// wants it, and so are null values. `end` is in microseconds; a running window has none. A retracted row is a point
// with that state, since a point cannot be deleted.
//
// Limit:  a tag cannot end with a backslash, it would escape what follows; backslashes at its end are left out.
// Thread: pure; any thread. Never fails.
// See:    https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
#pragma once

#include "sinks/row_encoder.h"

namespace edgetide {

std::unique_ptr<RowEncoder> make_line_protocol_encoder(std::vector<WindowSchema> inputs);

}  // namespace edgetide
