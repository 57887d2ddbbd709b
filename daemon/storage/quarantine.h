// Keeps readings that entered no window, and messages that gave no reading, with the reason, so that they can be listed
// and replayed: a bounded record log in the state directory. When it is full, the oldest of both are removed.
//
// It never delays or fails the intake. If the disk fails, readings are only counted, and the disk is tried again a
// minute later. In a flood, what is above write_bytes_per_second is only counted, and of messages what is more than a
// source may have kept. Nothing is synced before the stop: a power cut
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
#include "daemon/storage/message_allowance.h"
#include "daemon/storage/number_ranges.h"
#include "daemon/storage/quarantine_options.h"
#include "daemon/storage/quarantine_record.h"
#include "daemon/storage/record_log_writer.h"
#include "pipeline/pipeline.h"

namespace edgetide {

struct QuarantineCounters {
  // Readings, since the start:
  std::uint64_t kept = 0;
  std::uint64_t over_rate = 0;  // only counted, as they came too fast
  std::uint64_t failed = 0;     // only counted, because of `error`
  std::uint64_t removed = 0;    // readings and messages, to make room, also ones of earlier runs
  // Messages, since the start:
  std::uint64_t messages_kept = 0;
  std::uint64_t messages_over_rate = 0;
  std::uint64_t messages_failed = 0;
  std::string error;  // why nothing is kept at the moment; empty if all is well
};

// Where the quarantine of a gateway is.
LogLocation quarantine_location(const std::string& state_directory);

class Quarantine {
 public:
  Quarantine(FileSystem& files, const std::string& state_directory, QuarantineOptions options);

  // Readings of one batch, as Pipeline::quarantined gives them. `series` is the pipeline's table.
  void keep(std::span<const Quarantined> readings, std::string_view source, Moment arrival, const SeriesTable& series);

  // Messages of one source. `arrival`: none while the clock is not set.
  void keep(std::span<const RefusedMessage> messages, std::string_view source, std::optional<Timestamp> arrival,
            Moment now);

  // Readings with these numbers were added to their rows: a reader leaves them out from now on.
  void settle(const NumberRanges& numbers, Moment now);
  // Later readings get greater numbers, also where a power cut has taken some. Requires: nothing was kept yet.
  void continue_behind(std::uint64_t number) noexcept { least_number_ = number + 1; }

  // Makes what is kept survive a power cut. For an orderly end.
  void sync();

  const QuarantineCounters& counters() const noexcept { return counters_; }

 private:
  bool is_open(Moment now);
  std::string open(Moment now);
  void allow(Duration now) noexcept;
  bool write(std::uint64_t records, Duration now);
  std::error_code make_room();
  void fail(std::string error, Duration now);

  FileSystem& files_;
  const LogLocation location_;
  const QuarantineOptions options_;
  std::optional<RecordLogWriter> log_;
  std::uint64_t least_number_ = 1;  // of the next record
  std::int64_t allowance_;          // bytes times microseconds; below 0 by one record at most
  MessageAllowance messages_;
  Duration allowed_at_;
  std::optional<Duration> try_again_at_;
  QuarantineCounters counters_;
};

}  // namespace edgetide
