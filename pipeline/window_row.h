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

  bool is_due(RowState now) const noexcept { return changed || state != static_cast<std::uint32_t>(now); }
  void emit(RowState now) noexcept {
    pass(now);
    if (revision < max_revision) revision = (revision + 1) & max_revision;
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
  bool held_back = false;  // by `top`, or another definition emits it: it counts as emitted, and is not
};

// Rows that a firing now would emit, as far as they can be counted without it.
struct RowsDue {
  std::size_t all = 0;
  std::size_t final = 0;  // of these

  void add(RowState state) noexcept { ++all, final += state == RowState::final; }
};

// What a kind of window is given at a firing.
struct FiringContext {
  std::span<const Timestamp> reached;    // by key
  std::span<const std::uint32_t> ranks;  // by key
  bool complete;                         // unchanged rows are wanted too, if any row is emitted
  std::size_t max_rows;                  // what is due beyond waits for a later firing, key by key
};

}  // namespace edgetide
