// The records of a log in order, over all its segments, and what was lost among them.
//
// A torn tail is normal: it is reported, and `cut_torn_tail` removes it. Damage elsewhere is skipped, to the next
// intact record of the segment or else to the next segment; the record numbers show how many were lost. A segment that
// begins with record n replaces all older records from n on.
//
// Only `cut_torn_tail` writes; a log can be read while it is written.
//
// Owns:   nothing of the file system, which outlives it. A payload lives until the next call.
// Thread: one owner at a time.
// Fails:  `open` refuses what this program cannot read. A later disk error is treated as damage.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/storage/file_system.h"
#include "daemon/storage/record_format.h"
#include "daemon/storage/segment.h"
#include "daemon/storage/segment_reader.h"

namespace edgetide {

// Why a log is not read at all. Its files are left as they are.
struct LogRefusal {
  enum class Reason { foreign, newer, other_kind, forbidden, disk } reason;
  std::string text;       // for a person, with the path
  std::string path = {};  // of the file

  // Not a file of this log: it can be set aside.
  bool is_foreign() const noexcept { return reason == Reason::foreign || reason == Reason::other_kind; }
  // A person has to decide, or has to give permission.
  bool is_for_a_person() const noexcept { return reason == Reason::newer || reason == Reason::forbidden; }
};

struct LogDamage {
  std::string path;
  std::uint64_t offset = 0;  // where the first record that is not whole begins
  std::uint64_t records_lost = 0;
  std::error_code error;  // set if the disk could not be read
};

struct LogReport {
  std::uint64_t records = 0;
  std::uint64_t records_lost = 0;
  std::vector<LogDamage> damage;  // the first 16 places
  // The end of the newest segment, where writing stopped.
  std::string torn_path;
  std::uint64_t torn_at = 0;
  std::uint64_t torn_bytes = 0;
  std::string before_missing;  // the newest segment, if it names a next one
};

class RecordLogReader {
 public:
  static constexpr std::uint64_t at_end = std::numeric_limits<std::uint64_t>::max();

  RecordLogReader(FileSystem& files, LogLocation location, LogKind kind)
      : files_(files), location_(std::move(location)), kind_(kind) {}

  // To read records from number `from` on; if given, records between it and the first one there are lost. `at_end`:
  // only to learn `next_number`, from the newest segment. Call once.
  std::optional<LogRefusal> open(std::uint64_t from = 0);

  // Requires: `open` has refused nothing.
  std::optional<Record> next();

  // After the end: the number that the next record of this log takes, from 1.
  std::uint64_t next_number() const noexcept { return expected_; }
  const std::vector<Segment>& segments() const noexcept { return segments_; }
  const LogReport& report() const noexcept { return report_; }

  // After the end.
  [[nodiscard]] std::error_code cut_torn_tail();

 private:
  static constexpr std::size_t max_damages = 16;

  std::optional<LogRefusal> rules(const Segment& segment) const;
  void choose_start(std::uint64_t from);
  bool open_segment();
  void leave_segment();
  void note_lost(std::uint64_t records);
  void note_unreadable_end();

  FileSystem& files_;
  const LogLocation location_;
  const LogKind kind_;
  std::vector<Segment> segments_;
  std::size_t position_ = 0;  // in segments_, of current_ or of the one to be opened
  std::unique_ptr<SegmentReader> current_;
  LogDamage broken_;  // where reading stopped last, not yet known to have cost anything
  std::uint64_t expected_ = 1;
  std::uint64_t from_ = 0;
  LogReport report_;
};

// Folders, links and others that have the name of a file of the log are set aside, one report each. False: there was
// none, or it could not be set aside.
bool set_aside_other_kinds(FileSystem& files, const LogLocation& location, std::vector<std::string>& reports);

// Opens a log from record `from` on. Files in it that are not its own are set aside, and so are other kinds, one report
// each, and are no reason to refuse it.
std::variant<RecordLogReader, LogRefusal> open_own_log(FileSystem& files, const LogLocation& location, LogKind kind,
                                                       std::uint64_t from, std::vector<std::string>& reports);

// Whether the log has record `record`, or would write it next: false if a file of it is missing or was shortened.
bool reaches(FileSystem& files, const LogLocation& location, std::uint64_t record);

}  // namespace edgetide
