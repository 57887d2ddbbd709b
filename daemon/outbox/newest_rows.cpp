#include "daemon/outbox/newest_rows.h"

#include <algorithm>
#include <vector>

#include "sinks/row_slice.h"

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
  return rows_where(batch, [&](const SinkRow& row) {
    if (row.end != oldest) return row.end > oldest;
    return equal > 0 && equal-- > 0;
  });
}

}  // namespace edgetide
