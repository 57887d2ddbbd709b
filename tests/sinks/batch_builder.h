// Builds row batches for tests: sensors with their names, and rows with values.
#pragma once

#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sinks/row_batch.h"
#include "sinks/sink.h"

namespace edgetide::test {

inline constexpr double null = std::numeric_limits<double>::quiet_NaN();

inline std::string numbered(std::string name, std::int64_t number) {
  return name.append(std::to_string(number));
}

// Who a test is, unless it is about that.
inline SinkIdentity this_gateway() {
  return {"gw", "history", 1};
}

inline std::vector<WindowSchema> minute_window() {
  return {{"minute", {{"count", true}, {"avg", false}}}};
}

inline std::shared_ptr<const Series> series(std::string sensor, std::string metric = "t", std::string unit = "",
                                            std::vector<Label> labels = {}) {
  return std::make_shared<const Series>(
      Series{std::move(sensor), std::move(metric), std::move(unit), std::move(labels)});
}

inline std::shared_ptr<const Series> group(std::string text, std::vector<Label> columns) {
  return std::make_shared<const Series>(Series{std::move(text), "", "", std::move(columns), true});
}

struct RowText {
  std::shared_ptr<const Series> of;
  std::int64_t start_us = 0;
  std::uint32_t revision = 1;
  std::vector<double> values;
  RowState state = RowState::closed;
};

inline Timestamp minute_after(std::int64_t start_us) {
  return Timestamp::microseconds(start_us) + Duration::minutes(1);
}

inline RowBatch batch(EpochId id, const std::vector<RowText>& rows, std::size_t input = 0) {
  RowBatch built;
  built.id = id;
  WindowRows& window = built.windows.emplace_back();
  window.input = input;
  for (const RowText& row : rows) {
    window.rows.push_back(
        {row.of, Timestamp::microseconds(row.start_us), minute_after(row.start_us), row.state, row.revision});
    window.values.insert(window.values.end(), row.values.begin(), row.values.end());
  }
  return built;
}

// Of the first run.
inline RowBatch batch(std::uint64_t epoch, const std::vector<RowText>& rows, std::size_t input = 0) {
  return batch(EpochId{1, epoch}, rows, input);
}

}  // namespace edgetide::test
