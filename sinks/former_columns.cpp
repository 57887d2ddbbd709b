#include "sinks/former_columns.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "pipeline/aggregate_kind.h"
#include "sinks/row_guard.h"
#include "sinks/sql_text.h"

namespace edgetide {

namespace {

// "p99_9", "duration__2_5": what Column::sql_name makes of a name with a number.
bool is_numbered(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || name.size() == prefix.size()) return false;
  return name.find_first_not_of("0123456789_e+", prefix.size()) == name.npos;
}

bool may_be_ours(std::string_view name) {
  if (name == readings_column || name == rank_column) return true;
  if (aggregate_named(name)) return true;
  return is_numbered(name, "p") || is_numbered(name, "duration_");
}

ColumnNames former_columns(const std::set<std::string>& numbers, const WindowSchema& window) {
  ColumnNames former;
  for (const std::string& name : numbers) {
    const bool is_present = std::any_of(window.columns.begin(), window.columns.end(),
                                        [&](const Column& column) { return column.sql_name() == name; });
    if (!is_present && may_be_ours(name)) former.push_back(name);
  }
  return former;
}

}  // namespace

std::vector<ColumnNames> former_columns(const TableShapes& numbers, const std::vector<WindowSchema>& inputs) {
  std::vector<ColumnNames> former;
  for (const WindowSchema& window : inputs) {
    const auto table = numbers.find(window.name + "_data");
    former.push_back(table == numbers.end() ? ColumnNames() : former_columns(table->second, window));
  }
  return former;
}

std::string set_to_null(const ColumnNames& columns) {
  std::string text;
  for (const std::string& column : columns) text += ", " + quote_identifier(column) + " = NULL";
  return text;
}

}  // namespace edgetide
