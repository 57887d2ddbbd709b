// Tables that refuse every row of a delivery. One row, or the rows of one series, may be refused for their content and
// set aside, for good. Where a delivery has rows of several series and all are refused, it is not their content: a
// trigger or a condition is wrong. It is not stored, and its rows wait, with those that come behind them, until one of
// them is accepted.
//
// Owns:   what the delivery had so far. Thread: one at a time.
// Fails:  `judge` throws TableRefusesAll.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "pipeline/series.h"
#include "pipeline/time.h"

namespace edgetide {

// Deliveries that are refused for a reason which may be a row's content, though its code does not say so: tried again a
// few times, then each row by itself, and at last also without another row that is accepted.
inline constexpr unsigned tries_before_care = 3, tries_before_every_raise = 10;
inline constexpr Duration first_tries_after = Duration::seconds(1);

struct TableRefusesAll : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class RefusedTables {
 public:
  explicit RefusedTables(std::size_t inputs) : tables_(inputs) {}

  // A delivery begins, or begins again.
  void begin() noexcept {
    for (Table& table : tables_) table = {};
  }
  void accept(std::size_t input) noexcept { tables_[input].is_accepted = true; }
  bool accepts_some(std::size_t input) const noexcept { return tables_[input].is_accepted; }
  // So far, and of several series.
  bool refuses_all(std::size_t input) const noexcept { return tables_[input].refuses_all(); }
  // Requires: the series lives until the next `begin`.
  void refuse(std::size_t input, const Series& series, const std::string& reason) {
    Table& table = tables_[input];
    table.are_several = table.are_several || (table.series != nullptr && !is_same(*table.series, series));
    table.series = &series;
    if (table.reason.empty()) table.reason = reason;
  }
  // Before it is committed.
  void judge() const {
    for (const Table& table : tables_) {
      if (!table.refuses_all()) continue;
      throw TableRefusesAll("the table has refused every row of a delivery, so the rows wait: " + table.reason);
    }
  }

 private:
  // Rows that were on disk have their own copies.
  static bool is_same(const Series& a, const Series& b) noexcept {
    return &a == &b || (a.sensor == b.sensor && a.metric == b.metric && a.labels == b.labels);
  }

  struct Table {
    bool is_accepted = false;
    bool are_several = false;        // refused series
    const Series* series = nullptr;  // that was refused last
    std::string reason = {};

    bool refuses_all() const noexcept { return are_several && !is_accepted; }
  };

  std::vector<Table> tables_;  // by input
};

}  // namespace edgetide
