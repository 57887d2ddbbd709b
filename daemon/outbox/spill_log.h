// What a sink has not taken and memory should not hold, on disk: a record log of row batches.
//
// SpillLog     writes it, and removes its oldest segments.
// SpillReader  reads single records back, in order with the least effort.
//
// A segment that goes leaves an empty file behind, `<name>-<the record after it>.removed`, in place of the one before.
// So a segment that somebody else has removed is noticed (storage/FORMAT.md, "The outbox").
//
// Owns:   its open files. The file system outlives both.
// Thread: one owner each; they may be two.
// Blocks: as the disk does; `commit` syncs. The folder is made with the first commit.
// Fails:  by std::error_code. After a failed commit none of its batches is on disk, and the next one tries again.
// Limit:  a segment is removed when all of it may go.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/outbox/row_batch_record.h"
#include "daemon/storage/file_system.h"
#include "daemon/storage/record_log_reader.h"
#include "daemon/storage/record_log_writer.h"

namespace edgetide {

// Where the spill log of a sink is.
LogLocation spill_location(const std::string& state_directory, const std::string& sink);

struct SpilledBatch {
  RowBatchHead head;
  std::uint64_t record = 0;
  std::uint64_t record_bytes = 0;
};

// What a checkpoint says of a log: the records that wait, and their rows.
struct SpillExtent {
  std::uint64_t first_record = 0;  // that waits; 0: no checkpoint speaks of the log
  std::uint64_t next_record = 0;   // behind the last one; 0: not known
  std::uint64_t rows = 0;
  EpochId last = {};       // of these rows
  EpochId confirmed = {};  // the newest epoch that the sink has confirmed
  Timestamp at = {};       // of the checkpoint
};

// Records that should be there and are missing, cut off or damaged.
struct SpillLoss {
  std::uint64_t records = 0;
  std::uint64_t rows = 0;  // at most; 0: not known
  EpochId after = {};      // the lost rows are of epochs behind this one
  EpochId last = {};       // and of none behind this one; none: not known
};

struct Recovered {
  std::vector<SpilledBatch> batches;  // in the order of their records
  SpillLoss lost;
};

class SpillLog {
 public:
  static constexpr std::uint64_t max_segment_bytes = 1024 * 1024;

  SpillLog(FileSystem& files, LogLocation location, std::uint64_t segment_bytes = max_segment_bytes)
      : files_(files), location_(std::move(location)), segment_bytes_(segment_bytes) {}

  // What earlier runs have left of what the checkpoint knows, and behind it. `run` is the present one. Call once,
  // before all else.
  std::variant<Recovered, LogRefusal> recover(const SpillExtent& known, std::uint64_t run);

  // Goes on where `former` was, which is of no use after it. Instead of `recover`.
  void adopt(SpillLog& former) {
    log_.emplace(*std::move(former.log_));
    removed_before_ = former.removed_before_;
  }

  // Into the buffer. How many bytes the record will take.
  std::uint64_t add(EpochId first, const RowBatch& batch, const std::vector<WindowSchema>& inputs);
  // Writes and syncs what was added. The number of the first of these records; the others follow it.
  FileResult<std::uint64_t> commit();

  // Nothing before this record is needed any more.
  [[nodiscard]] std::error_code remove_before(std::uint64_t record);

  std::uint64_t next_record() const noexcept { return log_->next_number(); }
  const LogLocation& location() const noexcept { return location_; }

 private:
  std::variant<Recovered, LogRefusal> read_all(const SpillExtent& known, std::uint64_t run, bool& failed);
  std::error_code find_removed();
  std::error_code remove_oldest();
  std::string removed_path(std::uint64_t before) const;
  LogRefusal newer(const Record& record) const;
  std::error_code make_folder();

  FileSystem& files_;
  const LogLocation location_;
  const std::uint64_t segment_bytes_;
  std::optional<RecordLogWriter> log_;  // since `recover`
  std::uint64_t removed_before_ = 0;    // records before it are in segments that were removed; 0: none was
  bool folder_made_ = false;
  std::uint64_t first_added_ = 0;
};

class SpillReader {
 public:
  SpillReader(FileSystem& files, LogLocation location) : files_(files), location_(std::move(location)) {}

  struct Answer {
    std::optional<DecodedRowBatch> batch;
    std::string error;  // the disk's; empty if the record is lost
  };
  // Requires: these epochs were committed as this record.
  Answer read(std::uint64_t record, EpochRange epochs, const std::vector<WindowSchema>& inputs);

 private:
  std::string open(std::uint64_t record);
  Answer find(std::uint64_t record, EpochRange epochs, const std::vector<WindowSchema>& inputs);

  FileSystem& files_;
  const LogLocation location_;
  std::unique_ptr<RecordLogReader> log_;  // null: nothing is open
  std::uint64_t next_ = 0;                // the record that it gives next
};

}  // namespace edgetide
