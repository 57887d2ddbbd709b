#include "daemon/outbox/row_merge.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>

#include "pipeline/name_hash.h"

namespace edgetide {

namespace {

// By its names: a series that was evicted and returned, or was read from disk, is the same one.
struct RowKey {
  const Series* series;
  Timestamp start;

  bool operator==(const RowKey& other) const noexcept {
    if (start != other.start) return false;
    return series == other.series || (series->grouped == other.series->grouped &&
                                      series->sensor == other.series->sensor && series->metric == other.series->metric);
  }
};

// Peers choose names and times: with a seed they cannot foresee which rows meet. It changes no result.
struct RowKeyHash {
  std::size_t operator()(const RowKey& key) const noexcept {
    static const std::uint64_t seed = [] {
      std::random_device random;
      return std::uint64_t{random()} << 32 | random();
    }();
    return name_hash(seed ^ static_cast<std::uint64_t>(key.start.count()), key.series->sensor, key.series->metric);
  }
};

// The rows of one input.
class MergedRows {
 public:
  // Requires: rows.
  void add(const WindowRows& newer) {
    const std::size_t columns = newer.values.size() / newer.rows.size();
    rows_.input = newer.input;
    for (std::size_t i = 0; i < newer.rows.size(); ++i) {
      const SinkRow& row = newer.rows[i];
      const auto values = newer.values_of(i, columns);
      if (row.state == RowState::added) {  // takes the place of none
        append(row, values);
        continue;
      }
      const auto [known, fresh] = positions_.try_emplace({row.series.get(), row.start}, Place{rows_.rows.size()});
      if (fresh) {
        append(row, values);
        continue;
      }
      Place& place = known->second;
      if (row.state != RowState::retracted && rows_.rows[place.newest].state == RowState::retracted) {
        if (!place.retraction) {
          place = {rows_.rows.size(), place.newest};
          append(row, values);
          continue;
        }
        rows_.rows[*place.retraction] = rows_.rows[place.newest];
      }
      rows_.rows[place.newest] = row;
      std::copy(values.begin(), values.end(),
                rows_.values.begin() + static_cast<std::ptrdiff_t>(place.newest * columns));
    }
  }
  WindowRows take() { return std::move(rows_); }

 private:
  struct Place {
    std::size_t newest;
    std::optional<std::size_t> retraction = std::nullopt;  // of the row before it
  };

  void append(const SinkRow& row, std::span<const double> values) {
    rows_.rows.push_back(row);
    rows_.values.insert(rows_.values.end(), values.begin(), values.end());
  }

  WindowRows rows_;
  std::unordered_map<RowKey, Place, RowKeyHash> positions_;  // points into the batches
};

}  // namespace

RowBatch merged(std::span<const std::shared_ptr<const RowBatch>> batches) {
  std::map<std::size_t, MergedRows> by_input;
  for (const auto& batch : batches) {
    for (const WindowRows& window : batch->windows) {
      if (!window.rows.empty()) by_input[window.input].add(window);
    }
  }
  RowBatch merged;
  merged.id = batches.back()->id;
  for (auto& [input, rows] : by_input) merged.windows.push_back(rows.take());
  return merged;
}

}  // namespace edgetide
