#include "daemon/outbox/row_selection.h"

#include <algorithm>
#include <limits>
#include <string>

#include "daemon/outbox/row_filter.h"
#include "sinks/row_guard.h"

namespace edgetide {

namespace {

// Readings that come together share the windows that many of them would begin.
constexpr std::size_t max_windows_of_reading = 8;

std::size_t windows_of_reading(const WindowOptions& window) {
  return std::min(traits_of(window.kind).windows_of_reading(window), max_windows_of_reading);
}

}  // namespace

std::vector<WindowSchema> schemas_of(const std::vector<WindowOptions>& windows, const std::vector<WindowId>& inputs,
                                     SinkKind kind, FilterOn on) {
  std::vector<WindowSchema> schemas;
  for (const WindowId input : inputs) {
    const WindowOptions& window = windows[index_of(input)];
    WindowSchema& schema = schemas.emplace_back();
    schema.name = window.name;
    for (const Aggregate& aggregate : window.aggregates) {
      schema.columns.push_back({name_of(aggregate), kind_of(aggregate).integer});
    }
    if (window.top) schema.columns.push_back({rank_column, true});
    if (kind == SinkKind::table && !counts_readings(schema)) schema.columns.push_back({readings_column, true});
    if (on == FilterOn::change) schema.columns.push_back({edge_column, true});
  }
  return schemas;
}

RowSelection::RowSelection(const std::vector<WindowOptions>& windows, const std::vector<WindowId>& inputs,
                           OutputMode mode, SinkKind kind)
    : input_of_(windows.size(), not_an_input), mode_(mode), is_table_(kind == SinkKind::table) {
  const std::vector<WindowSchema> schemas = schemas_of(windows, inputs, kind);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    input_of_[index_of(inputs[i])] = i;
    aggregates_.push_back(windows[index_of(inputs[i])].aggregates.size());
    ranks_.push_back(windows[index_of(inputs[i])].top.has_value());
    adds_readings_.push_back(schemas[i].columns.size() > aggregates_[i] + (ranks_[i] ? 1 : 0));
    bytes_of_reading_ += bytes_of_rows(i, windows_of_reading(windows[index_of(inputs[i])]));
  }
}

bool RowSelection::selects(const Row& row) const noexcept {
  switch (mode_) {
    case OutputMode::append:
      return row.state == RowState::final;
    case OutputMode::update:
      return row.changed;
    case OutputMode::complete:
      break;
  }
  return true;
}

std::size_t RowSelection::bytes_due(std::span<const RowsDue> due) const noexcept {
  std::size_t bytes = 0;
  for (std::size_t window = 0; window < std::min(due.size(), input_of_.size()); ++window) {
    const std::size_t input = input_of_[window];
    if (input == not_an_input) continue;
    const std::size_t rows = mode_ == OutputMode::append ? due[window].final : due[window].all;
    bytes += bytes_of_rows(input, rows);
  }
  return bytes;
}

std::size_t RowSelection::bytes_of_rows(std::size_t input, std::size_t rows) const noexcept {
  return memory_of_rows(rows, aggregates_[input] + (ranks_[input] ? 1 : 0) + (adds_readings_[input] ? 1 : 0));
}

RowBatch RowSelection::select(const Emission& emission, const Pipeline& pipeline, std::uint64_t run) const {
  RowBatch batch;
  batch.id = {run, emission.epoch};
  for (const Row& row : emission.rows) {
    const std::size_t input = input_of_[index_of(row.window)];
    if (input == not_an_input || !selects(row)) continue;
    if (batch.windows.empty() || batch.windows.back().input != input) batch.windows.push_back({input, {}, {}});
    WindowRows& window = batch.windows.back();
    window.rows.push_back({pipeline.key_of(row), row.start, row.end, row.state, row.revision});
    const auto first = emission.values.begin() + static_cast<std::ptrdiff_t>(row.first_value);
    window.values.insert(window.values.end(), first, first + static_cast<std::ptrdiff_t>(aggregates_[input]));
    if (ranks_[input]) {
      window.values.push_back(row.rank > 0 ? row.rank : std::numeric_limits<double>::quiet_NaN());
    }
    if (adds_readings_[input]) window.values.push_back(row.readings);
  }
  if (!emission.added.rows.empty() && adds_to(emission.added.window)) add(emission.added, batch);
  for (WindowRows& window : batch.windows) {  // it may wait for long, and counts with what it holds
    window.rows.shrink_to_fit();
    window.values.shrink_to_fit();
  }
  return batch;
}

void RowSelection::add(const AddedRows& added, RowBatch& batch) const {
  const std::size_t input = input_of_[index_of(added.window)];
  auto window = std::find_if(batch.windows.begin(), batch.windows.end(),
                             [&](const WindowRows& each) { return each.input == input; });
  if (window == batch.windows.end()) window = batch.windows.insert(window, WindowRows{input, {}, {}});
  auto value = added.values.begin();
  for (const AddedRow& row : added.rows) {
    window->rows.push_back({row.key, row.start, row.end, RowState::added, 1});
    window->values.insert(window->values.end(), value, value + static_cast<std::ptrdiff_t>(aggregates_[input]));
    value += static_cast<std::ptrdiff_t>(aggregates_[input]);
    if (adds_readings_[input]) window->values.push_back(row.readings);
  }
}

}  // namespace edgetide
