// The names of a series as bytes: three strings, then the number of labels and each as two strings. The same wherever a
// series is written: in the journal, in snapshots, in the outbox, in the quarantine.
//
// Thread: pure. Fails: reading beyond the end leaves the reader not `ok`.
#pragma once

#include "pipeline/bytes.h"
#include "pipeline/series.h"

namespace edgetide {

// Without `grouped`.
void save_names(ByteWriter& out, const Series& series);
Series load_names(ByteReader& in);

}  // namespace edgetide
