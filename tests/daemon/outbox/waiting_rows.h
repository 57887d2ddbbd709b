// Row batches for tests of outboxes, and the rows of a store after it received some of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "tests/sinks/batch_builder.h"

namespace edgetide::test {

// Rows of one epoch: of so many sensors, all of the same window start.
inline RowBatch rows_of(EpochId id, std::int64_t start, std::size_t sensors, std::uint32_t revision = 1) {
  std::vector<RowText> rows;
  for (std::size_t i = 0; i < sensors; ++i) {
    const auto sensor = static_cast<std::int64_t>(i);
    rows.push_back({series(numbered("s", sensor)), start, revision, {double(revision), double(start)}});
  }
  return batch(id, rows);
}

// Rows that no other epoch has.
inline RowBatch own_rows(std::uint64_t epoch, std::size_t sensors = 1) {
  return rows_of({1, epoch}, static_cast<std::int64_t>(epoch), sensors);
}

// By input, sensor and start; revision and values.
using StoredRows = std::map<std::tuple<std::size_t, std::string, std::int64_t>, std::vector<double>>;

inline void store(StoredRows& rows, const RowBatch& batch) {
  for (const WindowRows& window : batch.windows) {
    const std::size_t columns = window.values.size() / window.rows.size();
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      const SinkRow& row = window.rows[i];
      const auto values = window.values_of(i, columns);
      std::vector<double>& stored = rows[{window.input, row.series->sensor, row.start.count()}];
      stored.assign(values.begin(), values.end());
      stored.push_back(row.revision);
    }
  }
}

inline StoredRows stored(const std::vector<RowBatch>& batches) {
  StoredRows rows;
  for (const RowBatch& one : batches) store(rows, one);
  return rows;
}

}  // namespace edgetide::test
