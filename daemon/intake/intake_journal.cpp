#include "daemon/intake/intake_journal.h"

namespace edgetide {

std::string IntakeJournal::hold_reason() const {
  if (!files_.error().empty()) return write_error();
  return files_.full() ? "the journal is full until a checkpoint is written"
                       : "the disk is too slow: the journal waits to be synced";
}

bool IntakeJournal::end(RecordLogWriter::Mark step, Duration running, Keep keep) {
  if (!is_kept_) return true;
  if (!files_.commit(running)) {
    files_.discard_to(step);
    return false;
  }
  if (keep == Keep::power) need(files_.next_record());
  return true;
}

void IntakeJournal::commit_or_wait(Duration running) {
  if (is_kept_ && files_.commit(running)) need(files_.next_record());
}

Acceptance IntakeJournal::taken() {
  if (!awaits_sync_ || safety_.is_safe()) return {Acceptance::Answer::taken, 0};
  if (safety_.await()) unsafe_();
  return {Acceptance::Answer::taken, safety_.needed()};
}

void IntakeJournal::synced(const PendingSync& sync, std::error_code error, Duration running) {
  files_.synced(sync, error, running);
  if (!error) safety_.synced(sync.through());
}

bool IntakeJournal::wants_checkpoint() const noexcept {
  const std::uint64_t grown = files_.bytes_behind_checkpoint();
  return is_kept_ && (grown >= checkpoint_bytes_ || (files_.full() && grown > 0));
}

void IntakeJournal::ask_for_checkpoint() {
  if (!is_kept_ || asked_for_checkpoint_ || files_.bytes_behind_checkpoint() < checkpoint_bytes_) return;
  asked_for_checkpoint_ = true;
  checkpoint_due_();
}

JournalStatus IntakeJournal::status() const {
  if (!is_kept_) return {};
  return {files_.error(),         files_.full(),           files_.disk_bytes(),
          files_.written_bytes(), files_.unsynced_bytes(), files_.next_record()};
}

}  // namespace edgetide
