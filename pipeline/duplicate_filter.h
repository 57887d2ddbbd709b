// Which event times of which series are in windows that are not final: for `deduplicate = "event_time"`.
//
// Owns:   16 bytes and an index entry per reading. What is final is forgotten at `forget`, which the owner calls when
//         the filter has grown; until then it does no harm, since readings of final windows are dropped as late anyway.
// Thread: one owner at a time.
#pragma once

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
    SeriesId series;
  };

  // `seed` makes the hash unpredictable to peers; it changes no result.
  explicit DuplicateFilter(std::uint64_t seed) : hash_(seed) {}

  // False if it is known already.
  bool insert(const Entry& entry) {
    const std::uint32_t hash = hash_of(entry);
    const std::uint32_t known = index_.find(hash, [&](std::uint32_t i) {
      return entries_[i].series == entry.series && entries_[i].event_time == entry.event_time;
    });
    if (known != FlatIndex::npos) return false;
    index_.insert(hash, static_cast<std::uint32_t>(entries_.size()));
    entries_.push_back(entry);
    return true;
  }

  // Worth while once as many entries were added as the last `forget` left.
  bool has_grown() const noexcept { return entries_.size() > 2 * kept_ + 1024; }

  template <typename IsFinal>
  void forget(IsFinal&& is_final) {
    std::erase_if(entries_, is_final);
    index_.clear();
    for (std::uint32_t i = 0; i < entries_.size(); ++i) index_.insert(hash_of(entries_[i]), i);
    kept_ = entries_.size();
  }

  void save(ByteWriter& out) const {
    out.u32(static_cast<std::uint32_t>(kept_));
    out.u32(static_cast<std::uint32_t>(entries_.size()));
    for (const Entry& entry : entries_) out.numbers(entry.event_time.count(), index_of(entry.series));
  }
  void load(ByteReader& in, std::size_t series) {
    kept_ = in.u32();
    const std::uint32_t count = in.u32();
    if (!in.has(count, 12)) return;
    for (std::uint32_t i = 0; i < count; ++i) {
      const Timestamp event_time = in.time();
      const std::uint32_t of = in.u32();
      in.require(of < series && insert({event_time, SeriesId{of}}));
    }
  }

  std::size_t longest_run() const noexcept { return index_.longest_run(); }
  std::size_t memory_bytes() const noexcept { return heap_bytes(entries_) + index_.memory_bytes(); }
  bool is_full() const noexcept { return entries_.size() == entries_.capacity(); }  // the next entry needs memory

 private:
  std::uint32_t hash_of(const Entry& entry) const noexcept { return hash_(index_of(entry.series), entry.event_time); }

  TimeHash hash_;
  std::vector<Entry> entries_;
  std::size_t kept_ = 0;
  FlatIndex index_;
};

}  // namespace edgetide
