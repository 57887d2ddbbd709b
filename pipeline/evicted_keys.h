// What keys had reached that were evicted for room, so that one that returns makes no final window again.
//
// 16 bytes each: a hash of the name, and a time. Beyond the limit the quarter with the earliest times is forgotten at
// once; the latest of these is then the floor, which holds for every name that is not known, also of keys that are new.
// Two names with the same hash of 64 bits share the later time: some readings of one are then dropped as late.
//
// Units:  UTC microseconds. Thread: one owner at a time.
// Limit:  given at construction. Fails: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/heap_bytes.h"
#include "pipeline/time.h"

namespace edgetide {

class EvictedKeys {
 public:
  explicit EvictedKeys(std::size_t limit) : limit_(limit) {}

  void remember(std::string_view sensor, std::string_view metric, Timestamp reached);
  // What it had reached, or the floor; earliest(): nothing is known. It is then forgotten, since it is back.
  Timestamp recall(std::string_view sensor, std::string_view metric);
  // All that `other` remembers, each `later` by so much.
  void adopt(const EvictedKeys& other, Duration later);

  std::size_t size() const noexcept { return entries_.size(); }
  Timestamp floor() const noexcept { return floor_; }
  std::size_t memory_bytes() const noexcept { return heap_bytes(entries_); }

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  struct Entry {
    std::uint64_t hash;
    Timestamp reached;
  };

  void remember(const Entry& entry);
  void forget_earliest();

  std::size_t limit_;
  std::vector<Entry> entries_;  // by hash
  Timestamp floor_ = Timestamp::earliest();
};

}  // namespace edgetide
