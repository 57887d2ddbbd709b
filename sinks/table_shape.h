// Which tables, views and columns a store has, and which of those a sink needs it lacks.
//
// Pure; any thread; never fails.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace edgetide {

// Columns by table or view.
using TableShapes = std::map<std::string, std::set<std::string>>;

// "minute_data", "minute.p95", ... in order; a table or view that is missing is named without its columns.
std::vector<std::string> missing_from(const TableShapes& found, const TableShapes& needed);

// What to say where the tables are somebody else's to make.
inline constexpr const char* ask_for_schema = ": create_tables is off, so run the output of `edgetide schema`";

std::string joined(const std::vector<std::string>& parts);

}  // namespace edgetide
