// The windows of one definition that are not final yet: fixed-size slots in blocks of 1024, found by (series, start).
//
// A slot is 16 bytes of header and the aggregate state; with its place in the index it costs
// 16 + 8 * AggregateLayout::words() + 11 to 22 bytes. A new window takes a free slot; blocks are never moved.
//
// Owns:   the slots. A `Slot` is a view that stays valid until the slot is erased; so do references to headers.
// Thread: one owner at a time.
// Limit:  2^31 slots; the pipeline bounds them through max_series and `oldest`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "pipeline/emission.h"
#include "pipeline/flat_index.h"
#include "pipeline/reading.h"
#include "pipeline/time.h"

namespace edgetide {

class WindowStore {
 public:
  using Word = std::uint64_t;

  struct Header {
    Timestamp start;
    SeriesId series;              // of a free slot: the next free slot
    std::uint32_t revision : 24;  // how often the row has left; saturates
    std::uint32_t state : 2;      // RowState when it last left
    std::uint32_t changed : 1;    // since it last left
    std::uint32_t live : 1;
  };
  static_assert(sizeof(Header) == 16);

  static constexpr std::uint32_t none = FlatIndex::npos;
  static constexpr std::uint32_t revision_max = (1U << 24) - 1;

  explicit WindowStore(std::size_t state_words) : slot_words_(header_words + state_words) {}

  std::uint32_t find(SeriesId series, Timestamp start) const noexcept {
    return index_.find(hash_of(series, start), [&](std::uint32_t slot) {
      const Header& candidate = header(slot);
      return candidate.series == series && candidate.start == start;
    });
  }

  // Requires: no slot of (series, start). The state is left for the caller to clear.
  std::uint32_t create(SeriesId series, Timestamp start);
  void erase(std::uint32_t slot) noexcept;

  struct Slot {
    Header& header;
    Word* state;
  };
  Slot operator[](std::uint32_t slot) noexcept {
    Word* const words = at(slot);
    return {*reinterpret_cast<Header*>(words), words + header_words};
  }
  Header& header(std::uint32_t slot) noexcept { return *reinterpret_cast<Header*>(at(slot)); }
  const Header& header(std::uint32_t slot) const noexcept { return *reinterpret_cast<const Header*>(at(slot)); }
  Word* state(std::uint32_t slot) noexcept { return at(slot) + header_words; }
  const Word* state(std::uint32_t slot) const noexcept { return at(slot) + header_words; }

  // Calls visit(slot) for every live slot, in no order that matters.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (std::uint32_t slot = 0; slot < used_; ++slot) {
      if (header(slot).live) visit(slot);
    }
  }

  std::size_t size() const noexcept { return index_.size(); }
  std::size_t memory_bytes() const noexcept;

 private:
  static constexpr std::size_t header_words = sizeof(Header) / sizeof(Word);
  static constexpr std::uint32_t block_bits = 10;
  static constexpr std::uint32_t block_slots = 1U << block_bits;

  static std::uint32_t hash_of(SeriesId series, Timestamp start) noexcept {
    const auto key = static_cast<std::uint64_t>(start.count()) * 0x9E37'79B9'7F4A'7C15 + index_of(series);
    return static_cast<std::uint32_t>((key * 0xD6E8'FEB8'6659'FD93) >> 32);
  }

  Word* at(std::uint32_t slot) noexcept {
    return blocks_[slot >> block_bits].get() + (slot & (block_slots - 1)) * slot_words_;
  }
  const Word* at(std::uint32_t slot) const noexcept {
    return blocks_[slot >> block_bits].get() + (slot & (block_slots - 1)) * slot_words_;
  }

  std::size_t slot_words_;
  std::vector<std::unique_ptr<Word[]>> blocks_;
  std::uint32_t used_ = 0;     // slots ever handed out
  std::uint32_t free_ = none;  // head of the list of free slots
  FlatIndex index_;
};

}  // namespace edgetide
