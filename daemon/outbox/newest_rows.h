// The part of a batch that is kept where not all of it can be.
//
// Thread: pure.
#pragma once

#include <cstddef>

#include "sinks/row_batch.h"

namespace edgetide {

// So many rows, those of the windows that end last, in their order.
RowBatch newest_rows(const RowBatch& batch, std::size_t rows);

}  // namespace edgetide
