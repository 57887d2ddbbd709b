// Reads the quarantine of a gateway, oldest first, also while the gateway writes it.
//
// Thread: one owner at a time. Fails: `open` as RecordLogReader; damage is in the report.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/storage/file_system.h"
#include "daemon/storage/quarantine_record.h"
#include "daemon/storage/record_log_reader.h"

namespace edgetide {

class QuarantineReader {
 public:
  QuarantineReader(FileSystem& files, const std::string& state_directory);

  std::optional<LogRefusal> open() { return log_.open(); }
  std::optional<QuarantinedReading> next();
  std::uint64_t readings_lost() const noexcept { return log_.report().records_lost + unknown_; }

 private:
  RecordLogReader log_;
  std::uint64_t unknown_ = 0;  // whole records that are no reading
};

}  // namespace edgetide
