// A record log in a memory file system: written, damaged and read back.
//
// Thread: one test.
#pragma once

#include <string>
#include <vector>

#include "daemon/storage/record_log_reader.h"
#include "daemon/storage/record_log_writer.h"
#include "tests/fakes/memory_file_system.h"

namespace edgetide::test {

inline const LogLocation log_location{"state", "log"};

inline RecordLogOptions log_options(std::uint64_t segment_bytes = 4096) {
  return {.location = log_location,
          .kind = LogKind::journal,
          .incarnation = 7,
          .segment_bytes = segment_bytes,
          .names_next = true};
}

struct ReadRecord {
  std::uint8_t type;
  std::uint64_t number;
  std::string payload;
  bool operator==(const ReadRecord&) const = default;
};

struct ReadLog {
  std::string refused;
  std::vector<ReadRecord> records;
  LogReport report;
  std::uint64_t next_number = 0;
  std::vector<Segment> segments;

  std::vector<std::uint64_t> numbers() const {
    std::vector<std::uint64_t> all;
    for (const ReadRecord& record : records) all.push_back(record.number);
    return all;
  }
};

inline ReadLog read_log(FileSystem& files, std::uint64_t from = 0, LogKind kind = LogKind::journal) {
  ReadLog log;
  RecordLogReader reader(files, log_location, kind);
  if (const auto refusal = reader.open(from)) {
    log.refused = refusal->text;
    return log;
  }
  while (const auto record = reader.next()) {
    log.records.push_back({record->type, record->number, std::string(record->payload)});
  }
  log.report = reader.report();
  log.next_number = reader.next_number();
  log.segments = reader.segments();
  return log;
}

// Payload of record n: 0 to 40 bytes that tell n.
inline std::string payload_of(std::uint64_t number) {
  std::string text = std::to_string(number) + ':';
  while (text.size() < number * 7 % 41) text += static_cast<char>('a' + text.size() % 26);
  return text;
}

// Appends `count` records, one flush each.
inline void write_records(RecordLogWriter& log, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    log.append(1, payload_of(log.next_number()));
    if (log.flush()) throw std::runtime_error("flush failed");
  }
}

// Goes on behind what is there, as after a restart.
inline RecordLogWriter reopen(FileSystem& files, RecordLogOptions options) {
  const ReadLog log = read_log(files);
  return RecordLogWriter(files, std::move(options), log.segments, log.next_number);
}

}  // namespace edgetide::test
