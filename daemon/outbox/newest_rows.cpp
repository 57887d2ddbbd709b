#include "daemon/outbox/newest_rows.h"

#include <algorithm>
#include <vector>

namespace edgetide {

RowBatch newest_rows(const RowBatch& batch, std::size_t rows) {
  std::vector<Timestamp> ends;
  for (const WindowRows& window : batch.windows) {
    for (const SinkRow& row : window.rows) ends.push_back(row.end);
  }
  if (rows == 0 || rows >= ends.size()) return rows == 0 ? RowBatch{.id = batch.id, .windows = {}} : batch;
  const auto oldest_kept = ends.begin() + static_cast<std::ptrdiff_t>(ends.size() - rows);
  std::nth_element(ends.begin(), oldest_kept, ends.end());
  const Timestamp oldest = *oldest_kept;
  std::size_t equal = rows - static_cast<std::size_t>(
                                 std::count_if(oldest_kept, ends.end(), [&](Timestamp end) { return end > oldest; }));
  RowBatch kept{.id = batch.id, .windows = {}};
  for (const WindowRows& window : batch.windows) {
    WindowRows part{window.input, {}, {}};
    const std::size_t columns = window.rows.empty() ? 0 : window.values.size() / window.rows.size();
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      const Timestamp end = window.rows[i].end;
      if (end < oldest || (end == oldest && equal == 0)) continue;
      if (end == oldest) --equal;
      const auto values = window.values_of(i, columns);
      part.rows.push_back(window.rows[i]);
      part.values.insert(part.values.end(), values.begin(), values.end());
    }
    if (!part.rows.empty()) kept.windows.push_back(std::move(part));
  }
  return kept;
}

}  // namespace edgetide
