// The inputs of the pipeline on disk, in their order: a write-ahead log. An input is appended and committed, then
// applied, under one lock; only then does its source acknowledge it.
//
//   const auto before = journal.mark();
//   journal.append(JournaledBatch{...});
//   if (journal.commit(now)) pipeline.apply(...); else journal.discard_to(before);
//
// Owns:   the log below the state directory, from where recovery ended.
// Thread: the intake lock; a sync that was taken runs without it.
// Blocks: `commit` as one write does, `cut` as removing a few files does.
// Fails:  a disk that fails is `error`: `ready` is false until it is time to try again. Nothing that was committed is
//         given up: what a failed sync leaves in doubt is written again, elsewhere.
// Limit:  JournalOptions::max_bytes on disk; max_unsynced_bytes in memory while a sync takes its time.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/storage/file_system.h"
#include "daemon/storage/journal_options.h"
#include "daemon/storage/journal_record.h"
#include "daemon/storage/record_log_writer.h"

namespace edgetide {

// Where the journal of a gateway is.
LogLocation journal_location(const std::string& state_directory);

class Journal {
 public:
  // Small enough for what a checkpoint makes superfluous to be a small part of `max_bytes`.
  static std::size_t segment_bytes(const JournalOptions& options) noexcept;
  static constexpr std::size_t max_unsynced_bytes = 8 * 1024 * 1024;

  // What recovery has found.
  struct Found {
    std::vector<Segment> segments;
    std::vector<std::string> damaged;  // paths of segments, one for each damaged place
    std::uint64_t next_record = 1;
  };
  Journal(FileSystem& files, const std::string& state_directory, JournalOptions options, std::uint64_t run,
          const Found& found);

  // False: nothing can be taken now. `error` or `full` says why.
  bool ready(Duration running) const noexcept;
  bool full() const noexcept;
  const std::string& error() const noexcept { return error_; }

  template <typename Record>
  void append(JournalType type, const Record& record) {
    encoder_.append(log_.begin(static_cast<std::uint8_t>(type)), record);
    log_.end();
  }
  RecordLogWriter::Mark mark() const noexcept { return log_.mark(); }
  void discard_to(RecordLogWriter::Mark mark) noexcept;

  // Everything appended survives our crash. False: it does not, is still to be written, and there is error.
  bool commit(Duration running);

  // For the thread that syncs: one at a time.
  PendingSync take_pending_sync() { return log_.take_pending_sync(); }
  void synced(const PendingSync& sync, std::error_code error, Duration running);

  // A checkpoint begins here, and so may a reader: the next record, and what the encoder knows of those before.
  struct Start {
    std::uint64_t record = 0;
    JournalContext context;
  };
  Start begin_checkpoint() noexcept;
  // Records before `record` are in checkpoints that are safe. Segments that hold nothing else go; damaged ones are kept
  // aside under another name, `*.damaged`, the newest few of them.
  void cut(std::uint64_t record, Duration running);

  std::uint64_t next_record() const noexcept { return log_.next_number(); }
  std::uint64_t disk_bytes() const noexcept { return log_.disk_bytes(); }
  std::size_t unsynced_bytes() const noexcept { return log_.unsynced_bytes(); }
  std::uint64_t written_bytes() const noexcept { return written_bytes_; }  // since the start
  std::uint64_t bytes_behind_checkpoint() const noexcept { return written_bytes_ - written_at_checkpoint_; }

 private:
  void fail(std::error_code error, Duration running);

  FileSystem& files_;
  const LogLocation location_;
  const JournalOptions options_;
  RecordLogWriter log_;
  JournalEncoder encoder_;
  std::vector<std::string> damaged_;  // still in their place
  std::string error_;
  Duration try_again_at_;
  std::uint64_t written_bytes_ = 0;
  std::uint64_t written_at_checkpoint_ = 0;  // at the last `begin_checkpoint`
};

}  // namespace edgetide
