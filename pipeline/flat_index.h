// An index from hashes to the positions of items that its owner keeps in an array: open addressing, linear probing,
// 8 bytes a slot, at most three quarters full. Lookups allocate nothing.
//
// Owns:   (hash, position) pairs; equality of items is the caller's.
// Thread: one owner at a time.
// Limit:  2^31 items.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pipeline/heap_bytes.h"

namespace edgetide {

class FlatIndex {
 public:
  static constexpr std::uint32_t npos = 0xFFFF'FFFF;
  static constexpr std::size_t most_bytes_per_item = 22;

  // The position of the item with this hash for which `equal(position)` holds, or npos.
  template <typename Equal>
  std::uint32_t find(std::uint32_t hash, Equal&& equal) const noexcept {
    for (std::size_t i = hash & mask_;; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.position == npos) return npos;
      if (slot.hash == hash && equal(slot.position)) return slot.position;
    }
  }

  // Requires: no equal item is indexed.
  void insert(std::uint32_t hash, std::uint32_t position) {
    if (4 * (size_ + 1) > 3 * slots_.size()) resize(2 * slots_.size());
    place(hash, position);
    ++size_;
  }

  // Requires: (hash, position) is indexed. Later slots of the run move up, so no tombstones are left.
  void erase(std::uint32_t hash, std::uint32_t position) noexcept {
    std::size_t hole = hash & mask_;
    while (slots_[hole].position != position) hole = (hole + 1) & mask_;
    for (std::size_t i = (hole + 1) & mask_; slots_[i].position != npos; i = (i + 1) & mask_) {
      const std::size_t home = slots_[i].hash & mask_;
      if (((i - home) & mask_) < ((i - hole) & mask_)) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = Slot{};
    --size_;
  }

  void clear() { *this = FlatIndex(); }
  // Gives memory back that was taken for many more items than there are.
  void shrink() {
    std::size_t slots = slots_.size();
    while (slots > first_slots && 4 * size_ <= 3 * (slots / 4)) slots /= 2;
    if (slots <= slots_.size() / 4) resize(slots);
  }

  std::size_t size() const noexcept { return size_; }
  // The most slots that a lookup may pass.
  std::size_t longest_run() const noexcept {
    std::size_t longest = 0, run = 0;
    for (std::size_t i = 0; i < 2 * slots_.size(); ++i) {  // twice: a run may begin at the end
      run = slots_[i & mask_].position == npos ? 0 : run + 1;
      longest = run > longest ? run : longest;
    }
    return longest;
  }
  std::size_t memory_bytes() const noexcept { return heap_bytes(slots_); }
  // With so many items.
  std::size_t memory_bytes(std::size_t items) const noexcept {
    std::size_t slots = slots_.size();
    while (4 * items > 3 * slots) slots *= 2;
    return heap_block(slots * sizeof(Slot));
  }

 private:
  static constexpr std::size_t first_slots = 16;

  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t position = npos;
  };

  void place(std::uint32_t hash, std::uint32_t position) noexcept {
    std::size_t i = hash & mask_;
    while (slots_[i].position != npos) i = (i + 1) & mask_;
    slots_[i] = Slot{hash, position};
  }

  void resize(std::size_t slots) {
    std::vector<Slot> old(slots);
    old.swap(slots_);
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.position != npos) place(slot.hash, slot.position);
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(first_slots);
  std::size_t mask_ = first_slots - 1;  // slots less one, and they are a power of two
  std::size_t size_ = 0;
};

}  // namespace edgetide
