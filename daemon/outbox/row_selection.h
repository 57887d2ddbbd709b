// Which rows of an epoch one sink gets: its inputs, in its output mode, as a self-contained batch.
//
// Thread: pure; called under the intake lock, since it reads the pipeline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "daemon/outbox/outbox_options.h"
#include "pipeline/emission.h"
#include "pipeline/options.h"
#include "pipeline/window_row.h"
#include "sinks/row_batch.h"
#include "sinks/sink_traits.h"

namespace edgetide {

class Pipeline;

// The schemas of a sink's inputs, in the order of `inputs`. A table of a window without the aggregate `count` has one
// more column, the last one: how many readings a row has, which decides what may replace it (sinks/row_guard.h).
// `on`: row_filter.h. `parts`: outbox_options.h.
std::vector<WindowSchema> schemas_of(const std::vector<WindowOptions>& windows, const std::vector<WindowId>& inputs,
                                     SinkKind kind = SinkKind::stream, FilterOn on = FilterOn::match,
                                     RowParts parts = RowParts::named);

class RowSelection {
 public:
  // `kind`, `parts`: as for schemas_of.
  RowSelection(const std::vector<WindowOptions>& windows, const std::vector<WindowId>& inputs, OutputMode mode,
               SinkKind kind = SinkKind::stream, RowParts parts = RowParts::named);

  // append: rows that became final. update: rows that changed. complete: every row of the epoch. In each mode a table
  // also gets what is to be added to its rows.
  // `run`: the one in which the epoch was first fired (EpochId).
  RowBatch select(const Emission& emission, const Pipeline& pipeline, std::uint64_t run) const;

  // Late readings of the window can be put back: a table takes it.
  bool adds_to(WindowId window) const noexcept { return is_table_ && input_of_[index_of(window)] != not_an_input; }

  // What `select` would give of rows that are due, in bytes of memory. `due`: by window.
  std::size_t bytes_due(std::span<const RowsDue> due) const noexcept;
  // What one reading makes due, in bytes of memory: a row of each window that it may begin, at most some of a kind.
  std::size_t bytes_of_reading() const noexcept { return bytes_of_reading_; }

 private:
  // Of an input's rows.
  struct Input {
    std::size_t computed = 0;           // aggregates of the window,
    std::size_t aggregates = 0;         // the first of which are columns,
    bool has_rank = false;              // a rank behind them,
    bool adds_readings = false;         // and a count of readings behind that
    std::optional<std::size_t> sketch;  // which of the columns is one
    std::size_t columns() const noexcept { return aggregates + (has_rank ? 1 : 0) + (adds_readings ? 1 : 0); }
  };
  std::size_t bytes_of_rows(const Input& input, std::size_t rows) const noexcept;
  bool selects(const Row& row) const noexcept;
  void add(const AddedRows& added, RowBatch& batch) const;
  static constexpr std::size_t not_an_input = static_cast<std::size_t>(-1);
  std::vector<std::size_t> input_of_;  // by window id
  std::vector<Input> inputs_;
  OutputMode mode_;
  bool is_table_;
  std::size_t bytes_of_reading_ = 0;
};

}  // namespace edgetide
