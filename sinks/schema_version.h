// Of which version the tables of a store are, by part: "" for those that all windows share, the name of a window for
// its own. A sink brings its parts to the version of this program when it opens, in one transaction, and leaves tables
// of a newer one alone.
//
//   1  the tables of the first releases, which had no table `schema_version`
//   2  PostgreSQL: comments; SQLite: an index on the text `time`
//   3  SQLite: the table <window>_newest
//
// Pure; any thread; never fails.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sinks/row_batch.h"
#include "sinks/table_shape.h"

namespace edgetide {

inline constexpr std::int64_t schema_version = 3;

using SchemaVersions = std::map<std::string, std::int64_t>;

// The common part and those of the inputs.
std::vector<std::string> schema_parts(const std::vector<WindowSchema>& inputs);
bool is_current(const SchemaVersions& found, const std::vector<WindowSchema>& inputs);
// Why this program leaves the tables alone; empty: it need not.
std::string newer_schema(const SchemaVersions& found, const std::vector<WindowSchema>& inputs);
// A table is gone though its part was made once.
bool has_lost_tables(const SchemaVersions& versions, const TableShapes& found, const std::vector<WindowSchema>& inputs);
// Marks all parts. Any number of times.
std::string schema_version_ddl(const std::string& table, const std::vector<WindowSchema>& inputs);

}  // namespace edgetide
