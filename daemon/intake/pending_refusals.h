// What has been counted of batches without a reading that no peer sends again (sockets, QoS 0), by slot, and is not in
// the journal yet: it gets there with the next tick, in one record for each source, so that a flood of refused messages
// writes next to nothing to the disk.
//
// Thread: one owner at a time (the intake lock). Fails: never.
// Limit:  `most` values of topics of a source; the owner then writes a record before the tick.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "daemon/storage/journal_record.h"

namespace edgetide {

inline void add_to(std::vector<RefusedCount>& counts, Refusal reason, std::uint64_t readings) {
  const auto same =
      std::find_if(counts.begin(), counts.end(), [&](const RefusedCount& count) { return count.reason == reason; });
  if (same == counts.end()) {
    counts.push_back({reason, readings});
  } else {
    same->readings += readings;
  }
}

class PendingRefusals {
 public:
  static constexpr std::size_t most = 1024;

  struct OfSource {
    std::vector<RefusedCount> refused;
    std::vector<JournaledValue> values;  // of topics
    bool empty() const noexcept { return refused.empty() && values.empty(); }
    bool full() const noexcept { return values.size() >= most; }
  };

  void add(SourceId slot, std::span<const RefusedCount> refused, std::span<const JournaledValue> values) {
    if (sources_.size() <= index_of(slot)) sources_.resize(index_of(slot) + 1);
    OfSource& source = sources_[index_of(slot)];
    for (const RefusedCount& count : refused) add_to(source.refused, count.reason, count.readings);
    source.values.insert(source.values.end(), values.begin(), values.end());
  }

  bool full(SourceId slot) const noexcept {
    return index_of(slot) < sources_.size() && sources_[index_of(slot)].full();
  }
  const std::vector<OfSource>& by_slot() const noexcept { return sources_; }
  void clear() noexcept { sources_.clear(); }

 private:
  std::vector<OfSource> sources_;
};

}  // namespace edgetide
