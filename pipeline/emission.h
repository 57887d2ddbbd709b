// What the pipeline emits at a tick: the rows of one epoch.
//
// Order:  (window, former definitions first, start, rank by `top`, key). The same inputs give the same rows, byte
//         for byte.
// Units:  times in UTC microseconds; an aggregate that cannot be computed is NaN here and null in every sink.
// Thread: plain values, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/enum_word.h"
#include "pipeline/reading.h"
#include "pipeline/series.h"

namespace edgetide {

enum class RowState : std::uint8_t {
  open,       // the watermark has not passed the end
  closed,     // passed; late readings may still correct it
  final,      // end + allowed_lateness <= watermark; never changes again
  retracted,  // of a session that was joined to an earlier one or cut, or not among the `top` now: sinks delete the row
  added,      // readings that came too late for a final window: a store adds them to the row it has (AddedRow)
};
inline constexpr EnumWord<RowState> row_state_words[] = {{RowState::open, "open"},
                                                         {RowState::closed, "closed"},
                                                         {RowState::final, "final"},
                                                         {RowState::retracted, "retracted"},
                                                         {RowState::added, "added"}};
// Those of rows that a trigger emits, in the order of their enum.
inline constexpr RowState emitted_states[] = {RowState::open, RowState::closed, RowState::final, RowState::retracted};
constexpr std::string_view name_of(RowState state) noexcept {
  return word_of(row_state_words, state);
}

struct Row {
  WindowId window;
  KeyId key;
  Timestamp start;
  Timestamp end;  // Timestamp::latest(): a running window has none
  RowState state;
  bool changed;               // since it was last emitted; false only where a window's `complete` emits all rows
  std::uint32_t revision;     // 1 the first time this row is emitted, then one more each time
  std::uint32_t first_value;  // where its aggregates begin in Emission::values
  SeriesId labels;            // the variant (series.h) of its newest reading; no_series: of the key
  double readings;            // in the window; NaN where the row is retracted
  std::uint32_t rank = 0;     // by `top`, from 1; 0: it is not ranked
  std::uint8_t former = 0;    // finished by so many definitions before the present one; `key` is of that one
};

// What the windows of one definition make of readings that came too late for them (late_rows.h).
struct AddedRow {
  std::shared_ptr<const Series> key;
  Timestamp start;
  Timestamp end;
  double readings;
};
struct AddedRows {
  WindowId window{};
  std::vector<AddedRow> rows;  // by start, then key
  std::vector<double> values;  // as in an emission
};

struct Emission {
  std::uint64_t epoch = 0;
  std::vector<Row> rows;
  std::vector<double> values;              // per row as many as its window has aggregates, in their order
  std::vector<std::string> sketches = {};  // dd_sketch.h; the value of Aggregate::sketch is a place here, or NaN
  AddedRows added = {};                    // leave with them; no tick makes any

  void clear() noexcept {
    rows.clear();
    values.clear();
    sketches.clear();
    added = {};
  }

  // The memory of a large firing is not kept for the next one.
  void clear_and_shrink() noexcept {
    clear();
    if (rows.capacity() > max_spare_rows) *this = Emission();
  }

 private:
  static constexpr std::size_t max_spare_rows = 1024;
};

}  // namespace edgetide
