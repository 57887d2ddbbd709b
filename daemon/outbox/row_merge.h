// Several batches as one. Of rows with the same input, series and start only the newest stays: a store keeps no other.
// A retraction before it stays too: without it a store would keep a row of more readings.
// Rows in the state `added` all stay, behind those that they are added to.
//
// Thread: pure.
#pragma once

#include <memory>
#include <span>

#include "sinks/row_batch.h"

namespace edgetide {

// Oldest first; the id is the last one's. Requires: at least one.
RowBatch merged(std::span<const std::shared_ptr<const RowBatch>> batches);

}  // namespace edgetide
