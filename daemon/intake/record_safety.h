// Which records of the journal survive a power cut, which have to, and for which of them a peer or rows wait.
//
// Units:  record numbers; a bound means all records before it.
// Thread: one owner at a time (the intake lock). Fails: never.
#pragma once

#include <algorithm>
#include <cstdint>

namespace edgetide {

class RecordSafety {
 public:
  // Records before `record` are to survive a power cut. True: they are the first since the last sync.
  bool need(std::uint64_t record) noexcept {
    const bool was_safe = is_safe();
    needed_ = record;
    return was_safe;
  }
  // All that is needed now is acknowledged, or leaves, when it is safe. True: nothing has waited until now.
  bool await() noexcept {
    const bool was_awaited = is_awaited();
    awaited_ = needed_;
    return !was_awaited;
  }
  void synced(std::uint64_t through) noexcept { synced_ = std::max(synced_, through); }

  bool is_safe() const noexcept { return synced_ >= needed_; }
  bool is_awaited() const noexcept { return synced_ < awaited_; }
  std::uint64_t needed() const noexcept { return needed_; }
  std::uint64_t through() const noexcept { return synced_; }

 private:
  std::uint64_t needed_ = 0;
  std::uint64_t synced_ = 0;
  std::uint64_t awaited_ = 0;
};

}  // namespace edgetide
