#include "sinks/row_guard.h"

#include <algorithm>

namespace edgetide {

std::string row_gives_way(const WindowSchema& window) {
  const std::string newer = "d.revision < EXCLUDED.revision";
  const bool counted = std::any_of(window.columns.begin(), window.columns.end(),
                                   [](const Column& column) { return column.name == "count"; });
  // A count is null in rows from before the window had that aggregate.
  return "d.state_id = EXCLUDED.state_id OR " +
         (counted ? "coalesce(d.\"count\" <= EXCLUDED.\"count\", " + newer + ")" : newer);
}

}  // namespace edgetide
