// Rows as JSON Lines, in the form of sinks/row_json.h with times as RFC 3339.
//
// Thread: pure; any thread. Never fails.
#pragma once

#include "sinks/row_encoder.h"

namespace edgetide {

std::unique_ptr<RowEncoder> make_json_lines_encoder(std::vector<WindowSchema> inputs);

}  // namespace edgetide
