#include "pipeline/pane_fold.h"

#include "pipeline/floor_divide.h"

namespace edgetide {

std::int64_t PaneFold::block_of(std::int64_t cell) const noexcept {
  return floor_divide(cell, cells_);
}

void PaneFold::clear() noexcept {
  if (layout_.owns_memory()) {
    for (std::size_t state = 0; state < words_.size(); state += layout_.words()) layout_.release(&words_[state]);
  }
  words_.clear();
  blocks_.clear();
}

void PaneFold::fold(std::span<const Pane> panes) {
  clear();
  words_.resize(2 * panes.size() * layout_.words());
  for (const Pane& pane : panes) blocks_.push_back(block_of(pane.cell));
  for (std::size_t i = 0; i < 2 * panes.size(); ++i) layout_.clear(&words_[i * layout_.words()]);
  for (std::size_t i = 0; i < panes.size(); ++i) {
    if (i > 0 && blocks_[i - 1] == blocks_[i]) layout_.merge(prefix(i), prefix(i - 1));
    layout_.merge(prefix(i), panes[i].state);
  }
  for (std::size_t i = panes.size(); i-- > 0;) {
    layout_.merge(suffix(i), panes[i].state);
    if (i + 1 < panes.size() && blocks_[i + 1] == blocks_[i]) layout_.merge(suffix(i), suffix(i + 1));
  }
}

void PaneFold::window(std::int64_t start_cell, std::size_t first, std::size_t last, Word* out) const {
  layout_.release(out);
  layout_.clear(out);
  const std::int64_t block = block_of(start_cell);
  if (blocks_[first] == block) layout_.merge(out, suffix(first));
  if (blocks_[last] != block) layout_.merge(out, prefix(last));
}

}  // namespace edgetide
