#include "sinks/row_guard.h"

#include <algorithm>

namespace edgetide {

namespace {

bool has_column(const WindowSchema& window, const std::string& name) {
  return std::any_of(window.columns.begin(), window.columns.end(),
                     [&](const Column& column) { return column.name == name; });
}

}  // namespace

bool counts_readings(const WindowSchema& window) {
  return has_column(window, "count");
}

std::string row_gives_way(const WindowSchema& window) {
  const std::string later = "d.state_id = EXCLUDED.state_id OR d.revision < EXCLUDED.revision";
  std::string number;
  if (has_column(window, readings_column)) number = readings_column;
  if (counts_readings(window)) number = "count";
  if (number.empty()) return later;
  // It is null in rows from before the window had that column.
  return "coalesce(d.\"" + number + "\" <= EXCLUDED.\"" + number + "\", " + later + ")";
}

}  // namespace edgetide
