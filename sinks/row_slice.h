// Some of the rows of a batch as a batch: what a sink that takes a batch in parts is given.
//
// Pure; any thread; never fails.
#pragma once

#include <cstddef>

#include "sinks/row_batch.h"

namespace edgetide {

// `rows` of them, from the row `first` on, counted over all windows in their order.
// Requires: first + rows <= batch.row_count().
RowBatch slice(const RowBatch& batch, std::size_t first, std::size_t rows);

}  // namespace edgetide
