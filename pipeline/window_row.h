// What the kinds of windows share: the header of a window whose rows are emitted, and the rows that are about to be.
//
// Thread: plain values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/emission.h"
#include "pipeline/ids.h"
#include "pipeline/time.h"

namespace edgetide {

inline constexpr std::uint32_t max_revision = (1U << 24) - 1;

// What a window remembers of its row. 4 bytes.
struct RowMark {
  std::uint32_t revision : 24 = 0;  // how often the row was emitted; saturates
  std::uint32_t state : 2 = 0;      // RowState when it was last emitted
  std::uint32_t changed : 1 = 0;    // since it was last emitted
  std::uint32_t ranked : 1 = 0;     // it is among the `top` that were last emitted of its start

  bool is_due(RowState now) const noexcept { return changed || state != static_cast<std::uint32_t>(now); }
  void emit(RowState now) noexcept {
    pass(now);
    if (revision < max_revision) revision = (revision + 1) & max_revision;
  }
  // The row was emitted, and not retracted since.
  bool is_shown() const noexcept { return revision > 0 && state != static_cast<std::uint32_t>(RowState::retracted); }
  // Its row is retracted, and is emitted again: with a revision behind that of the retraction.
  void retract() noexcept {
    if (!is_shown()) return;
    emit(RowState::retracted);
    changed = 1;
    ranked = 0;
  }
  // Another `top` ranks it. `all_shown`: each row that was emitted is among them.
  void rank_again(bool all_shown) noexcept {
    changed = 1;
    if (all_shown && is_shown()) ranked = 1;
  }
  // As `emit`, for a row that is held back.
  void pass(RowState now) noexcept {
    changed = 0;
    state = static_cast<std::uint32_t>(now) & 3U;
  }
};

constexpr RowState row_state(Timestamp end, Duration allowed_lateness, Timestamp reached) noexcept {
  if (reached < end) return RowState::open;
  return reached < end + allowed_lateness ? RowState::closed : RowState::final;
}

// A row that is to be emitted at this firing.
struct Candidate {
  Timestamp start;
  Timestamp end;
  std::uint32_t rank;  // of its key, in the order of rows
  KeyId key;
  std::uint32_t handle;  // what the kind of window finds it by
  RowState state;
  bool changed;
  enum class Of : std::uint8_t { window, empty, derived } of = Of::window;
  std::uint32_t top = 0;   // its place by `top`, from 1
  bool held_back = false;  // by `top`, or another definition emits it: it counts as emitted, and is not
  bool falls_out = false;  // held back, and it was among the `top`: it is retracted
};

// Not a function: std::sort would call it.
constexpr auto comes_first = [](const Candidate& a, const Candidate& b) noexcept {
  if (a.start != b.start) return a.start < b.start;
  return a.rank != b.rank ? a.rank < b.rank : a.state > b.state;
};

// Of rows those that come first, `most` of them; `by_start`: and all others of the last start. In no order.
inline void keep_oldest(std::vector<Candidate>& rows, std::size_t most, bool by_start) {
  if (rows.size() <= most) return;
  const auto last = rows.begin() + static_cast<std::ptrdiff_t>(most - 1);
  std::nth_element(rows.begin(), last, rows.end(), comes_first);
  const auto end =
      !by_start ? last + 1
                : std::partition(last + 1, rows.end(), [&](const Candidate& row) { return row.start == last->start; });
  rows.erase(end, rows.end());
}

// Rows that a firing now would emit, as far as they can be counted without it.
struct RowsDue {
  std::size_t all = 0;
  std::size_t final = 0;  // of these

  void add(RowState state) noexcept { ++all, final += state == RowState::final; }
};

// What a kind of window is given at a firing.
struct FiringContext {
  std::span<const Timestamp> reached;     // by key
  std::span<const std::uint32_t> ranks;   // by key
  bool complete;                          // unchanged rows are wanted too, if any row is emitted
  std::size_t max_rows;                   // what is due beyond waits for a later firing, key by key
  bool by_start;                          // all rows of one start leave together
  mutable std::size_t cut_at = 0;         // how many rows are kept until then
  std::span<const Timestamp> whole = {};  // starts, in order, of which unchanged rows are wanted too

  bool wants_unchanged(Timestamp start) const noexcept {
    return complete || std::binary_search(whole.begin(), whole.end(), start);
  }

  // Of very many rows those of the oldest windows stay, and one more than leave at this firing.
  void add(std::vector<Candidate>& rows, const Candidate& row) const {
    rows.push_back(row);
    if (rows.size() < cut_at) [[likely]]
      return;
    keep_oldest(rows, max_rows + 1, by_start);
    cut_at = 2 * rows.size() + rows_before_cut;
  }
  static constexpr std::size_t rows_before_cut = 8192;
};

}  // namespace edgetide
