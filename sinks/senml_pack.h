// A row as a pack of SenML in JSON (RFC 8428), a record per column and for each thing that tells the row apart:
//
//   [{"bn":"minute:s1:t:","bt":1769860800,"n":"state","vs":"final"},{"n":"count","v":3},{"n":"avg","v":1.5},
//    {"n":"end","v":1769860860},{"n":"revision","v":1},{"n":"epoch","v":7},{"n":"gateway","vs":"plant-7"},
//    {"n":"sensor","vs":"s1"},{"n":"metric","vs":"t"},{"n":"unit","vs":"C"},{"n":"label:site","vs":"lyon"}]
//
// SenML allows letters, digits and "-:./_" in names. Each other byte of a name becomes '_', so names may become equal;
// the records `sensor`, `metric` and those of labels have them as they are, but for the name of a label. A group has no
// sensor or metric. A value that is not finite, and the end of a running window, are left out.
//
// Limit:  a start before 1978-07-04 cannot be written: SenML takes such a time as one relative to now.
// Thread: pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "sinks/row_batch.h"

namespace edgetide {

// Appends the pack. Returns why it cannot be written; empty: it was.
std::string append_senml_pack(std::string& out, std::string_view gateway, const WindowSchema& window,
                              const SinkRow& row, std::span<const double> values, EpochId id);

}  // namespace edgetide
