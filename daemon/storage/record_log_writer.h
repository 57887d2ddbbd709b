// Writes a record log: records go into a buffer, `flush` hands the buffer to the system in one write, `sync` makes what
// was flushed safe from a power cut. Every writer begins a new segment; it never writes into one it has not made.
//
//   std::string& payload = log.begin(type);   the payload is appended to this, in place
//   const std::uint64_t number = log.end();   and is a record now, in the buffer
//   if (log.flush()) log.discard();           a failed flush keeps the buffer, to be flushed again or given up
//
// Owns:   the buffer, whose memory is kept from flush to flush: no allocation per record.
// Thread: one owner at a time; a PendingSync may run on another thread meanwhile.
// Blocks: flush and remove_oldest as a write does; sync as long as the disk wants; begin, end, discard never.
// Fails:  by std::error_code. After a failed flush the segment ends with its last whole flush, or is given up. After a
//         failed sync the segments it covered are not to be believed: `abandon_to`, and append those records again.
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
  LogPlace place;
  LogKind kind{};
  std::uint64_t incarnation = 0;
  std::uint64_t segment_bytes = 4 * 1024 * 1024;  // larger: fewer files, coarser removal of the oldest
  bool preallocate = false;                       // a full disk shows when a segment begins, not in the middle of it
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
  void discard() noexcept;  // what is in the buffer; its numbers are given again

  PendingSync take_pending_sync();
  [[nodiscard]] std::error_code sync() { return take_pending_sync().run(); }

  // The next record is `number`, in a new segment: with the next flush nothing that was written from there on counts
  // any more, and segments that hold nothing else are removed. Requires: an empty buffer; number <= next_number().
  void abandon_to(std::uint64_t number);

  // Removes the oldest segment. Requires: more than one.
  [[nodiscard]] std::error_code remove_oldest();

  std::uint64_t next_number() const noexcept { return next_number_; }
  std::size_t buffered_bytes() const noexcept { return buffer_.size(); }
  const std::deque<Segment>& segments() const noexcept { return segments_; }
  std::uint64_t disk_bytes() const noexcept;  // of all segments, in blocks of 4 KiB

 private:
  std::error_code start_segment();
  std::error_code remove_stale();
  std::error_code remove(const Segment& segment);
  void finish_segment();
  void take_back();

  FileSystem& files_;
  const RecordLogOptions options_;
  std::deque<Segment> segments_;  // the newest is that of file_, if there is one
  std::shared_ptr<File> file_;
  std::vector<std::shared_ptr<File>> unsynced_;  // finished segments
  bool file_unsynced_ = false;
  bool folder_unsynced_ = false;

  std::string buffer_;
  std::size_t open_record_ = 0;  // in buffer_, of `begin`
  std::uint8_t open_type_ = 0;
  std::uint64_t first_buffered_;
  std::uint64_t next_number_;
};

}  // namespace edgetide
