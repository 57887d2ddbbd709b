// Which rows of a store give way to a delivered row of the same window, series and start: a condition that PostgreSQL
// and SQLite both read, on `d`, the row in the table, and `EXCLUDED`, the one delivered.
//
// A row gives way to one of at least as many readings, and never to one of fewer: the delivered row then comes from a
// state that does not know of all readings (it was emptied, is an older copy, has lost records of its journal, or a
// definition that was changed has made the window start empty). Deliveries are ordered already, by the claim that each
// of them holds in its transaction, and after a power cut a revision may come a second time with other content.
// Where a row does not say how many readings it has, one from our own state directory gives way, and one from another
// to a greater revision. By the same reasoning a retraction deletes our own rows always, and those of another state
// directory by a greater revision only: it comes with no readings to compare. A row that rightly loses readings (the
// first one of a session that is cut) is retracted by the pipeline before it comes with fewer.
//
// Pure; any thread; never fails.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "sinks/row_batch.h"

namespace edgetide {

std::string row_gives_way(const WindowSchema& window);

// A statement that changed fewer rows than it had may have left stored ones in their place, by the condition above, or
// a trigger of the user has dropped some without an error. That a delivered row `EXCLUDED` is accounted for, by the row
// `d` of its window, series and start: the delivered one itself, or one that does not give way to it.
// EXCLUDED has the epoch, state id, revision and, where there is one, the column of `reading_number`.
std::string row_is_accounted_for(const WindowSchema& window);

// The column for the number of readings, its name or its place; nothing: the window has none.
std::string reading_number(const WindowSchema& window);
std::optional<std::size_t> reading_number_column(const WindowSchema& window);

// The reasons of rows that were dropped like this.
inline constexpr const char* skipped_row =
    "skipped by the store: it reported no error, but the row is not in the table (a trigger?)";
inline constexpr const char* skipped_retraction =
    "skipped by the store: it reported no error, but the row to be removed is still there (a trigger?)";
inline constexpr const char* skipped_series =
    "skipped by the store: it reported no error, but the series is not in its table (a trigger?)";

// In the table of a window that has no aggregate `count`.
inline constexpr const char* readings_column = "readings";
bool counts_readings(const WindowSchema& window);
// Of a window with `top`: the place of a row among those of its start, from 1.
inline constexpr const char* rank_column = "rank";

}  // namespace edgetide
