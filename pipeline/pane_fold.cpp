#include "pipeline/pane_fold.h"

#include <algorithm>
#include <cmath>

#include "pipeline/floor_divide.h"

namespace edgetide {

void PaneFold::States::resize(std::size_t count) {
  clear();
  words_.resize(count * layout_.words());
  for (std::size_t i = 0; i < count; ++i) layout_.clear((*this)[i]);
}

void PaneFold::States::clear() noexcept {
  if (layout_.owns_memory()) {
    for (std::size_t i = 0; i < size(); ++i) layout_.release((*this)[i]);
  }
  words_.clear();
}

std::int64_t PaneFold::block_of(std::size_t pane) const noexcept {
  return floor_divide(panes_[pane].cell, cells_);
}

void PaneFold::clear() noexcept {
  prefix_.clear();
  heads_.clear();
  piece_.clear();
  begin_ = end_ = prefix_begin_ = prefix_end_ = 0;
}

void PaneFold::fold(std::span<const Pane> panes) {
  clear();
  panes_ = panes;
}

// From the last one on, so that each is the pane and the suffix behind it.
void PaneFold::begin_suffixes(std::size_t first) {
  begin_ = end_ = first;
  while (end_ < panes_.size() && block_of(end_) == block_of(begin_)) ++end_;
  const std::size_t count = end_ - begin_;
  const auto root = static_cast<std::size_t>(std::sqrt(static_cast<double>(count)));
  piece_size_ = layout_.owns_memory() ? std::max<std::size_t>(root, 1) : count;
  const std::size_t pieces = (count + piece_size_ - 1) / piece_size_;
  heads_.resize(pieces);
  for (std::size_t piece = pieces; piece-- > 0;) {
    fill_piece(piece);
    layout_.merge(heads_[piece], piece_[0]);
  }
}

void PaneFold::fill_piece(std::size_t piece) {
  const std::size_t first = begin_ + piece * piece_size_;
  const std::size_t last = std::min(first + piece_size_, end_) - 1;
  piece_.resize(last - first + 1);
  for (std::size_t i = piece_.size(); i-- > 0;) {
    layout_.merge(piece_[i], panes_[first + i].state);
    if (first + i < last) layout_.merge(piece_[i], piece_[i + 1]);
    if (first + i == last && last + 1 < end_) layout_.merge(piece_[i], heads_[piece + 1]);
  }
  piece_at_ = piece;
}

const PaneFold::Word* PaneFold::suffix(std::size_t pane) {
  if (pane >= end_) begin_suffixes(pane);
  const std::size_t piece = (pane - begin_) / piece_size_;
  if (piece != piece_at_) fill_piece(piece);
  return piece_[(pane - begin_) % piece_size_];
}

const PaneFold::Word* PaneFold::prefix(std::size_t pane) {
  if (prefix_end_ == 0 || block_of(pane) != block_of(prefix_begin_)) {
    prefix_begin_ = pane;
    while (prefix_begin_ > 0 && block_of(prefix_begin_ - 1) == block_of(pane)) --prefix_begin_;
    prefix_end_ = prefix_begin_;
    prefix_.resize(1);
  }
  for (; prefix_end_ <= pane; ++prefix_end_) layout_.merge(prefix_[0], panes_[prefix_end_].state);
  return prefix_[0];
}

void PaneFold::window(std::int64_t start_cell, std::size_t first, std::size_t last, Word* out) {
  layout_.release(out);
  layout_.clear(out);
  const std::int64_t block = floor_divide(start_cell, cells_);
  if (block_of(first) == block) layout_.merge(out, suffix(first));
  if (block_of(last) != block) layout_.merge(out, prefix(last));
}

}  // namespace edgetide
