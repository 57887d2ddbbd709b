// Which rows of an epoch one sink gets: its inputs, in its output mode, as a self-contained batch.
//
// Thread: pure; called under the intake lock, since it reads the pipeline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "daemon/outbox/outbox_options.h"
#include "pipeline/emission.h"
#include "pipeline/options.h"
#include "pipeline/pipeline.h"
#include "sinks/row_batch.h"
#include "sinks/sink_traits.h"

namespace edgetide {

// The schemas of a sink's inputs, in the order of `inputs`. A table of a window without the aggregate `count` has one
// more column, the last one: how many readings a row has, which decides what may replace it (sinks/row_guard.h).
// `on`: row_filter.h.
std::vector<WindowSchema> schemas_of(const std::vector<WindowOptions>& windows, const std::vector<WindowId>& inputs,
                                     SinkKind kind = SinkKind::stream, FilterOn on = FilterOn::match);

class RowSelection {
 public:
  // `kind`: as for schemas_of.
  RowSelection(const std::vector<WindowOptions>& windows, const std::vector<WindowId>& inputs, OutputMode mode,
               SinkKind kind = SinkKind::stream);

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
  std::size_t bytes_of_rows(std::size_t input, std::size_t rows) const noexcept;
  bool selects(const Row& row) const noexcept;
  void add(const AddedRows& added, RowBatch& batch) const;
  static constexpr std::size_t not_an_input = static_cast<std::size_t>(-1);
  std::vector<std::size_t> input_of_;    // by window id
  std::vector<std::size_t> aggregates_;  // by input
  std::vector<bool> ranks_;              // by input: a rank behind its aggregates,
  std::vector<bool> adds_readings_;      // and a count of readings behind that
  OutputMode mode_;
  bool is_table_;
  std::size_t bytes_of_reading_ = 0;
};

}  // namespace edgetide
