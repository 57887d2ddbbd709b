// Which rows of a store give way to a delivered row of the same window, series and start: a condition that PostgreSQL
// and SQLite both read, on `d`, the row in the table, and `EXCLUDED`, the one delivered.
//
// A row gives way to one of at least as many readings, and never to one of fewer: the delivered row then comes from a
// state that does not know of all readings (it was emptied, is an older copy, has lost records of its journal, or a
// definition that was changed has made the window start empty). Deliveries are ordered already, by the claim that each
// of them holds in its transaction, and after a power cut a revision may come a second time with other content.
// Where a row does not say how many readings it has, one from our own state directory gives way, and one from another
// to a greater revision. By the same reasoning a retraction deletes our own rows always, and those of another state
// directory by a greater revision only: it comes with no readings to compare.
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
// Of a window with `top`: the place of a row among those of its start, from 1.
inline constexpr const char* rank_column = "rank";

}  // namespace edgetide
