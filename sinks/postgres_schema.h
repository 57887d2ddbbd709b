// The tables and views in PostgreSQL, and the statements that read and write them, as text.
//
//   series             one row per (gateway, grouped, sensor_id, metric), so that gateways that share a database never
//                      meet. `grouped`: a group, its columns in `labels` and as text "site=lyon,line=2" in sensor_id;
//                      a sensor may have the same text for its id
//   <window>_data      one row per window and series: the key is (series_id, time); a BRIN index serves ranges of time.
//                      `time_end` is null in a running window. It may have partitions (postgres_partitions.h)
//   <window>           view: the data with the names of its series. `time` is the window's start, as Grafana wants it
//   <window>_latest    view: the newest row of every series
//   schema_version     sinks/schema_version.h
//   sink_state         one row per (gateway, sink): who writes, from which state directory, and its newest epoch stored
//
// In the views the aggregates come last, in the order in which the table got them: CREATE OR REPLACE VIEW can then add
// an aggregate and keeps the grants and the views that users built on top. Columns of users appear there too.
// There is no view `latest` over all windows: sinks with different windows can share a schema.
//
// Pure; any thread; never fails. Every identifier is quoted, every value is a parameter.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/former_columns.h"
#include "sinks/postgres_partitions.h"
#include "sinks/row_batch.h"
#include "sinks/table_shape.h"

namespace edgetide {

// All DDL in the order in which it runs; every statement may be run again.
std::string postgres_schema_ddl(const std::string& schema);
std::string postgres_tables_ddl(const std::string& schema, const std::vector<WindowSchema>& inputs,
                                const PostgresPartitions& partitions);
// Roles that may write and read, `<schema>_writer` and `<schema>_reader`. No sink runs this: it needs the right to
// create roles.
std::string postgres_roles_ddl(const std::string& schema);

TableShapes postgres_shapes(const std::vector<WindowSchema>& inputs);

// Parameters: schema name, text[] of table names. Result: table, column.
std::string postgres_shapes_query();
// The same of columns that have a type of ours and that a row may be null in.
std::string postgres_numbers_query();

// Result: part, version.
std::string postgres_versions_query(const std::string& schema);
// Parameter: gateway. Result: 1 if the window's table has any row of it. With `kept` another parameter, the start of
// the newest row in microseconds: 1 also if that is so old that it may be gone.
std::string postgres_has_rows_query(const std::string& schema, const WindowSchema& window,
                                    std::optional<Duration> kept);

// Parameters: gateway, sink, state id, the lowest incarnation to get, who claims. Result: the incarnation. The newest
// epoch stays if the state id does.
std::string postgres_claim_statement(const std::string& schema);
// Parameters: gateway, sink. Result: incarnation, run, epoch, state id, updated at, claimed by, claimed at, with the
// row locked; times in microseconds.
std::string postgres_state_query(const std::string& schema);
// Parameters: gateway, sink, run, epoch.
std::string postgres_epoch_statement(const std::string& schema);

// What the store knows a series by.
struct PostgresSeriesId {
  std::int64_t id = 0;
  bool has_other_labels = false;  // than the store has of it: its rows carry their own
};

// Parameters: gateway, text[] of sensors, text[] of metrics, boolean[] of grouped, text[] of labels as JSON. Result:
// position from 1, series id, 1 where the labels are others; known series only.
std::string postgres_find_series_query(const std::string& schema);
// Parameters: gateway, text[] of sensors, metrics, units and labels as JSON, boolean[] of grouped.
std::string postgres_add_series_statement(const std::string& schema);

// Upserts rows, where row_guard.h lets it. `former`: columns that a row which is there becomes null in.
std::string postgres_insert_statement(const std::string& schema, const WindowSchema& window, const ColumnNames& former);
// Its parameters for those of the window's rows; `series_ids` has one id for each of them.
std::vector<std::string> postgres_insert_parameters(const WindowSchema& window, const WindowRows& window_rows,
                                                    std::span<const std::size_t> rows,
                                                    std::span<const PostgresSeriesId> series_ids, std::uint64_t epoch,
                                                    std::uint64_t state_id);

// For rows of an insert that has changed fewer. Parameters: epoch, state id, bigint[] of series ids, starts and
// revisions, and an array for the column of `reading_number` if there is one. Result: the positions, from 1, of those
// that are not accounted for (row_guard.h).
std::string postgres_skipped_rows_query(const std::string& schema, const WindowSchema& window);
std::vector<std::string> postgres_skipped_rows_parameters(const WindowSchema& window, const WindowRows& window_rows,
                                                          std::span<const std::size_t> rows,
                                                          std::span<const PostgresSeriesId> series_ids,
                                                          std::uint64_t epoch, std::uint64_t state_id);

// Rows that are there. Parameters: bigint[] of series ids, bigint[] of starts. Result: position from 1, then each
// column as the 16 hexadecimal digits of a double, "" for null; with the rows locked.
std::string postgres_stored_rows_query(const std::string& schema, const WindowSchema& window);
std::vector<std::string> postgres_stored_rows_parameters(const WindowRows& window_rows,
                                                         std::span<const PostgresSeriesId> series_ids);
// Gives rows that are there other values and the next revision. Parameters: epoch, state id, series ids, starts, then
// an array for each column. Result: the positions, from 1, of those that were changed.
std::string postgres_change_statement(const std::string& schema, const WindowSchema& window, const ColumnNames& former);
std::vector<std::string> postgres_change_parameters(const WindowSchema& window, const WindowRows& window_rows,
                                                    std::span<const PostgresSeriesId> series_ids, std::uint64_t epoch,
                                                    std::uint64_t state_id);

// Deletes rows, where row_guard.h lets it. Parameters as above.
std::string postgres_retract_statement(const std::string& schema, const WindowSchema& window);
std::vector<std::string> postgres_retract_parameters(const WindowRows& window_rows, std::span<const std::size_t> rows,
                                                     std::span<const PostgresSeriesId> series_ids,
                                                     std::uint64_t state_id);
// The same parameters. Result: the positions, from 1, of rows that are there and that it would delete.
std::string postgres_retractable_query(const std::string& schema, const WindowSchema& window);

}  // namespace edgetide
