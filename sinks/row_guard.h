// Which rows of a store give way to a delivered row of the same window, series and start: a condition that PostgreSQL
// and SQLite both read, on `d`, the row in the table, and `EXCLUDED`, the one delivered.
//
// A row from our own state directory always gives way. Deliveries are ordered already, by the claim that each of them
// holds in its transaction, and after a power cut a revision may come a second time with other content.
// A row from another state directory (ours was emptied or replaced since) knows of readings that ours may not know of.
// It gives way to a row of at least as many readings, or to a greater revision where it does not say how many it has:
// a start from nothing downgrades no window. By the same reasoning a retraction deletes our own rows always, and those
// of another state directory by a greater revision only: it comes with no readings to compare.
//
// Pure; any thread; never fails.
#pragma once

#include <string>

#include "sinks/row_batch.h"

namespace edgetide {

std::string row_gives_way(const WindowSchema& window);

// In the table of a window that has no aggregate `count`.
inline constexpr const char* readings_column = "readings";
bool counts_readings(const WindowSchema& window);

}  // namespace edgetide
