// Writes a record log: records go into a buffer, `flush` writes the buffer in one call, `sync` makes the flushed bytes
// safe from a power cut. Every writer begins a new segment; it never writes into one that it did not create.
//
//   std::string& payload = log.begin(type);   the payload is appended to this, in place
//   const std::uint64_t number = log.end();   and is a record now, in the buffer
//   if (log.flush()) log.discard();           a failed flush keeps the buffer, to flush it again or discard it
//
// A new segment has the name `*.new` until its first records are written; then it is renamed.
//
// Owns:   the buffer, whose memory is kept from flush to flush: no allocation per record. With keep_unsynced also a
//         copy of the bytes that are flushed but not yet synced.
// Thread: one owner at a time; a PendingSync may run on another thread meanwhile.
// Blocks: flush and remove_oldest as a write does; sync until the disk has synced; begin, end, discard never.
// Fails:  by std::error_code. After a failed flush the segment ends with its last complete flush, or is abandoned.
//         After a failed sync the segments it covered cannot be trusted: `rewrite`, or `abandon_to` and append those
//         records again.
// Limit:  a segment is longer than segment_bytes only if one flush is. A payload is below 4 GiB.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "daemon/storage/file_system.h"
#include "daemon/storage/record_format.h"
#include "daemon/storage/segment.h"

namespace edgetide {

struct RecordLogOptions {
  LogLocation location;
  LogKind kind{};
  std::uint64_t incarnation = 0;
  std::uint64_t segment_bytes = 4 * 1024 * 1024;  // larger: fewer files, coarser removal of the oldest
  bool preallocate = false;                       // a full disk shows when a segment begins, not in the middle of it
  bool names_next = false;     // a full segment ends with a record that shows if the next one is missing
  bool keep_unsynced = false;  // in memory, so that a failed sync loses nothing: `synced`, `rewrite`
};

// What is to be done so that everything flushed so far survives a power cut.
class PendingSync {
 public:
  [[nodiscard]] std::error_code run() const;
  // The number of the first record that was not flushed when this was taken.
  std::uint64_t through() const noexcept { return through_; }

 private:
  friend class RecordLogWriter;
  FileSystem* files_ = nullptr;
  std::vector<std::shared_ptr<File>> written_;
  std::string folder_;  // empty: no name is new
  std::uint64_t through_ = 0;
  std::size_t kept_bytes_ = 0;
};

class RecordLogWriter {
 public:
  // `existing` and `next_number` are what a RecordLogReader has found.
  RecordLogWriter(FileSystem& files, RecordLogOptions options, const std::vector<Segment>& existing,
                  std::uint64_t next_number);

  std::string& begin(std::uint8_t type);
  std::uint64_t end() noexcept;
  std::uint64_t append(std::uint8_t type, std::string_view payload);

  [[nodiscard]] std::error_code flush();
  void discard() noexcept { discard_to({0, first_buffered_}); }  // what is in the buffer; its numbers are given again

  // What was appended since. Requires: no flush in between has succeeded.
  struct Mark {
    std::size_t bytes;
    std::uint64_t number;
  };
  Mark mark() const noexcept { return {buffer_.size(), next_number_}; }
  void discard_to(Mark mark) noexcept;

  PendingSync take_pending_sync();
  // Requires: keep_unsynced; no other sync was taken since this one, which has succeeded.
  void synced(const PendingSync& sync) noexcept;
  // After a failed sync: everything that was not synced before goes into a new segment, which takes the place of what
  // others hold of it. If that fails, the next `flush` tries again. Requires: keep_unsynced.
  [[nodiscard]] std::error_code rewrite();
  std::size_t unsynced_bytes() const noexcept { return kept_.size(); }
  [[nodiscard]] std::error_code sync() { return take_pending_sync().run(); }

  // The next record is `number`, in a new segment: with the next flush nothing that was written from there on counts
  // any more, and segments that hold nothing else are removed. Requires: an empty buffer; number <= next_number().
  void abandon_to(std::uint64_t number);

  // All records of the oldest segment are before `record`, and it is not the only one.
  bool oldest_ends_before(std::uint64_t record) const noexcept {
    return segments_.size() > 1 && segments_[1].first_record <= record;
  }
  // Removes the oldest segment. Requires: more than one.
  [[nodiscard]] std::error_code remove_oldest();

  std::uint64_t next_number() const noexcept { return next_number_; }
  std::size_t buffered_bytes() const noexcept { return buffer_.size(); }
  const std::deque<Segment>& segments() const noexcept { return segments_; }
  std::uint64_t disk_bytes() const noexcept;  // of all segments, in blocks of 4 KiB

 private:
  std::error_code start_segment();
  std::error_code take_place();
  void name_next(std::shared_ptr<File> full, std::uint64_t bytes);
  std::error_code remove(const Segment& segment);
  void finish_segment();
  void take_back();
  std::string unnamed_path() const;

  FileSystem& files_;
  const RecordLogOptions options_;
  std::deque<Segment> segments_;
  std::shared_ptr<File> file_;
  std::uint64_t file_first_ = 0;  // its first record
  std::uint64_t file_bytes_ = 0;
  bool named_ = false;                           // it has its name, and stands in segments_
  std::vector<std::shared_ptr<File>> unsynced_;  // finished segments
  bool file_unsynced_ = false;
  bool folder_unsynced_ = false;

  std::string buffer_;
  std::size_t open_record_ = 0;  // in buffer_, of `begin`
  std::uint8_t open_type_ = 0;
  std::uint64_t first_buffered_;
  std::uint64_t next_number_;

  std::string kept_;  // flushed and not synced, if wanted
  std::uint64_t first_kept_;
};

}  // namespace edgetide
