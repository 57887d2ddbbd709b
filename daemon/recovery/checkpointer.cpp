#include "daemon/recovery/checkpointer.h"

#include <algorithm>

#include "daemon/service/log.h"

namespace edgetide {

namespace {
constexpr Duration retry_after = Duration::seconds(5);
constexpr Duration look_for_room_each = Duration::milliseconds(200);  // while a source waits for it
}  // namespace

Checkpointer::Checkpointer(Intake& intake, const std::vector<std::unique_ptr<SinkWorker>>& workers,
                           CheckpointStore& checkpoints, const Clock& clock, CheckpointOptions checkpoint)
    : intake_(intake),
      workers_(workers),
      checkpoints_(checkpoints),
      clock_(clock),
      checkpoint_(checkpoint),
      checkpoint_at_(clock.now().running) {
  intake_.want_checkpoint_for_each(2 * std::max<std::size_t>(checkpoint.keep, 1));
}

Duration Checkpointer::step() {
  spill_excess();
  // DURABILITY.md, "the journal grows faster than the checkpoint interval allows".
  if (clock_.now().running >= checkpoint_at_ || (!checkpoint_fails_ && intake_.wants_checkpoint())) write_checkpoint();
  const Duration pause = checkpoint_at_ - clock_.now().running;
  return std::max(intake_.offer_room() ? std::min(pause, look_for_room_each) : pause, Duration());
}

// An error is in the worker's status, and the worker keeps what was not written.
void Checkpointer::spill_excess() {
  for (const auto& worker : workers_) static_cast<void>(worker->spill_excess());
}

std::error_code Checkpointer::spill_all(Checkpoint& checkpoint) {
  for (const auto& worker : workers_) {
    if (const std::error_code error = worker->spill({checkpoint.run, checkpoint.epoch})) return error;
    const SpillExtent extent = worker->spilled();
    checkpoint.outboxes.push_back({worker->name(), extent.first_record, extent.next_record, extent.rows,
                                   extent.last.run, extent.last.epoch, extent.confirmed.run, extent.confirmed.epoch});
  }
  return {};
}

// Between the sync and the checkpoint another tick may come; then both are to be done again: rows that are not released
// are in no outbox, and the checkpoint would forget them (DURABILITY.md, "Release of rows").
std::error_code Checkpointer::take(Checkpoint& checkpoint) {
  while (true) {
    if (const std::error_code error = intake_.sync()) return error;
    if (auto taken = intake_.checkpoint()) {
      checkpoint = *std::move(taken);
      return {};
    }
  }
}

std::error_code Checkpointer::write_checkpoint() {
  const Duration began = clock_.now().running;
  Checkpoint checkpoint;
  // Rows before the checkpoint that forgets their readings, the cut after it, as far as the oldest kept one allows
  // (DURABILITY.md, "the daemon dies at any operation", "the newest checkpoint is damaged").
  std::error_code error = take(checkpoint);
  if (!error) error = spill_all(checkpoint);
  if (!error) error = checkpoints_.write(checkpoint);
  if (!error) intake_.cut(checkpoints_.journal_from());
  const Duration ended = clock_.now().running;
  checkpoint_fails_ = static_cast<bool>(error);
  checkpoint_at_ = ended + (error ? std::min(retry_after, checkpoint_.interval) : checkpoint_.interval);

  const MutexLock lock(mutex_);
  const std::string text = error ? "no checkpoint can be written: " + error.message() : std::string();
  if (text != status_.error) {
    log(error ? LogLevel::error : LogLevel::info, {LogEvent::disk_failing},
        error ? text : "checkpoints are written again");
  }
  status_.error = text;
  if (error) return error;
  status_.checkpoint_at = checkpoint.taken_at.running;
  status_.checkpoint_took = ended - began;
  status_.checkpoint_bytes = checkpoint.pipeline.size() + checkpoint.intake.size();
  ++status_.checkpoints;
  return {};
}

CheckpointerStatus Checkpointer::status() const {
  const MutexLock lock(mutex_);
  return status_;
}

}  // namespace edgetide
