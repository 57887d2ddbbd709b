// Keeps readings that entered no window, with the reason, so that they can be listed and replayed: a bounded record log
// in the state directory. When it is full, the oldest readings are removed.
//
// It never delays or fails the intake. If the disk fails, readings are only counted, and the disk is tried again a
// minute later. In a flood, readings above write_rate are only counted. Nothing is synced before the stop: a power cut
// loses what the kernel has not written yet.
//
// Thread: one at a time (the intake lock).
// Blocks: `keep` as one write does, plus opening or removing a file now and then.
// Fails:  never; `counters` tell what could not be kept, and why.
// Limit:  QuarantineOptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/storage/file_system.h"
#include "daemon/storage/record_log_writer.h"
#include "pipeline/pipeline.h"

namespace edgetide {

struct QuarantineOptions {
  std::size_t max_bytes = 16 * 1024 * 1024;        // of disk
  std::size_t write_bytes_per_second = 64 * 1024;  // over longer times; a flash card wears with every byte
  bool operator==(const QuarantineOptions&) const = default;
};

struct QuarantineCounters {
  // Readings, since the start:
  std::uint64_t kept = 0;
  std::uint64_t over_rate = 0;  // only counted, as they came too fast
  std::uint64_t failed = 0;     // only counted, because of `error`
  std::uint64_t removed = 0;    // to make room, also ones of earlier runs
  std::string error;            // why nothing is kept at the moment; empty if all is well
};

// Where the quarantine of a gateway is.
LogLocation quarantine_location(const std::string& state_directory);

class Quarantine {
 public:
  Quarantine(FileSystem& files, const std::string& state_directory, QuarantineOptions options);

  // Readings of one batch, as Pipeline::quarantined gives them. `series` is the pipeline's table.
  void keep(std::span<const Quarantined> readings, std::string_view source, Moment arrival, const SeriesTable& series);

  // Makes what is kept survive a power cut. For an orderly end.
  void sync();

  const QuarantineCounters& counters() const noexcept { return counters_; }

 private:
  bool is_open(Moment now);
  std::string open(Moment now);
  void allow(Duration now) noexcept;
  void write(std::uint64_t readings, Duration now);
  std::error_code make_room();
  void fail(std::string error, std::uint64_t readings, Duration now);

  FileSystem& files_;
  const LogLocation location_;
  const QuarantineOptions options_;
  std::optional<RecordLogWriter> log_;
  std::int64_t allowance_;  // bytes times microseconds; below 0 by one reading at most
  Duration allowed_at_;
  std::optional<Duration> try_again_at_;
  QuarantineCounters counters_;
};

}  // namespace edgetide
