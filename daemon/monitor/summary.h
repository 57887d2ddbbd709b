// All counters as one JSON object, as `edgetide replay --summary` and `edgetide run --summary` write it.
// {"received":9,"on_time":7,"late_accepted":1,"late_dropped":0,"duplicates":0,"unmatched":0,"refused":{"too_old":1},
//  "rows":3,"epochs":2,"watermark":{"s1/t":"2026-11-21T01:30:00.000000Z"}}
//
// `watermarks` by series, as Pipeline::watermarks gives them.
//
// Thread: pure. Fails: never.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "pipeline/pipeline.h"
#include "sinks/row_json.h"

namespace edgetide {

std::string summary_json(const Pipeline& pipeline, std::span<const Timestamp> watermarks, std::uint64_t rows,
                         TimeText times);

}  // namespace edgetide
