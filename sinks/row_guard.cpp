#include "sinks/row_guard.h"

namespace edgetide {

bool counts_readings(const WindowSchema& window) {
  return window.position_of("count").has_value();
}

std::string reading_number(const WindowSchema& window) {
  if (counts_readings(window)) return "count";
  return window.position_of(readings_column) ? readings_column : std::string();
}

std::optional<std::size_t> reading_number_column(const WindowSchema& window) {
  return window.position_of(reading_number(window));
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
