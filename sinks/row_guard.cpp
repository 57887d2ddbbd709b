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

std::string reading_number(const WindowSchema& window) {
  if (counts_readings(window)) return "count";
  return has_column(window, readings_column) ? readings_column : std::string();
}

std::optional<std::size_t> reading_number_column(const WindowSchema& window) {
  const std::string name = reading_number(window);
  const auto found = std::find_if(window.columns.begin(), window.columns.end(),
                                  [&](const Column& column) { return column.name == name; });
  if (name.empty() || found == window.columns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - window.columns.begin());
}

std::string row_gives_way(const WindowSchema& window) {
  const std::string later = "d.state_id = EXCLUDED.state_id OR d.revision < EXCLUDED.revision";
  const std::string number = reading_number(window);
  if (number.empty()) return later;
  // It is null in rows from before the window had that column.
  return "coalesce(d.\"" + number + "\" <= EXCLUDED.\"" + number + "\", " + later + ")";
}

std::string row_is_accounted_for(const WindowSchema& window) {
  return "((d.epoch = EXCLUDED.epoch AND d.state_id = EXCLUDED.state_id AND d.revision = EXCLUDED.revision) OR (" +
         row_gives_way(window) + ") IS NOT TRUE)";
}

}  // namespace edgetide
