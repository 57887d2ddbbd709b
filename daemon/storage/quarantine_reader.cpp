#include "daemon/storage/quarantine_reader.h"

#include <utility>

#include "daemon/storage/quarantine.h"

namespace edgetide {

QuarantineReader::QuarantineReader(FileSystem& files, const std::string& state_directory)
    : log_(files, quarantine_location(state_directory), LogKind::quarantine),
      settled_log_(files, quarantine_location(state_directory), LogKind::quarantine) {}

std::optional<LogRefusal> QuarantineReader::open(std::uint64_t from) {
  read_settled(from);
  return log_.open(from);
}

// The records that say so come after the readings.
void QuarantineReader::read_settled(std::uint64_t from) {
  if (settled_log_.open(from)) return;  // `open` gets the same refusal
  while (const std::optional<Record> record = settled_log_.next()) {
    if (record->type != settled_readings_type) continue;
    ByteReader in(record->payload);
    settled_.load(in);
  }
}

std::optional<QuarantinedReading> QuarantineReader::next() {
  while (auto record = next_record()) {
    if (auto* const reading = std::get_if<QuarantinedReading>(&*record)) return std::move(*reading);
  }
  return std::nullopt;
}

std::optional<std::variant<QuarantinedReading, QuarantinedMessage>> QuarantineReader::next_record() {
  while (const std::optional<Record> record = log_.next()) {
    if (record->type == settled_readings_type || settled_.has(record->number)) continue;
    number_ = record->number;
    if (record->type == quarantined_reading_type) {
      if (auto reading = decode_quarantined_reading(record->payload)) return std::move(*reading);
    } else if (record->type == quarantined_message_type) {
      if (auto message = decode_quarantined_message(record->payload)) return std::move(*message);
    }
    ++unknown_;
  }
  return std::nullopt;
}

}  // namespace edgetide
