#include "daemon/outbox/row_selection.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "daemon/outbox/row_filter.h"
#include "pipeline/mergeable.h"
#include "pipeline/pipeline.h"
#include "sinks/row_guard.h"

namespace edgetide {

namespace {

// Readings that come together share the windows that many of them would begin.
constexpr std::size_t max_windows_of_reading = 8;

std::size_t windows_of_reading(const WindowOptions& window) {
  return std::min(traits_of(window.kind).windows_of_reading(window), max_windows_of_reading);
}

constexpr double none = std::numeric_limits<double>::quiet_NaN();

// Of a sketch, about, of some hundred readings that are not far apart.
constexpr std::size_t usual_sketch_bytes = 1024;

std::shared_ptr<const std::string> sketch_of(const Emission& emission, double place) {
  if (std::isnan(place)) return nullptr;
  return std::make_shared<const std::string>(emission.sketches[static_cast<std::size_t>(place)]);
}

std::span<const Aggregate> columns_of(const WindowOptions& window, RowParts parts) {
  return parts == RowParts::mergeable ? std::span(window.aggregates) : named_aggregates(window);
}

}  // namespace

std::vector<WindowSchema> schemas_of(const std::vector<WindowOptions>& windows, const std::vector<WindowId>& inputs,
                                     SinkKind kind, FilterOn on, RowParts parts) {
  std::vector<WindowSchema> schemas;
  for (const WindowId input : inputs) {
    const WindowOptions& window = windows[index_of(input)];
    WindowSchema& schema = schemas.emplace_back();
    schema.name = window.name;
    for (const Aggregate& aggregate : columns_of(window, parts)) {
      schema.columns.push_back({name_of(aggregate), kind_of(aggregate).integer, aggregate == Aggregate::sketch});
    }
    if (window.top) schema.columns.push_back({rank_column, true});
    if (kind == SinkKind::table && !counts_readings(schema)) schema.columns.push_back({readings_column, true});
    if (on == FilterOn::change) schema.columns.push_back({edge_column, true});
  }
  return schemas;
}

RowSelection::RowSelection(const std::vector<WindowOptions>& windows, const std::vector<WindowId>& inputs,
                           OutputMode mode, SinkKind kind, RowParts parts)
    : input_of_(windows.size(), not_an_input), mode_(mode), is_table_(kind == SinkKind::table) {
  const std::vector<WindowSchema> schemas = schemas_of(windows, inputs, kind, FilterOn::match, parts);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const WindowOptions& window = windows[index_of(inputs[i])];
    const std::vector<Column>& columns = schemas[i].columns;
    input_of_[index_of(inputs[i])] = i;
    Input& input = inputs_.emplace_back();
    input.computed = window.aggregates.size();
    input.aggregates = columns_of(window, parts).size();
    input.has_rank = window.top.has_value();
    input.adds_readings = columns.size() > input.columns();
    const auto sketch = std::find_if(columns.begin(), columns.end(), [](const Column& column) { return column.bytes; });
    if (sketch != columns.end()) input.sketch = static_cast<std::size_t>(sketch - columns.begin());
    bytes_of_reading_ += bytes_of_rows(input, windows_of_reading(window));
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
    bytes += bytes_of_rows(inputs_[input], rows);
  }
  return bytes;
}

std::size_t RowSelection::bytes_of_rows(const Input& input, std::size_t rows) const noexcept {
  return memory_of_rows(rows, input.columns()) + (input.sketch ? rows * usual_sketch_bytes : 0);
}

RowBatch RowSelection::select(const Emission& emission, const Pipeline& pipeline, std::uint64_t run) const {
  RowBatch batch;
  batch.id = {run, emission.epoch};
  for (const Row& row : emission.rows) {
    const std::size_t place = input_of_[index_of(row.window)];
    if (place == not_an_input || !selects(row)) continue;
    if (batch.windows.empty() || batch.windows.back().input != place) batch.windows.push_back({place, {}, {}});
    const Input& input = inputs_[place];
    WindowRows& window = batch.windows.back();
    window.rows.push_back({pipeline.key_of(row), row.start, row.end, row.state, row.revision});
    const auto first = emission.values.begin() + static_cast<std::ptrdiff_t>(row.first_value);
    window.values.insert(window.values.end(), first, first + static_cast<std::ptrdiff_t>(input.aggregates));
    if (input.sketch) {
      double& number = *(window.values.end() - static_cast<std::ptrdiff_t>(input.aggregates - *input.sketch));
      window.rows.back().sketch = sketch_of(emission, std::exchange(number, none));
    }
    if (input.has_rank) window.values.push_back(row.rank > 0 ? row.rank : none);
    if (input.adds_readings) window.values.push_back(row.readings);
  }
  if (!emission.added.rows.empty() && adds_to(emission.added.window)) add(emission.added, batch);
  for (WindowRows& window : batch.windows) {  // it may wait for long, and counts with what it holds
    window.rows.shrink_to_fit();
    window.values.shrink_to_fit();
  }
  return batch;
}

// Of a window that adds late readings none has a sketch (late_rows.h).
void RowSelection::add(const AddedRows& added, RowBatch& batch) const {
  const std::size_t place = input_of_[index_of(added.window)];
  const Input& input = inputs_[place];
  auto window = std::find_if(batch.windows.begin(), batch.windows.end(),
                             [&](const WindowRows& each) { return each.input == place; });
  if (window == batch.windows.end()) window = batch.windows.insert(window, WindowRows{place, {}, {}});
  auto value = added.values.begin();
  for (const AddedRow& row : added.rows) {
    window->rows.push_back({row.key, row.start, row.end, RowState::added, 1});
    window->values.insert(window->values.end(), value, value + static_cast<std::ptrdiff_t>(input.aggregates));
    value += static_cast<std::ptrdiff_t>(input.computed);
    if (input.adds_readings) window->values.push_back(row.readings);
  }
}

}  // namespace edgetide
