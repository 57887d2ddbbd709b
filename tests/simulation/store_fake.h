// A store in memory that keeps the contract of sinks/sink.h: it outlives its sinks, replaces rows, knows its last epoch
// and accepts no epoch twice. A seed makes it fail: unreachable for a while, or the answer to a COMMIT is lost.
//
// Thread: one.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "sinks/configured_sink.h"
#include "sinks/row_addition.h"
#include "sinks/sink.h"

namespace edgetide::test {

// What makes calls of a fake fail.
struct FailingFake {
  bool away = false;
  unsigned failing_percent = 0;
  std::minstd_rand random;

  bool fails() { return away || random() % 100 < failing_percent; }
};

struct StoreFake : FailingFake {
  using Key = std::tuple<std::size_t, std::string, std::string, std::int64_t>;  // input, sensor, metric, start
  struct Value {
    RowState state;
    std::vector<double> values;
    bool operator==(const Value&) const = default;
  };

  std::map<Key, Value> rows;
  EpochId last;
  bool keeps_fuller = false;  // as tables do (sinks/row_guard.h). Requires: the first column is `count`

  // Instead of one of so many readings.
  bool keeps_row(const Key& key, double readings) const {
    const auto known = rows.find(key);
    return keeps_fuller && known != rows.end() && known->second.values[0] > readings;
  }

  // Rows of the store that are final, which no crash may change.
  std::map<Key, Value> final_rows() const {
    std::map<Key, Value> found;
    for (const auto& [key, value] : rows) {
      if (value.state == RowState::final) found.emplace(key, value);
    }
    return found;
  }
};

class StoreFakeSink final : public Sink {
 public:
  StoreFakeSink(StoreFake& store, std::vector<WindowSchema> inputs) : store_(store), inputs_(std::move(inputs)) {}

  Outcome open() override {
    if (store_.fails()) return RetryAfter{Duration(), "away"};
    return Delivered{};
  }
  Outcome deliver(const RowBatch& batch) override {
    if (batch.id <= store_.last) return Delivered{};
    if (store_.fails()) {
      const bool stored = store_.random() % 2 == 0 && !store_.away;
      if (stored) take(batch);
      return store_.random() % 2 == 0 || stored ? Outcome(InDoubt{"answer lost"}) : Outcome(RetryAfter{{}, "away"});
    }
    take(batch);
    return Delivered{};
  }
  LastEpoch last_epoch() override {
    if (store_.fails()) return RetryAfter{Duration(), "away"};
    return store_.last == EpochId{} ? std::optional<EpochId>() : std::optional(store_.last);
  }
  void close() noexcept override {}
  void interrupt() noexcept override {}

 private:
  void take(const RowBatch& batch) {
    for (const WindowRows& window : batch.windows) {
      for (std::size_t i = 0; i < window.rows.size(); ++i) {
        const SinkRow& row = window.rows[i];
        const StoreFake::Key key{window.input, row.series->sensor, row.series->metric, row.start.count()};
        const auto values = window.values_of(i, inputs_[window.input].columns.size());
        if (row.state == RowState::retracted) {
          store_.rows.erase(key);
        } else if (row.state == RowState::added) {
          const auto [known, fresh] = store_.rows.try_emplace(key, StoreFake::Value{RowState::final, {}});
          if (fresh) known->second.values.assign(values.begin(), values.end());
          if (!fresh) RowAddition(inputs_[window.input]).add(known->second.values, values);
        } else if (!store_.keeps_row(key, values[0])) {
          store_.rows[key] = {row.state, {values.begin(), values.end()}};
        }
      }
    }
    store_.last = batch.id;
  }

  StoreFake& store_;
  const std::vector<WindowSchema> inputs_;
};

class ConfiguredStore final : public ConfiguredSinkOf<StoreFake*> {
 public:
  using ConfiguredSinkOf::ConfiguredSinkOf;
  std::unique_ptr<Sink> make(SinkIdentity /*identity*/, std::vector<WindowSchema> inputs) const override {
    return std::make_unique<StoreFakeSink>(*options(), std::move(inputs));
  }
  SinkTraits traits() const override { return {}; }
};

}  // namespace edgetide::test
