#include "daemon/storage/quarantine_reader.h"

#include "daemon/storage/quarantine.h"

namespace edgetide {

QuarantineReader::QuarantineReader(FileSystem& files, const std::string& state_directory)
    : log_(files, quarantine_location(state_directory), LogKind::quarantine) {}

std::optional<QuarantinedReading> QuarantineReader::next() {
  while (const std::optional<Record> record = log_.next()) {
    if (record->type == quarantined_reading_type) {
      if (auto reading = decode_quarantined_reading(record->payload)) return reading;
    }
    ++unknown_;
  }
  return std::nullopt;
}

}  // namespace edgetide
