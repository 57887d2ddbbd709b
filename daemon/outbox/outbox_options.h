// Which rows a sink gets, and how many of them wait for it.
//
// Thread: plain values.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/enum_word.h"
#include "pipeline/formula.h"
#include "pipeline/time.h"

namespace edgetide {

enum class OutputMode { append, update, complete };
inline constexpr EnumWord<OutputMode> output_mode_words[] = {
    {OutputMode::append, "append"}, {OutputMode::update, "update"}, {OutputMode::complete, "complete"}};

enum class WhenFull { drop_oldest, block };
inline constexpr EnumWord<WhenFull> when_full_words[] = {{WhenFull::drop_oldest, "drop_oldest"},
                                                         {WhenFull::block, "block"}};

// Which of these rows (row_filter.h).
enum class FilterOn { match, change };
inline constexpr EnumWord<FilterOn> filter_on_words[] = {{FilterOn::match, "match"}, {FilterOn::change, "change"}};

// Which columns the rows have: those of the aggregates that the window names, or with them what merges rows
// (pipeline/mergeable.h).
enum class RowParts { named, mergeable };

struct FilterOptions {
  std::shared_ptr<const Formula> where;  // null: all
  std::vector<std::string> variables;    // of it: names of aggregates
  FilterOn on = FilterOn::match;
};

// Rows a sink has not confirmed.
struct OutboxOptions {
  std::size_t max_bytes = 512 * 1024 * 1024;  // in memory and on disk
  WhenFull when_full = WhenFull::drop_oldest;
  std::size_t max_memory = 4 * 1024 * 1024;  // more: fewer writes to flash while a store is away for a moment
  double max_rate = 0;                       // rows per second; 0: no limit
  Duration max_lag = Duration::minutes(5);   // rows that wait longer make the gateway not ready
  // What the store has confirmed so lately is delivered again where it turns out to lack it. More: more memory.
  Duration redeliver = Duration::minutes(10);
  std::size_t redeliver_max_bytes = 1024 * 1024;
  bool operator==(const OutboxOptions&) const = default;
};

}  // namespace edgetide
