// Windows or panes of one definition: fixed-size slots in blocks of 1024, each a header and the words of an aggregate
// state. Found by (key, start) where `Indexed`, else by the links that the owner keeps in the headers.
//
// A slot costs sizeof(Header) + 8 * words, and 11 to 22 bytes in the index. Freed slots are taken again first; blocks
// are never moved, so views stay valid until the slot is erased.
//
// Header: a plain struct with `Timestamp start` and `KeyId key`; key is `no_key` in a free slot.
// Owns:   the slots, not what their words may point to.
// Thread: one owner at a time.
// Limit:  2^31 slots; the pipeline bounds them through its limits on series, on event times and on memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "pipeline/flat_index.h"
#include "pipeline/heap_bytes.h"
#include "pipeline/ids.h"
#include "pipeline/time.h"
#include "pipeline/time_hash.h"

namespace edgetide {

enum class SlotIndex : bool { none, key_and_start };

template <typename Header, SlotIndex index_kind = SlotIndex::key_and_start>
class SlotStore {
 public:
  using Word = std::uint64_t;
  static constexpr std::uint32_t none = FlatIndex::npos;

  // `seed` makes the hash unpredictable to peers; it changes no result.
  explicit SlotStore(std::size_t state_words, std::uint64_t seed = 0)
      : slot_words_(header_words + state_words), hash_(seed) {}

  std::uint32_t find(KeyId key, Timestamp start) const noexcept {
    static_assert(index_kind == SlotIndex::key_and_start);
    return index_.find(hash_of(key, start), [&](std::uint32_t slot) {
      const Header& candidate = header(slot);
      return candidate.key == key && candidate.start == start;
    });
  }

  // Requires: if indexed, no slot of (key, start). The state is left for the caller to clear.
  std::uint32_t create(KeyId key, Timestamp start) {
    std::uint32_t slot = used_;
    if (!free_.empty()) {
      slot = free_.back();
      free_.pop_back();
    } else {
      if ((used_ & (block_slots - 1)) == 0) {
        blocks_.push_back(std::make_unique_for_overwrite<Word[]>(block_slots * slot_words_));
      }
      ++used_;
    }
    Header* const created = new (at(slot)) Header{};
    created->start = start;
    created->key = key;
    if constexpr (index_kind == SlotIndex::key_and_start) index_.insert(hash_of(key, start), slot);
    return slot;
  }

  void erase(std::uint32_t slot) {
    Header& erased = header(slot);
    if constexpr (index_kind == SlotIndex::key_and_start) index_.erase(hash_of(erased.key, erased.start), slot);
    erased.key = no_key;
    free_.push_back(slot);
  }

  Header& header(std::uint32_t slot) noexcept { return *reinterpret_cast<Header*>(at(slot)); }
  const Header& header(std::uint32_t slot) const noexcept { return *reinterpret_cast<const Header*>(at(slot)); }
  Word* state(std::uint32_t slot) noexcept { return at(slot) + header_words; }
  const Word* state(std::uint32_t slot) const noexcept { return at(slot) + header_words; }

  // The state behind a header, without finding the slot again.
  static Word* state_of(Header& header) noexcept { return reinterpret_cast<Word*>(&header) + header_words; }

  // Calls visit(slot) for every slot, in no order that matters. `visit` may erase the slot it is given.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (std::uint32_t slot = 0; slot < used_; ++slot) {
      if (header(slot).key != no_key) visit(slot);
    }
  }

  // True as soon as found(slot) is, for some slot.
  template <typename Found>
  bool any_of(Found&& found) const {
    for (std::uint32_t slot = 0; slot < used_; ++slot) {
      if (header(slot).key != no_key && found(slot)) return true;
    }
    return false;
  }

  std::size_t longest_run() const noexcept { return index_.longest_run(); }
  std::size_t size() const noexcept { return used_ - free_.size(); }
  // The next slot takes a new block.
  bool is_full() const noexcept { return free_.empty() && (used_ & (block_slots - 1)) == 0; }
  std::size_t memory_bytes() const noexcept {
    return blocks_.size() * heap_block(block_slots * slot_words_ * sizeof(Word)) + index_.memory_bytes() +
           heap_bytes(blocks_) + heap_bytes(free_);
  }

 private:
  static_assert(sizeof(Header) % sizeof(Word) == 0 && alignof(Header) <= alignof(Word));
  static constexpr std::size_t header_words = sizeof(Header) / sizeof(Word);
  static constexpr std::uint32_t block_bits = 10;
  static constexpr std::uint32_t block_slots = 1U << block_bits;

  // Out of line: inlined, it makes callers so large that the path of most readings costs four more instructions.
  [[gnu::noinline]] std::uint32_t hash_of(KeyId key, Timestamp start) const noexcept {
    return hash_(index_of(key), start);
  }

  Word* at(std::uint32_t slot) noexcept {
    return blocks_[slot >> block_bits].get() + (slot & (block_slots - 1)) * slot_words_;
  }
  const Word* at(std::uint32_t slot) const noexcept {
    return blocks_[slot >> block_bits].get() + (slot & (block_slots - 1)) * slot_words_;
  }

  std::size_t slot_words_;
  std::vector<std::unique_ptr<Word[]>> blocks_;
  std::uint32_t used_ = 0;           // slots ever handed out
  std::vector<std::uint32_t> free_;  // of them, those that are free
  FlatIndex index_;
  TimeHash hash_;
};

}  // namespace edgetide
