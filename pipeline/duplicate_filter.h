// Which event times of which series, with which labels, are in windows that are not final: for `deduplicate =
// "event_time"`. Of labels it keeps 32 bits of a hash.
//
// Owns:   16 bytes and an index entry per reading. What is final is forgotten at `forget`, which the owner calls when
//         the filter has grown; until then it does no harm, since readings of final windows are dropped as late anyway.
// Thread: one owner at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/flat_index.h"
#include "pipeline/ids.h"
#include "pipeline/time.h"
#include "pipeline/time_hash.h"

namespace edgetide {

class DuplicateFilter {
 public:
  struct Entry {
    Timestamp event_time;
    SeriesId series;           // the origin of its variants
    std::uint32_t labels = 0;  // SeriesTable::label_mark
    bool operator==(const Entry&) const = default;
  };

  // `seed` makes the hash unpredictable to peers; it changes no result.
  explicit DuplicateFilter(std::uint64_t seed) : hash_(seed) {}

  // False if it is known already.
  bool insert(const Entry& entry) {
    const std::uint32_t hash = hash_of(entry);
    const std::uint32_t known = index_.find(hash, [&](std::uint32_t i) { return entries_[i] == entry; });
    if (known != FlatIndex::npos) return false;
    index_.insert(hash, static_cast<std::uint32_t>(entries_.size()));
    if (entries_.size() == entries_.capacity()) entries_.reserve(next_capacity());
    entries_.push_back(entry);
    return true;
  }

  // Worth while once as many entries were added as the last `forget` left.
  bool has_grown() const noexcept { return entries_.size() > 2 * kept_ + 1024; }

  template <typename IsFinal>
  void forget(IsFinal&& is_final) {
    std::erase_if(entries_, is_final);
    if (entries_.size() < entries_.capacity() / 4) entries_.shrink_to_fit();
    index_.clear();
    for (std::uint32_t i = 0; i < entries_.size(); ++i) index_.insert(hash_of(entries_[i]), i);
    kept_ = entries_.size();
  }

  // Its id may be given to another one.
  void forget_series(SeriesId series) {
    if (std::none_of(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.series == series; }))
      return;
    forget([&](const Entry& entry) { return entry.series == series; });
  }

  void save(ByteWriter& out) const {
    out.u32(static_cast<std::uint32_t>(kept_));
    out.u32(static_cast<std::uint32_t>(entries_.size()));
    for (const Entry& entry : entries_) {
      out.numbers(entry.event_time.count(), index_of(entry.series) | (entry.labels == 0 ? 0 : has_mark));
      if (entry.labels != 0) out.u32(entry.labels);
    }
  }
  void load(ByteReader& in, std::size_t series) {
    kept_ = in.u32();
    const std::uint32_t count = in.u32();
    if (!in.has(count, 12)) return;
    for (std::uint32_t i = 0; i < count; ++i) {
      const Timestamp event_time = in.time();
      const std::uint32_t of = in.u32(), labels = (of & has_mark) != 0 ? in.u32() : 0;
      in.require((of & ~has_mark) < series && insert({event_time, SeriesId{of & ~has_mark}, labels}));
    }
  }

  std::size_t longest_run() const noexcept { return index_.longest_run(); }
  std::size_t memory_bytes() const noexcept { return heap_bytes(entries_) + index_.memory_bytes(); }
  static constexpr std::size_t bytes_of_entry = sizeof(Entry) + FlatIndex::most_bytes_per_item;
  // What the next entry would take.
  std::size_t growth() const noexcept {
    const bool is_full = entries_.size() == entries_.capacity();
    const std::size_t entries = is_full ? heap_block(next_capacity() * sizeof(Entry)) - heap_bytes(entries_) : 0;
    return entries + index_.memory_bytes(entries_.size() + 1) - index_.memory_bytes();
  }
  // The most that it grows by at once.
  std::size_t largest_step() const noexcept { return heap_bytes(entries_) / grows_by + index_.memory_bytes() + 1024; }

 private:
  static constexpr std::uint32_t has_mark = 1U << 31U;  // a number of labels follows that of the series

  // By an eighth: doubled, a large one would have to be there three times over while it grows.
  static constexpr std::size_t grows_by = 8;
  std::size_t next_capacity() const noexcept { return entries_.size() + entries_.size() / grows_by + 16; }
  std::uint32_t hash_of(const Entry& entry) const noexcept {
    return hash_(index_of(entry.series) ^ entry.labels, entry.event_time);
  }

  TimeHash hash_;
  std::vector<Entry> entries_;
  std::size_t kept_ = 0;
  FlatIndex index_;
};

}  // namespace edgetide
