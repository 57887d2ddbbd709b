// Which tables should have rows: those in which this process has stored some. One of them that has none was emptied, or
// dropped and made again by another gateway.
//
// Owns: what the process knows. Thread: one at a time. Fails: never.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <variant>
#include <vector>

#include "sinks/sink.h"

namespace edgetide {

// The reason of a sink that opens again because of such a table.
inline constexpr const char* emptied_table = ": a table has none of the rows that were stored in it; opens it again";

class KeptTables {
 public:
  explicit KeptTables(std::size_t inputs) : has_rows_(inputs), newest_starts_(inputs) {}

  // Of the rows that were stored. One that is older than rows are kept may be gone for that.
  Timestamp newest_start(std::size_t input) const noexcept { return newest_starts_[input]; }

  // A batch was delivered, with that outcome.
  void note(const RowBatch& batch, const std::vector<WindowSchema>& inputs, const Outcome& outcome) {
    const auto* const delivered = std::get_if<Delivered>(&outcome);
    if (delivered == nullptr) return;
    for (const WindowRows& window : batch.windows) {
      std::size_t stored = 0, removed = 0;
      for (const SinkRow& row : window.rows) {
        row.state == RowState::retracted ? ++removed : ++stored;
        newest_starts_[window.input] = std::max(newest_starts_[window.input], row.start);
      }
      for (const RejectedRow& row : delivered->rejected) {
        if (row.window == inputs[window.input].name && stored > 0) --stored;
      }
      if (stored > 0) has_rows_[window.input] = true;
      if (stored == 0 && removed > 0) has_rows_[window.input] = false;  // it may be that none is left
    }
  }

  // It is time to look: at most once a minute.
  bool look_due(std::chrono::steady_clock::time_point now) {
    if (now < next_look_) return false;
    next_look_ = now + std::chrono::minutes(1);
    return true;
  }
  // `has_rows(input)` looks. True once for each table that was emptied.
  template <typename HasRows>
  bool are_emptied(const HasRows& has_rows) {
    bool found = false;
    for (std::size_t input = 0; input < has_rows_.size(); ++input) {
      if (!has_rows_[input] || has_rows(input)) continue;
      has_rows_[input] = false;
      found = true;
    }
    return found;
  }

 private:
  std::vector<bool> has_rows_;  // by input
  std::vector<Timestamp> newest_starts_;
  std::chrono::steady_clock::time_point next_look_;
};

}  // namespace edgetide
