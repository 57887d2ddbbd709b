#include "daemon/outbox/row_filter.h"

#include <cmath>
#include <limits>
#include <span>
#include <utility>

namespace edgetide {

namespace {

using Columns = std::vector<std::optional<std::size_t>>;

Columns columns_of(const std::vector<std::string>& variables, const WindowSchema& input) {
  Columns columns;
  for (const std::string& variable : variables) columns.push_back(input.position_of(variable));
  return columns;
}

}  // namespace

RowFilter::RowFilter(FilterOptions options, std::string sink, std::vector<WindowSchema> inputs, SinkKind kind)
    : options_(std::move(options)),
      sink_(std::move(sink)),
      inputs_(std::move(inputs)),
      is_table_(kind == SinkKind::table) {
  for (const WindowSchema& input : inputs_) columns_.push_back(columns_of(options_.variables, input));
}

bool RowFilter::holds(std::size_t input, std::span<const double> values) const {
  std::vector<double> variables;
  for (const std::optional<std::size_t>& column : columns_[input]) {
    variables.push_back(column ? values[*column] : std::numeric_limits<double>::quiet_NaN());
  }
  const double value = options_.where->evaluate(variables);
  return value != 0 && !std::isnan(value);
}

RowFilter::Verdict RowFilter::judge(const SinkRow& row, bool holds, std::size_t input, RowEdges& edges) const {
  if (row.state == RowState::added) return Verdict::stays;  // only the store knows the whole row
  if (options_.on == FilterOn::change) {
    const bool is_edge =
        row.state != RowState::retracted &&
        edges.turns({sink_, inputs_[input].name, row.series->sensor, row.series->metric}, row.start, holds);
    return is_edge ? Verdict::leaves : Verdict::stays;
  }
  if (row.state == RowState::retracted) return is_table_ ? Verdict::leaves : Verdict::stays;
  if (holds) return Verdict::leaves;
  return is_table_ && row.revision > 1 ? Verdict::retracts : Verdict::stays;
}

void RowFilter::filter(WindowRows& window, RowEdges& edges) const {
  const bool adds_column = options_.on == FilterOn::change;
  const std::size_t wanted = inputs_[window.input].columns.size();
  const std::size_t given = wanted - (adds_column ? 1 : 0);
  WindowRows kept{window.input, {}, {}};
  for (std::size_t i = 0; i < window.rows.size(); ++i) {
    const std::span<const double> values = window.values_of(i, given);
    const bool row_holds = holds(window.input, values);
    const Verdict verdict = judge(window.rows[i], row_holds, window.input, edges);
    if (verdict == Verdict::stays) continue;
    kept.rows.push_back(std::move(window.rows[i]));
    if (verdict == Verdict::retracts) kept.rows.back().state = RowState::retracted;
    kept.values.insert(kept.values.end(), values.begin(), values.end());
    if (adds_column) kept.values.push_back(row_holds ? 1 : 0);
  }
  window = std::move(kept);
}

void RowFilter::apply(RowBatch& batch, RowEdges& edges) const {
  for (WindowRows& window : batch.windows) filter(window, edges);
  std::erase_if(batch.windows, [](const WindowRows& window) { return window.rows.empty(); });
}

}  // namespace edgetide
