// Which rows of an epoch one sink gets: its inputs, in its output mode, as a self-contained batch.
//
// Thread: pure; called under the intake lock, since it reads the pipeline.
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/outbox/outbox_options.h"
#include "pipeline/emission.h"
#include "pipeline/options.h"
#include "pipeline/pipeline.h"
#include "sinks/row_batch.h"

namespace edgetide {

// The schemas of a sink's inputs, in the order of `inputs`.
std::vector<WindowSchema> schemas_of(const std::vector<WindowOptions>& windows, const std::vector<WindowId>& inputs);

class RowSelection {
 public:
  RowSelection(const std::vector<WindowOptions>& windows, const std::vector<WindowId>& inputs, OutputMode mode);

  // append: rows that became final. update: rows that changed. complete: every row of the epoch.
  // `run`: the one in which the epoch was first fired (EpochId).
  RowBatch select(const Emission& emission, const Pipeline& pipeline, std::uint64_t run) const;

 private:
  bool selects(const Row& row) const noexcept;
  static constexpr std::size_t not_an_input = static_cast<std::size_t>(-1);
  std::vector<std::size_t> input_of_;  // by window id
  std::vector<std::size_t> columns_;   // by input
  OutputMode mode_;
};

}  // namespace edgetide
