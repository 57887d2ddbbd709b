// The aggregate states of many overlapping windows from the panes they share, with at most three merges a window.
//
// The panes of a key are cut into blocks of as many cells as a window has. Each pane gets the merge of all panes from
// it to the end of its block (suffix), and of all from the start of its block to it (prefix). A window is one block, or
// the suffix of one and the prefix of the next. The blocks stand at fixed cells, so a window is always merged in the
// same way, whatever else is there: equal panes give equal bytes.
//
// Owns:   the merged states, until the next `fold`.
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
  PaneFold(const AggregateLayout& layout, std::int64_t cells) : layout_(layout), cells_(cells) {}
  ~PaneFold() { clear(); }
  PaneFold(const PaneFold&) = delete;
  PaneFold& operator=(const PaneFold&) = delete;

  // Requires: panes in ascending order; their states outlive the use of this fold.
  void fold(std::span<const Pane> panes);

  // The state of the window whose panes are panes[first] to panes[last], first <= last. `out` is released and set.
  // Requires: those are all panes of `cells` cells from `start_cell`.
  void window(std::int64_t start_cell, std::size_t first, std::size_t last, Word* out) const;

  void clear() noexcept;

 private:
  Word* suffix(std::size_t pane) noexcept { return words_.data() + 2 * pane * layout_.words(); }
  const Word* suffix(std::size_t pane) const noexcept { return words_.data() + 2 * pane * layout_.words(); }
  Word* prefix(std::size_t pane) noexcept { return suffix(pane) + layout_.words(); }
  const Word* prefix(std::size_t pane) const noexcept { return suffix(pane) + layout_.words(); }
  std::int64_t block_of(std::int64_t cell) const noexcept;

  const AggregateLayout& layout_;
  const std::int64_t cells_;
  std::vector<Word> words_;
  std::vector<std::int64_t> blocks_;  // by pane
};

}  // namespace edgetide
