// The first byte chooses. Even: the rest is the only segment of a log, and of a quarantine. Odd: a log is written with
// records as long as the bytes say, then bytes of its files are changed as the rest says; whatever comes back was
// written, and what does not is counted.
#include <algorithm>

#include "daemon/storage/quarantine.h"
#include "daemon/storage/quarantine_reader.h"
#include "tests/daemon/storage/record_log_fixture.h"
#include "tests/fuzz/fuzz_target.h"

namespace edgetide::test {
namespace {

void require_order(const ReadLog& log) {
  for (std::size_t i = 1; i < log.records.size(); ++i) {
    require(log.records[i - 1].number < log.records[i].number, "numbers ascend");
  }
  require(log.records.empty() || log.records.back().number < log.next_number, "the next number is a new one");
}

void read_anything(std::string_view bytes) {
  MemoryFileSystem files;
  files.set_content(log_location.path_of(1), std::string(bytes));
  const ReadLog log = read_log(files);
  require_order(log);
  if (log.refused.empty()) {
    RecordLogWriter writer = reopen(files, log_options());
    write_records(writer, 1);
    const ReadLog again = read_log(files);
    require(again.records.size() == log.records.size() + 1, "writing goes on behind what is whole");
  }
  files.set_content(quarantine_location("state").path_of(1), std::string(bytes));
  QuarantineReader readings(files, "state");
  if (readings.open()) return;
  while (readings.next_record()) {
  }
}

// Up to 64 records, in segments of some; how many bytes of `bytes` they took.
std::uint64_t write_log(FileSystem& files, std::string_view& bytes) {
  RecordLogWriter log(files, log_options(300), {}, 1);
  while (!bytes.empty() && bytes[0] != 0 && log.next_number() <= 64) {
    const auto length = static_cast<unsigned char>(bytes[0]);
    log.append(length, std::string(length, static_cast<char>(log.next_number())));
    if (length % 3 == 0) require(!log.flush(), "memory does not fail");
    bytes.remove_prefix(1);
  }
  require(!log.flush(), "memory does not fail");
  return log.next_number() - 1;
}

// Three bytes a change: which file, where, what.
void damage(MemoryFileSystem& files, std::string_view bytes) {
  const std::vector<std::string> paths = files.paths();
  for (; bytes.size() >= 3 && !paths.empty(); bytes.remove_prefix(3)) {
    const std::string& path = paths[static_cast<unsigned char>(bytes[0]) % paths.size()];
    std::string content = files.content(path);
    if (content.empty()) continue;
    content[static_cast<unsigned char>(bytes[1]) * 7U % content.size()] = bytes[2];
    files.set_content(path, content);
  }
}

void damage_something(std::string_view bytes) {
  MemoryFileSystem files;
  const std::uint64_t written = write_log(files, bytes);
  if (!bytes.empty()) bytes.remove_prefix(1);
  damage(files, bytes);
  const ReadLog log = read_log(files);
  require_order(log);
  if (!log.refused.empty()) return;
  for (const ReadRecord& record : log.records) {
    const std::string expected(record.type, static_cast<char>(record.number));
    require(record.number <= written && record.payload == expected, "what comes back was written");
  }
  require(log.records.size() + log.report.records_lost == log.next_number - 1, "what does not come back is counted");
}

}  // namespace
}  // namespace edgetide::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return edgetide::run_either(data, size, edgetide::test::read_anything, edgetide::test::damage_something);
}
