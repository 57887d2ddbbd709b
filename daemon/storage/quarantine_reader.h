// Reads the quarantine of a gateway, oldest first, also while the gateway writes it: readings, and messages that gave
// none. Readings that were added to their rows since are left out.
//
// Thread: one owner at a time. Fails: `open` as RecordLogReader; damage is in the report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "daemon/storage/file_system.h"
#include "daemon/storage/number_ranges.h"
#include "daemon/storage/quarantine_record.h"
#include "daemon/storage/record_log_reader.h"

namespace edgetide {

class QuarantineReader {
 public:
  QuarantineReader(FileSystem& files, const std::string& state_directory);

  // From record `from` on.
  std::optional<LogRefusal> open(std::uint64_t from = 0);
  std::optional<std::variant<QuarantinedReading, QuarantinedMessage>> next_record();
  std::optional<QuarantinedReading> next();                  // the next reading
  std::uint64_t number() const noexcept { return number_; }  // of the record that came last
  std::uint64_t oldest_number() const noexcept { return log_.segments().empty() ? 1 : log_.segments()[0].first_record; }
  std::uint64_t records_lost() const noexcept { return log_.report().records_lost + unknown_; }

 private:
  void read_settled(std::uint64_t from);

  RecordLogReader log_;
  RecordLogReader settled_log_;
  NumberRanges settled_;
  std::uint64_t number_ = 0;
  std::uint64_t unknown_ = 0;  // whole records of no known form
};

}  // namespace edgetide
