// Makes what the journal holds safe from a power cut: within sync_interval of what came first, at once where a peer
// waits for its acknowledgement or rows wait to leave. All that wait, of all sources, share one sync.
//
// It has a thread beside the checkpointer's, so that no acknowledgement waits for a checkpoint to be written.
//
// Owns:   nothing. Thread: one at a time (the sync thread); `failed_syncs`, any.
// Blocks: as long as the disk wants.
// Fails:  a sync that fails is tried again after sync_interval, and logged once.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "daemon/intake/intake.h"
#include "daemon/service/clock.h"

namespace edgetide {

class JournalSyncer {
 public:
  JournalSyncer(Intake& intake, const Clock& clock, Duration sync_interval);

  // Does what is due. How long until something is; long, while nothing waits.
  Duration step();

  std::uint64_t failed_syncs() const noexcept { return failed_syncs_; }  // since the start

 private:
  std::optional<Duration> next_sync() const;
  void sync();

  Intake& intake_;
  const Clock& clock_;
  const Duration sync_interval_;
  std::optional<Duration> sync_at_;  // none: nothing to sync
  bool sync_fails_ = false;
  std::atomic<std::uint64_t> failed_syncs_ = 0;
};

}  // namespace edgetide
