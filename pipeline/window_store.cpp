#include "pipeline/window_store.h"

#include <new>

namespace edgetide {

std::uint32_t WindowStore::create(SeriesId series, Timestamp start) {
  std::uint32_t slot = used_;
  if (free_ != none) {
    slot = free_;
    free_ = index_of(header(slot).series);
  } else {
    if ((used_ & (block_slots - 1)) == 0) {
      blocks_.push_back(std::make_unique_for_overwrite<Word[]>(block_slots * slot_words_));
    }
    ++used_;
  }
  Header* const created = new (at(slot)) Header{};
  created->start = start;
  created->series = series;
  created->live = 1;
  index_.insert(hash_of(series, start), slot);
  return slot;
}

void WindowStore::erase(std::uint32_t slot) noexcept {
  Header& erased = header(slot);
  index_.erase(hash_of(erased.series, erased.start), slot);
  erased.live = 0;
  erased.series = SeriesId{free_};
  free_ = slot;
}

std::size_t WindowStore::memory_bytes() const noexcept {
  return blocks_.size() * block_slots * slot_words_ * sizeof(Word) + index_.memory_bytes();
}

}  // namespace edgetide
