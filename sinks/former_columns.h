// Columns that a table has from former definitions of its window: aggregates that the window has no longer. A row that
// is written again is null there, since what they had is of fewer readings than the rest of the row.
//
// Pure; any thread; never fails.
#pragma once

#include <string>
#include <vector>

#include "sinks/row_batch.h"
#include "sinks/table_shape.h"

namespace edgetide {

using ColumnNames = std::vector<std::string>;

// By input. `numbers`: those columns of the tables that have a type of ours and may be null. Others are the user's.
std::vector<ColumnNames> former_columns(const TableShapes& numbers, const std::vector<WindowSchema>& inputs);

// `, "avg" = NULL, "p95" = NULL` to go behind what an update sets.
std::string set_to_null(const ColumnNames& columns);

}  // namespace edgetide
