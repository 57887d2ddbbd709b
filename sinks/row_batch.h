// What a sink is given: the rows of one epoch that its inputs and modes select, self-contained, with all names.
//
// Owns:   everything; the names of series are shared and immutable.
// Units:  times in UTC microseconds; NaN is null.
// Thread: a value, handed from the intake to one worker.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/emission.h"
#include "pipeline/heap_bytes.h"
#include "pipeline/series.h"

namespace edgetide {

struct Column {
  std::string name;      // the aggregate's name: count, avg, p99.9, ...
  bool integer = false;  // bigint rather than double precision
  bool bytes = false;    // SinkRow::sketch; among the values it is NaN
  bool operator==(const Column&) const = default;

  // As a column that needs no quotes: p99_9, duration__1.
  std::string sql_name() const {
    std::string text = name;
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '.' || c == '-'; }, '_');
    return text;
  }
};

// One input of a sink; names are unique and fit [a-z][a-z0-9_]{0,47} (config checks it).
struct WindowSchema {
  std::string name;
  std::vector<Column> columns;
  bool operator==(const WindowSchema&) const = default;

  std::optional<std::size_t> position_of(std::string_view column) const {
    const auto found =
        std::find_if(columns.begin(), columns.end(), [&](const Column& each) { return each.name == column; });
    return found == columns.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - columns.begin()));
  }
};

struct SinkRow {
  std::shared_ptr<const Series> series;
  Timestamp start;
  Timestamp end;  // Timestamp::latest(): there is none
  RowState state = RowState::open;
  std::uint32_t revision = 0;
  std::shared_ptr<const std::string> sketch = nullptr;  // pipeline/dd_sketch.h; null: it has none
};

// In memory, of the rows with so many columns each, without their sketches.
constexpr std::size_t memory_of_rows(std::size_t rows, std::size_t columns) noexcept {
  return rows * (sizeof(SinkRow) + columns * sizeof(double));
}

inline std::size_t memory_of_sketch(const SinkRow& row) noexcept {
  return row.sketch ? heap_block(sizeof *row.sketch) + row.sketch->capacity() : 0;
}

struct WindowRows {
  std::size_t input = 0;  // position in the sink's list of WindowSchema
  std::vector<SinkRow> rows;
  std::vector<double> values;  // rows.size() times columns, row by row

  std::span<const double> values_of(std::size_t row, std::size_t columns) const noexcept {
    return std::span<const double>(values).subspan(row * columns, columns);
  }
};

// The place of an epoch among all that were ever emitted from one state directory. `run` is the run of the daemon in
// which it was first fired; a replay of the journal makes it again with the same number. After a power cut, which may
// take the last ticks with it, other epochs get the same numbers: their greater run tells them apart.
struct EpochId {
  std::uint64_t run = 0;
  std::uint64_t epoch = 0;
  auto operator<=>(const EpochId&) const = default;
};
constexpr EpochId latest_epoch{std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max()};

struct RowBatch {
  EpochId id;
  std::vector<WindowRows> windows;  // in the order of the sink's inputs, those without rows left out
  // An at-least-once sink may get the rows of an epoch in several parts, in their order and with the same id.
  std::size_t first_row = 0;  // of the epoch's rows
  bool last_part = true;

  std::size_t row_count() const noexcept {
    std::size_t n = 0;
    for (const WindowRows& window : windows) n += window.rows.size();
    return n;
  }
};

}  // namespace edgetide
