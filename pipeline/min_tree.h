// The minimum of many times that change one by one: a tournament tree. A change costs as many steps as it takes until
// a match higher up has the same winner as before, at most log2 of the members.
//
// Thread: one owner at a time.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "pipeline/heap_bytes.h"
#include "pipeline/time.h"

namespace edgetide {

class MinTree {
 public:
  static constexpr Timestamp absent = Timestamp::latest();

  // Timestamp::latest() takes the member out.
  void set(std::uint32_t member, Timestamp value) {
    if (member >= leaves_) {
      if (value == absent) return;
      grow(member + 1);
    }
    std::size_t node = leaves_ + member;
    nodes_[node] = value;
    while (node > 1) {
      node /= 2;
      const Timestamp winner = std::min(nodes_[2 * node], nodes_[2 * node + 1]);
      if (nodes_[node] == winner) return;
      nodes_[node] = winner;
    }
  }

  Timestamp get(std::uint32_t member) const noexcept { return member < leaves_ ? nodes_[leaves_ + member] : absent; }
  Timestamp min() const noexcept { return leaves_ == 0 ? absent : nodes_[1]; }  // absent: no member
  std::size_t memory_bytes() const noexcept { return heap_bytes(nodes_); }
  // What it takes where the member has no place yet: for all of them.
  std::size_t growth(std::uint32_t member) const noexcept {
    return member < leaves_ ? 0 : heap_block(2 * std::bit_ceil(std::size_t{member} + 1) * sizeof(Timestamp));
  }

 private:
  void grow(std::size_t members) {
    std::size_t leaves = std::max<std::size_t>(leaves_, 1);
    while (leaves < members) leaves *= 2;
    std::vector<Timestamp> nodes(2 * leaves, absent);
    std::copy_n(nodes_.begin() + static_cast<std::ptrdiff_t>(leaves_), leaves_,
                nodes.begin() + static_cast<std::ptrdiff_t>(leaves));
    for (std::size_t node = leaves - 1; node > 0; --node) nodes[node] = std::min(nodes[2 * node], nodes[2 * node + 1]);
    nodes_.swap(nodes);
    leaves_ = leaves;
  }

  std::vector<Timestamp> nodes_;  // node n has the children 2n and 2n + 1; the leaves come last
  std::size_t leaves_ = 0;
};

}  // namespace edgetide
