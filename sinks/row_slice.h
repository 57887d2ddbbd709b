// Some of the rows of a batch as a batch: what a sink that takes a batch in parts is given.
//
// Pure; any thread; never fails.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "sinks/row_batch.h"

namespace edgetide {

// `rows` of them, from the row `first` on, counted over all windows in their order.
// Requires: first + rows <= batch.row_count().
RowBatch slice(const RowBatch& batch, std::size_t first, std::size_t rows);

// Those for which keep(row) is true, asked in their order.
template <typename Keep>
RowBatch rows_where(const RowBatch& batch, Keep keep) {
  RowBatch kept{.id = batch.id, .windows = {}};
  for (const WindowRows& window : batch.windows) {
    WindowRows part{window.input, {}, {}};
    const std::size_t columns = window.rows.empty() ? 0 : window.values.size() / window.rows.size();
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      if (!keep(window.rows[i])) continue;
      const std::span<const double> values = window.values_of(i, columns);
      part.rows.push_back(window.rows[i]);
      part.values.insert(part.values.end(), values.begin(), values.end());
    }
    if (!part.rows.empty()) kept.windows.push_back(std::move(part));
  }
  return kept;
}

}  // namespace edgetide
