#include "sinks/row_slice.h"

#include <algorithm>

namespace edgetide {

namespace {

WindowRows slice(const WindowRows& window, std::size_t first, std::size_t rows) {
  const std::size_t columns = window.values.size() / window.rows.size();
  const auto from_row = window.rows.begin() + static_cast<std::ptrdiff_t>(first);
  const auto from_value = window.values.begin() + static_cast<std::ptrdiff_t>(first * columns);
  return {window.input,
          {from_row, from_row + static_cast<std::ptrdiff_t>(rows)},
          {from_value, from_value + static_cast<std::ptrdiff_t>(rows * columns)}};
}

}  // namespace

RowBatch slice(const RowBatch& batch, std::size_t first, std::size_t rows) {
  RowBatch part{batch.id, {}, batch.first_row + first, batch.last_part && first + rows == batch.row_count()};
  for (const WindowRows& window : batch.windows) {
    const std::size_t skipped = std::min(first, window.rows.size());
    const std::size_t taken = std::min(rows, window.rows.size() - skipped);
    if (taken > 0) part.windows.push_back(slice(window, skipped, taken));
    first -= skipped;
    rows -= taken;
  }
  return part;
}

}  // namespace edgetide
