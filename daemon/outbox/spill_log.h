// What a sink has not taken and memory should not hold, on disk: a record log of row batches.
//
// SpillLog     writes it, and removes its oldest segments.
// SpillReader  reads single records back, in order with the least effort.
//
// Owns:   its open files. The file system outlives both.
// Thread: one owner each; they may be two.
// Blocks: as the disk does; `commit` syncs. The folder is made with the first commit.
// Fails:  by std::error_code. After a failed commit none of its batches is on disk, and the next one tries again.
// Limit:  a segment of 1 MiB is removed when all of it may go.
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

struct Recovered {
  std::vector<SpilledBatch> batches;  // in the order of their records
  std::uint64_t records_lost = 0;     // damaged ones among them
};

class SpillLog {
 public:
  SpillLog(FileSystem& files, LogLocation location) : files_(files), location_(std::move(location)) {}

  // What earlier runs have left, from this record on. `run` is the present one. Call once, before all else.
  std::variant<Recovered, LogRefusal> recover(std::uint64_t first_record, std::uint64_t run);

  // Goes on where `former` was, which is of no use after it. Instead of `recover`.
  void adopt(SpillLog& former) { log_.emplace(*std::move(former.log_)); }

  // Into the buffer. How many bytes the record will take.
  std::uint64_t add(EpochId first, const RowBatch& batch, const std::vector<WindowSchema>& inputs);
  // Writes and syncs what was added. The number of the first of these records; the others follow it.
  FileResult<std::uint64_t> commit();

  // Nothing before this record is needed any more.
  [[nodiscard]] std::error_code remove_before(std::uint64_t record);

  std::uint64_t next_record() const noexcept { return log_->next_number(); }
  const LogLocation& location() const noexcept { return location_; }

 private:
  std::variant<Recovered, LogRefusal> read_all(std::uint64_t first_record, std::uint64_t run, bool& failed);
  LogRefusal newer(const Record& record) const;
  std::error_code make_folder();

  FileSystem& files_;
  const LogLocation location_;
  std::optional<RecordLogWriter> log_;  // since `recover`
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
