#include "daemon/outbox/row_translation.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "pipeline/aggregate_kind.h"
#include "sinks/row_guard.h"

namespace edgetide {

RowTranslation::RowTranslation(const std::vector<WindowSchema>& from, const std::vector<WindowSchema>& to)
    : is_same_(from == to) {
  for (const WindowSchema& window : from) inputs_.push_back(input_for(window, to));
}

RowTranslation::Input RowTranslation::input_for(const WindowSchema& from, const std::vector<WindowSchema>& to) {
  Input input;
  const auto known =
      std::find_if(to.begin(), to.end(), [&](const WindowSchema& each) { return each.name == from.name; });
  if (known == to.end()) return input;
  input.to = static_cast<std::size_t>(known - to.begin());
  input.columns_before = from.columns.size();
  input.is_same = from.columns == known->columns;
  for (const Column& column : known->columns) {
    std::optional<std::size_t> before = from.position_of(column.name);
    // Both say how many readings a row has.
    if (!before && column.name == readings_column) before = from.position_of(name_of(Aggregate::count));
    input.columns.push_back(before.value_or(nowhere));
  }
  return input;
}

void RowTranslation::apply(RowBatch& batch) const {
  if (is_same_) return;
  std::erase_if(batch.windows, [&](const WindowRows& window) { return inputs_[window.input].to == nowhere; });
  for (WindowRows& window : batch.windows) {
    const Input& input = inputs_[window.input];
    window.input = input.to;
    if (input.is_same) continue;
    std::vector<double> values;
    values.reserve(window.rows.size() * input.columns.size());
    for (std::size_t row = 0; row < window.rows.size(); ++row) {
      for (const std::size_t before : input.columns) {
        values.push_back(before == nowhere ? std::numeric_limits<double>::quiet_NaN()
                                           : window.values_of(row, input.columns_before)[before]);
      }
    }
    window.values = std::move(values);
  }
  std::sort(batch.windows.begin(), batch.windows.end(),
            [](const WindowRows& a, const WindowRows& b) { return a.input < b.input; });
}

}  // namespace edgetide
