// The aggregate states of many overlapping windows from the panes they share, with at most four merges a window.
//
// The panes of a key are cut into blocks of as many cells as a window has. A window is one block, or the suffix of one
// (the merge of all panes from some pane to the end of the block) and the prefix of the next (of all from the start of
// the block to some pane). The blocks stand at fixed cells, so a window is always merged in the same way, whatever else
// is there: equal panes give equal bytes.
//
// Windows are asked for in their order, so one prefix is enough, and the suffixes of one block. Where states own memory
// (a merged percentile may take 34 KiB), these are made in pieces of about the square root of the block: only the first
// of each piece is kept, and those of the piece at hand.
//
// Owns:   the merged states, until `clear`.
// See: van Herk 1992; Gil and Werman 1993 (running minimum), for any merge.
// Thread: one owner at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/aggregate.h"

namespace edgetide {

class PaneFold {
 public:
  using Word = AggregateLayout::Word;

  struct Pane {
    std::int64_t cell;
    const Word* state;
  };

  // `cells`: how many a window has.
  PaneFold(const AggregateLayout& layout, std::int64_t cells)
      : layout_(layout), cells_(cells), prefix_(layout), heads_(layout), piece_(layout) {}
  PaneFold(const PaneFold&) = delete;
  PaneFold& operator=(const PaneFold&) = delete;

  // Requires: panes in ascending order; they and their states stay as they are while `window` is called.
  void fold(std::span<const Pane> panes);

  // The state of the window whose panes are panes[first] to panes[last], first <= last. `out` is released and set.
  // Requires: those are all panes of `cells` cells from `start_cell`; no window before it was asked for since `fold`.
  void window(std::int64_t start_cell, std::size_t first, std::size_t last, Word* out);

  void clear() noexcept;

 private:
  // States one behind the other.
  class States {
   public:
    explicit States(const AggregateLayout& layout) : layout_(layout) {}
    ~States() { clear(); }
    States(const States&) = delete;
    States& operator=(const States&) = delete;

    void resize(std::size_t count);  // of no readings
    void clear() noexcept;
    std::size_t size() const noexcept { return words_.size() / layout_.words(); }
    Word* operator[](std::size_t state) noexcept { return words_.data() + state * layout_.words(); }

   private:
    const AggregateLayout& layout_;
    std::vector<Word> words_;
  };

  std::int64_t block_of(std::size_t pane) const noexcept;
  void begin_suffixes(std::size_t first);
  void fill_piece(std::size_t piece);
  const Word* suffix(std::size_t pane);
  const Word* prefix(std::size_t pane);

  const AggregateLayout& layout_;
  const std::int64_t cells_;
  std::span<const Pane> panes_;

  States prefix_;                 // one
  std::size_t prefix_begin_ = 0;  // of these panes
  std::size_t prefix_end_ = 0;

  std::size_t begin_ = 0;       // suffixes are those of the panes from here
  std::size_t end_ = 0;         // to the end of their block
  std::size_t piece_size_ = 1;  // in panes
  std::size_t piece_at_ = 0;    // which piece is at hand
  States heads_;                // the first suffix of each piece
  States piece_;                // the suffixes of the piece at hand
};

}  // namespace edgetide
