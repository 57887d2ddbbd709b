// Puts the rows of a firing in their order (comes_first, window_row.h). Those of one start are placed by their ranks,
// without comparing them, where most ranks have one row.
//
// Thread: pure. Fails: never.
#pragma once

#include <span>

#include "pipeline/window_row.h"

namespace edgetide {

void put_in_order(std::span<Candidate> rows);

}  // namespace edgetide
