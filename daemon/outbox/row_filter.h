// Which of the selected rows a sink gets: those for which its `where` holds, or with `on = "change"` those with which
// it begins or ends to hold for their series.
//
// A condition is a formula over the aggregates of the row; it holds where its value is neither 0 nor null. A comparison
// with null does not hold.
// Tables: a row that was stored and for which the condition holds no longer is retracted; late readings are not added.
// Streams: with `on = "change"` a row has one more column, the last one: 1 begins, 0 ends.
// The same rows and edges give the same rows.
//
// Owns:   the formula, which has one user at a time.
// Thread: under the intake lock.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/outbox/outbox_options.h"
#include "daemon/outbox/row_edges.h"
#include "sinks/row_batch.h"
#include "sinks/sink_traits.h"

namespace edgetide {

// Of a stream with `on = "change"`, an integer.
inline constexpr const char* edge_column = "holds";

class RowFilter {
 public:
  // `inputs`: the schemas of the rows, with the column that `on` adds. Requires: options.where.
  RowFilter(FilterOptions options, std::string sink, std::vector<WindowSchema> inputs, SinkKind kind);

  void apply(RowBatch& batch, RowEdges& edges) const;

 private:
  enum class Verdict { leaves, retracts, stays };

  bool holds(std::size_t input, std::span<const double> values) const;
  Verdict judge(const SinkRow& row, bool holds, std::size_t input, RowEdges& edges) const;
  void filter(WindowRows& window, RowEdges& edges) const;

  FilterOptions options_;
  std::string sink_;
  std::vector<WindowSchema> inputs_;
  std::vector<std::vector<std::optional<std::size_t>>> columns_;  // by input and variable
  bool is_table_;
};

}  // namespace edgetide
