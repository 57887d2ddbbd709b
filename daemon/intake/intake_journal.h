// The journal as the intake writes it: the records of a step all get there or none does, it is known which of them a
// power cut must not take, and when the next checkpoint is due. With `durability = "none"` nothing is written, and
// every step succeeds; the files of earlier runs are still cut.
//
//   const auto step = journal.begin();
//   journal.append(JournalType::batch, record);
//   if (!journal.end(step, now, Keep::power)) ...  // the disk cannot be written
//
// Units:  running time, record numbers. Thread: one owner at a time (the intake lock), but for what `sync` says.
// Owns:   nothing; the journal outlives it. Fails: as Journal does.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <utility>

#include "daemon/intake/record_safety.h"
#include "daemon/sources/source.h"
#include "daemon/storage/journal.h"

namespace edgetide {

struct JournalStatus {
  std::string error;  // why nothing is taken; empty: all is well
  bool full = false;
  std::uint64_t disk_bytes = 0;
  std::uint64_t written_bytes = 0;  // since the start
  std::size_t unsynced_bytes = 0;
  std::uint64_t next_record = 0;
};

class IntakeJournal {
 public:
  enum class Keep { crash, power };  // what the records of a step survive

  // `on_unsafe`: what is taken is the first that a power cut would take. `on_checkpoint_due`: it has grown so far.
  IntakeJournal(Journal& files, const JournalOptions& options, std::function<void()> on_unsafe,
                std::function<void()> on_checkpoint_due)
      : files_(files),
        is_kept_(options.durability != Durability::none),
        awaits_sync_(options.durability == Durability::power),
        drops_(options.when_full == JournalFull::drop_newest),
        max_bytes_(options.max_bytes),
        unsafe_(std::move(on_unsafe)),
        checkpoint_due_(std::move(on_checkpoint_due)) {}

  bool is_kept() const noexcept { return is_kept_; }
  bool drops_newest() const noexcept { return drops_; }
  // False: nothing can be taken now; `hold_reason` says why.
  bool ready(Duration running) const noexcept { return !is_kept_ || files_.ready(running); }
  // False: the disk failed, and it is not yet time to try again.
  bool may_be_written(Duration running) const noexcept {
    return !is_kept_ || files_.error().empty() || files_.ready(running);
  }
  std::string hold_reason() const;
  std::string write_error() const { return "the journal cannot be written: " + files_.error(); }

  template <typename Record>
  void append(JournalType type, const Record& record) {
    if (is_kept_) files_.append(type, record);
  }
  // What all later records depend on: twice, so that damage to one costs nothing.
  template <typename Record>
  void append_definition(JournalType type, const Record& record) {
    append(type, record);
    append(type, record);
  }
  RecordLogWriter::Mark begin() const noexcept { return files_.mark(); }
  // Writes what was appended since, or forgets it: false.
  bool end(RecordLogWriter::Mark step, Duration running, Keep keep);
  // What cannot be written now goes with the next.
  void commit_or_wait(Duration running);
  // A power cut is not to take what was written until now, and rows wait for its sync, which comes at once.
  void await_sync() {
    if (!is_kept_) return;
    need(files_.next_record());
    if (safety_.await()) unsafe_();
  }

  // The answer to a peer whose batch is taken. With `durability = "power"` it hears of it when the sync thread has
  // synced what waits, all at once.
  Acceptance taken();
  const RecordSafety& safety() const noexcept { return safety_; }
  // For the thread that syncs: `run` the first without the lock, then say how it went. True: through `needed`.
  PendingSync take_pending_sync() { return files_.take_pending_sync(); }
  void synced(const PendingSync& sync, std::error_code error, Duration running);

  // Wakes for a checkpoint when it has grown by such a part of its maximum.
  void want_checkpoint_for_each(std::size_t parts) noexcept { checkpoint_bytes_ = max_bytes_ / parts; }
  bool wants_checkpoint() const noexcept;
  void ask_for_checkpoint();
  Journal::Start begin_checkpoint() noexcept {
    asked_for_checkpoint_ = false;
    return files_.begin_checkpoint();
  }
  void cut(std::uint64_t record, Duration running) { files_.cut(record, running); }

  JournalStatus status() const;

 private:
  void need(std::uint64_t record) {
    if (safety_.need(record)) unsafe_();
  }

  Journal& files_;
  const bool is_kept_;
  const bool awaits_sync_;
  const bool drops_;
  const std::uint64_t max_bytes_;
  const std::function<void()> unsafe_;
  const std::function<void()> checkpoint_due_;
  RecordSafety safety_;
  std::uint64_t checkpoint_bytes_ = std::numeric_limits<std::uint64_t>::max();
  bool asked_for_checkpoint_ = false;
};

}  // namespace edgetide
