// Rows to standard output as JSON Lines, in the form of `edgetide replay` (sinks/row_json.h). For trying things out
// and for pipes; at most once, since a pipe remembers no epoch.
//
// Contract, thread, failure: sinks/sink.h.
#pragma once

#include <memory>
#include <vector>

#include "sinks/sink.h"

namespace edgetide {

std::unique_ptr<Sink> make_stdout_sink(std::vector<WindowSchema> inputs);

}  // namespace edgetide
