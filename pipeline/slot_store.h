// Windows or panes of one definition: fixed-size slots in blocks of 1024 (2^slot_bits), each a header and the words of
// an aggregate state. Found by (key, start) where `Indexed`, else by the links that the owner keeps in the headers.
//
// A slot costs sizeof(Header) + 8 * words, and 11 to 22 bytes in the index. Freed slots are taken again first; blocks
// are never moved, so views stay valid until the slot is erased. `shrink` gives back blocks without a slot in use.
//
// Header: a plain struct with `Timestamp start` and `KeyId key`; in a free slot key is `no_key`, and start says which
//         slot is free next.
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

template <typename Header, SlotIndex index_kind = SlotIndex::key_and_start, std::uint32_t slot_bits = 10>
class SlotStore {
 public:
  using Word = std::uint64_t;

  // `seed` makes the hash unpredictable to peers; it changes no result.
  explicit SlotStore(std::size_t state_words, std::uint64_t seed = 0)
      : slot_words_(header_words + state_words), hash_(seed) {}

  // no_slot: there is none.
  SlotId find(KeyId key, Timestamp start) const noexcept {
    static_assert(index_kind == SlotIndex::key_and_start && index_of(no_slot) == FlatIndex::npos);
    return SlotId{index_.find(hash_of(key, start), [&](std::uint32_t slot) {
      const Header& candidate = header(SlotId{slot});
      return candidate.key == key && candidate.start == start;
    })};
  }

  // Requires: if indexed, no slot of (key, start). The state is left for the caller to clear.
  SlotId create(KeyId key, Timestamp start) {
    SlotId slot = free_;
    if (slot != no_slot) {
      free_ = next_free(slot);
    } else {
      if ((fresh_ & (block_slots - 1)) == 0) fresh_ = add_block() << block_bits;
      slot = SlotId{fresh_++};
    }
    ++size_;
    Header* const created = new (at(slot)) Header{};
    created->start = start;
    created->key = key;
    if constexpr (index_kind == SlotIndex::key_and_start) index_.insert(hash_of(key, start), index_of(slot));
    return slot;
  }

  void erase(SlotId slot) {
    Header& erased = header(slot);
    if constexpr (index_kind == SlotIndex::key_and_start)
      index_.erase(hash_of(erased.key, erased.start), index_of(slot));
    make_free(slot);
    --size_;
  }

  // Where most slots are free, gives back what they took.
  void shrink() {
    if (places() - size_ < block_slots || size_ > places() / 2) return;
    while ((fresh_ & (block_slots - 1)) != 0) {
      new (at(SlotId{fresh_})) Header{};
      make_free(SlotId{fresh_++});
    }
    free_ = no_slot;
    for (std::uint32_t block = 0; block < blocks_.size(); ++block) shrink_block(block);
    index_.shrink();
  }

  Header& header(SlotId slot) noexcept { return *reinterpret_cast<Header*>(at(slot)); }
  const Header& header(SlotId slot) const noexcept { return *reinterpret_cast<const Header*>(at(slot)); }
  Word* state(SlotId slot) noexcept { return at(slot) + header_words; }
  const Word* state(SlotId slot) const noexcept { return at(slot) + header_words; }

  // The state behind a header, without finding the slot again.
  static Word* state_of(Header& header) noexcept { return reinterpret_cast<Word*>(&header) + header_words; }

  // Calls visit(slot) for every slot, in no order that matters. `visit` may erase the slot it is given.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    any_of([&](SlotId slot) {
      visit(slot);
      return false;
    });
  }

  // True as soon as found(slot) is, for some slot.
  template <typename Found>
  bool any_of(Found&& found) const {
    for (std::uint32_t block = 0; block < blocks_.size(); ++block) {
      if (!blocks_[block]) continue;
      for (std::uint32_t slot = block << block_bits; slot < end_of_block(block); ++slot) {
        if (header(SlotId{slot}).key != no_key && found(SlotId{slot})) return true;
      }
    }
    return false;
  }

  std::size_t longest_run() const noexcept { return index_.longest_run(); }
  std::size_t size() const noexcept { return size_; }
  std::size_t memory_bytes() const noexcept {
    return places() / block_slots * block_bytes() + index_.memory_bytes() + heap_bytes(blocks_) + heap_bytes(vacant_);
  }
  // The most that it grows by when a slot is created.
  std::size_t largest_step() const noexcept {
    return block_bytes() + (index_kind == SlotIndex::none ? 0 : index_.memory_bytes());
  }
  // Of one slot, about.
  std::size_t slot_bytes() const noexcept {
    return slot_words_ * sizeof(Word) + (index_kind == SlotIndex::none ? 0 : FlatIndex::most_bytes_per_item);
  }
  // What so many more slots would take.
  std::size_t growth(std::size_t slots) const noexcept {
    const std::size_t spare = places() - size_;
    const std::size_t blocks = slots <= spare ? 0 : (slots - spare + block_slots - 1) / block_slots;
    return blocks * (block_bytes() + 2 * sizeof(void*)) + index_growth(slots);
  }

 private:
  static_assert(sizeof(Header) % sizeof(Word) == 0 && alignof(Header) <= alignof(Word));
  static constexpr std::size_t header_words = sizeof(Header) / sizeof(Word);
  static constexpr std::uint32_t block_bits = slot_bits;
  static constexpr std::uint32_t block_slots = 1U << block_bits;

  std::size_t places() const noexcept { return (blocks_.size() - vacant_.size()) * block_slots; }
  std::size_t block_bytes() const noexcept { return heap_block(block_slots * slot_words_ * sizeof(Word)); }
  std::size_t index_growth(std::size_t slots) const noexcept {
    if constexpr (index_kind == SlotIndex::none) return 0;
    return index_.memory_bytes(size_ + slots) - index_.memory_bytes();
  }

  SlotId next_free(SlotId slot) const noexcept {
    return SlotId{static_cast<std::uint32_t>(header(slot).start.count())};
  }
  void make_free(SlotId slot) noexcept {
    header(slot).key = no_key;
    header(slot).start = Timestamp::microseconds(index_of(free_));
    free_ = slot;
  }
  std::uint32_t add_block() {
    auto block = static_cast<std::uint32_t>(blocks_.size());
    if (vacant_.empty()) {
      blocks_.emplace_back();
    } else {
      block = vacant_.back();
      vacant_.pop_back();
    }
    blocks_[block] = std::make_unique_for_overwrite<Word[]>(block_slots * slot_words_);
    return block;
  }
  // Of the slots that were ever taken.
  std::uint32_t end_of_block(std::uint32_t block) const noexcept {
    const bool has_fresh = (fresh_ & (block_slots - 1)) != 0 && fresh_ >> block_bits == block;
    return has_fresh ? fresh_ : (block + 1) << block_bits;
  }
  void shrink_block(std::uint32_t block) {
    if (!blocks_[block]) return;
    const SlotId before = free_;
    std::uint32_t free = 0;
    for (std::uint32_t slot = (block + 1) << block_bits; slot-- > block << block_bits;) {
      if (header(SlotId{slot}).key != no_key) continue;
      make_free(SlotId{slot});
      ++free;
    }
    if (free < block_slots) return;
    free_ = before;
    blocks_[block].reset();
    vacant_.push_back(block);
  }

  // Out of line: inlined, it makes callers so large that the path of most readings costs four more instructions.
  [[gnu::noinline]] std::uint32_t hash_of(KeyId key, Timestamp start) const noexcept {
    return hash_(index_of(key), start);
  }

  Word* at(SlotId slot) noexcept {
    return blocks_[index_of(slot) >> block_bits].get() + (index_of(slot) & (block_slots - 1)) * slot_words_;
  }
  const Word* at(SlotId slot) const noexcept {
    return blocks_[index_of(slot) >> block_bits].get() + (index_of(slot) & (block_slots - 1)) * slot_words_;
  }

  std::size_t slot_words_;
  std::vector<std::unique_ptr<Word[]>> blocks_;
  std::vector<std::uint32_t> vacant_;  // numbers of blocks that were given back
  SlotId free_ = no_slot;              // a slot that was freed
  std::uint32_t fresh_ = 0;            // that and the rest of its block were never taken; at its begin: there is none
  std::size_t size_ = 0;
  FlatIndex index_;
  TimeHash hash_;
};

}  // namespace edgetide
