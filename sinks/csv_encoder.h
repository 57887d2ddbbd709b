// Rows as CSV (RFC 4180, lines end with a newline alone), with a header line:
//
//   window,sensor,metric,unit,labels,start,end,count,avg,state,revision,epoch
//   minute,s1,t,C,,2026-11-21T01:30:00.000000Z,2026-11-21T01:31:00.000000Z,3,1.5,final,1,7
//
// The columns are the aggregates of all inputs, each name once; a row leaves those empty that its window does not have.
// Null is empty too. Labels are a JSON object; a group has labels, and no sensor or metric.
//
// Thread: pure; any thread. Never fails.
#pragma once

#include "sinks/row_encoder.h"

namespace edgetide {

std::unique_ptr<RowEncoder> make_csv_encoder(std::vector<WindowSchema> inputs);

}  // namespace edgetide
