// A stream in memory that keeps the at-least-once contract of sinks/sink.h and no more: it gets epochs in small parts,
// remembers none of them, and stores what it gets once more as often as it comes. A seed makes it fail: it is
// unreachable, stores the first rows of a part only, or the answer is lost.
//
// Thread: one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sinks/configured_sink.h"
#include "sinks/sink.h"
#include "tests/simulation/store_fake.h"

namespace edgetide::test {

struct StreamFake : FailingFake {
  struct Row {
    EpochId epoch;
    StoreFake::Value value;
    bool operator==(const Row&) const = default;
  };
  using Revisions = std::map<std::uint32_t, Row>;

  std::map<StoreFake::Key, Revisions> rows;
  std::size_t repeats = 0;  // rows that had come before
  std::string conflicts;    // rows that came again with another content or epoch

  void take(const StoreFake::Key& key, std::uint32_t revision, Row row) {
    const auto [known, is_new] = rows[key].emplace(revision, row);
    if (is_new) return;
    ++repeats;
    if (known->second != row) conflicts += name_of(key) + " revision " + std::to_string(revision) + '\n';
  }

  // What a table would hold: of each row the newest revision.
  std::map<StoreFake::Key, StoreFake::Value> newest() const {
    std::map<StoreFake::Key, StoreFake::Value> found;
    for (const auto& [key, revisions] : rows) {
      const StoreFake::Value& last = revisions.rbegin()->second.value;
      if (last.state != RowState::retracted) found.emplace(key, last);
    }
    return found;
  }

  // Rows of which a revision never came though a later one did. Requires: it is to have every revision.
  std::string gaps() const {
    std::string text;
    for (const auto& [key, revisions] : rows) {
      if (revisions.rbegin()->first - revisions.begin()->first + 1 != revisions.size()) text += name_of(key) + '\n';
    }
    return text;
  }

  static std::string name_of(const StoreFake::Key& key) {
    return "window " + std::to_string(std::get<0>(key)) + ", " + std::get<1>(key) + ", start " +
           std::to_string(std::get<3>(key));
  }
};

class StreamFakeSink final : public Sink {
 public:
  StreamFakeSink(StreamFake& stream, std::vector<WindowSchema> inputs) : stream_(stream), inputs_(std::move(inputs)) {}

  static constexpr SinkTraits stream_traits() {
    return {.kind = SinkKind::stream, .delivery = DeliveryGuarantee::at_least_once, .max_rows = 3};
  }
  Outcome open() override {
    if (stream_.fails()) return RetryAfter{Duration(), "away"};
    return Delivered{};
  }
  Outcome deliver(const RowBatch& batch) override {
    const std::size_t all = batch.row_count();
    if (!stream_.fails()) {
      take(batch, all);
      return Delivered{};
    }
    const std::size_t some = stream_.away ? 0 : stream_.random() % (all + 1);
    take(batch, some);
    if (stream_.random() % 2 == 0) return InDoubt{"answer lost"};
    return RetryAfter{{}, "away", stream_.random() % (some + 1)};  // it may know of fewer than it has
  }
  LastEpoch last_epoch() override { return std::optional<EpochId>(); }
  void close() noexcept override {}
  void interrupt() noexcept override {}

 private:
  void take(const RowBatch& batch, std::size_t count) {
    for (const WindowRows& window : batch.windows) {
      for (std::size_t i = 0; i < window.rows.size() && count > 0; ++i, --count) {
        const SinkRow& row = window.rows[i];
        const auto values = window.values_of(i, inputs_[window.input].columns.size());
        StoreFake::Value value{row.state, {}};  // a retracted row has null for each, which equals nothing
        if (row.state != RowState::retracted) value.values = {values.begin(), values.end()};
        stream_.take({window.input, row.series->sensor, row.series->metric, row.start.count()}, row.revision,
                     {batch.id, value});
      }
    }
  }

  StreamFake& stream_;
  const std::vector<WindowSchema> inputs_;
};

class ConfiguredStream final : public ConfiguredSinkOf<StreamFake*> {
 public:
  using ConfiguredSinkOf::ConfiguredSinkOf;
  std::unique_ptr<Sink> make(SinkIdentity /*identity*/, std::vector<WindowSchema> inputs) const override {
    return std::make_unique<StreamFakeSink>(*options(), std::move(inputs));
  }
  SinkTraits traits() const override { return StreamFakeSink::stream_traits(); }
};

}  // namespace edgetide::test
