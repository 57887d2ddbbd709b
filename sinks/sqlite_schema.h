// The tables and views in SQLite as text: those of PostgreSQL, with times as integer microseconds UTC.
//
//   <window>_data    key (time, series_id), without rowid, and an index on the time as text: in both the rows of one
//                    tick lie together, so a tick dirties a few pages and not one per series. That is what a flash card
//                    pays for.
//   <window>         view: `time` and `time_end` as text "YYYY-MM-DD HH:MM:SS" in UTC for people, served by that index;
//                    `time_us` exact, served by the key
//   <window>_newest  the time of the newest row of every series, a few pages, kept by triggers on <window>_data
//   <window>_latest  view: these rows, each found by the key
//   schema_version   sinks/schema_version.h
//
// Pure; any thread; never fails.
#pragma once

#include <string>
#include <vector>

#include "sinks/former_columns.h"
#include "sinks/row_batch.h"
#include "sinks/table_shape.h"

namespace edgetide {

// Views are dropped and made again by the DDL, so that it fits after a column was added.
std::string sqlite_tables_ddl(const std::vector<WindowSchema>& inputs);
std::string sqlite_views_ddl(const std::vector<WindowSchema>& inputs);
std::string sqlite_add_column(const WindowSchema& window, const Column& column);
std::string sqlite_add_row_labels(const WindowSchema& window);  // of a table from before there were any

// Parameters: time, how many rows. Deletes at most so many that are older.
std::string sqlite_delete_old_statement(const WindowSchema& window);
// Result: the newest row's time.
std::string sqlite_newest_time_query(const WindowSchema& window);

TableShapes sqlite_shapes(const std::vector<WindowSchema>& inputs);

// Parameters: gateway, sink, state id, the lowest incarnation to get. Result: the incarnation. The newest epoch stays
// if the state id does.
std::string sqlite_claim_statement();

// Upserts one row, where row_guard.h lets it. `former`: columns that a row which is there becomes null in.
// Parameters: time, series id, end, state, is_final, revision, epoch, state id, labels, then the columns.
std::string sqlite_insert_statement(const WindowSchema& window, const ColumnNames& former);
// For a row that the statement before has not changed. Parameters: time, series id, epoch, state id, revision, and the
// column of `reading_number` if there is one. Result: 1 if it is accounted for (row_guard.h).
std::string sqlite_accounted_query(const WindowSchema& window);
// Parameters: time, series id. Result: state, then the columns.
std::string sqlite_stored_row_query(const WindowSchema& window);
// Gives a row that is there other values and the next revision. Parameters: time, series id, epoch, state id, columns.
std::string sqlite_change_statement(const WindowSchema& window, const ColumnNames& former);
// Deletes one row, where row_guard.h lets it. Parameters: time, series id, state id, revision.
std::string sqlite_retract_statement(const WindowSchema& window);
// The same parameters. Result: 1 if there is a row that it would delete.
std::string sqlite_retractable_query(const WindowSchema& window);

}  // namespace edgetide
