// Keeps what must survive on disk: writes a checkpoint each interval or when the journal has grown by a share of its
// maximum, and spills what workers cannot hold in memory. It runs one step at a time, without its own thread or timer.
//
// A checkpoint forgets inputs, so everything that they made must be safe first: the rows that a sink has not confirmed
// are spilled before the checkpoint is written, and the journal is cut after it.
//
// Owns:   nothing. Thread: one at a time (the storage thread; main after that has ended); `status`, any.
// Blocks: as long as the disk wants.
// Fails:  what cannot be written is tried again, a checkpoint after a few seconds; `status` says why.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/intake/intake.h"
#include "daemon/outbox/sink_worker.h"
#include "daemon/service/clock.h"
#include "daemon/service/mutex.h"
#include "daemon/storage/checkpoint_store.h"

namespace edgetide {

struct CheckpointerStatus {
  std::string error;       // why no checkpoint can be written; empty if all is well
  Duration checkpoint_at;  // running time
  Duration checkpoint_took;
  std::uint64_t checkpoints = 0;  // since the start
  std::uint64_t checkpoint_bytes = 0;
};

class Checkpointer {
 public:
  Checkpointer(Intake& intake, const std::vector<std::unique_ptr<SinkWorker>>& workers, CheckpointStore& checkpoints,
               const Clock& clock, CheckpointOptions checkpoint);

  // Does what is due. How long until something is.
  Duration step();

  // Before the end, also when it is not due.
  std::error_code write_checkpoint();

  CheckpointerStatus status() const;

 private:
  void spill_excess();
  std::error_code take(Checkpoint& checkpoint);
  std::error_code spill_all(Checkpoint& checkpoint);

  Intake& intake_;
  const std::vector<std::unique_ptr<SinkWorker>>& workers_;
  CheckpointStore& checkpoints_;
  const Clock& clock_;
  const CheckpointOptions checkpoint_;
  bool checkpoint_fails_ = false;
  Duration checkpoint_at_;  // at once: what was recovered is not recovered again

  mutable Mutex mutex_;
  CheckpointerStatus status_ GUARDED_BY(mutex_);
};

}  // namespace edgetide
