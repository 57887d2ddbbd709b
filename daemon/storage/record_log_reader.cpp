#include "daemon/storage/record_log_reader.h"

#include <algorithm>
#include <utility>

#include "daemon/storage/set_aside.h"

namespace edgetide {

namespace {

LogRefusal refusal_of(const std::string& path, std::error_code error) {
  const bool forbidden = error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
  return {forbidden ? LogRefusal::Reason::forbidden : LogRefusal::Reason::disk,
          path + ": cannot be read: " + error.message(), path};
}

}  // namespace

std::optional<LogRefusal> RecordLogReader::open(std::uint64_t from) {
  FileResult<std::vector<Segment>> listed = list_segments(files_, location_);
  if (listed.error) {
    return refusal_of(location_.folder, listed.error);
  }
  segments_ = std::move(listed.value);
  choose_start(from);
  for (std::size_t i = position_; i < segments_.size(); ++i) {
    if (auto refusal = rules(segments_[i])) return refusal;
  }
  return std::nullopt;
}

// The newest segment that begins at or before `from`, otherwise the oldest.
void RecordLogReader::choose_start(std::uint64_t from) {
  while (position_ + 1 < segments_.size() && segments_[position_ + 1].first_record <= from) ++position_;
  from_ = from == at_end ? 0 : from;
  expected_ = std::max<std::uint64_t>(from_, 1);
  if (segments_.empty()) return;
  const std::uint64_t first = segments_[position_].first_record;
  if (from_ == 0 || first <= from_) expected_ = first;
}

// A damaged header does not matter if intact records follow.
std::optional<LogRefusal> RecordLogReader::rules(const Segment& segment) const {
  const std::string path = location_.path_of(segment.first_record);
  auto opened = files_.open(path, FileAccess::read);
  if (opened.error == std::errc::no_such_file_or_directory) return std::nullopt;  // a writer has removed it just now
  if (opened.error) return refusal_of(path, opened.error);
  SegmentReader reader(std::move(opened.value));
  const std::optional<SegmentHeader> header = reader.header();
  if (!header) {
    const bool ours = segment.bytes < segment_header_bytes || reader.has_magic() || reader.error() ||
                      reader.next(segment.first_record) || reader.torn_bytes() == 0;
    if (ours) return std::nullopt;
    return LogRefusal{LogRefusal::Reason::foreign, path + ": is not a record log of edgetide", path};
  }
  const std::uint16_t known = segment_version(header->kind);
  if (header->version > known) {
    return LogRefusal{LogRefusal::Reason::newer, path + ": has format " + std::to_string(header->version) +
                                                     "; this edgetide reads up to " + std::to_string(known) +
                                                     ": use a newer edgetide"};
  }
  if (header->kind == kind_ && header->first_record == segment.first_record) return std::nullopt;
  return LogRefusal{LogRefusal::Reason::other_kind, path + ": is the record log of something else", path};
}

std::optional<Record> RecordLogReader::next() {
  while (position_ < segments_.size()) {
    if (!current_ && !open_segment()) continue;
    const bool last = position_ + 1 == segments_.size();
    const std::uint64_t end = last ? at_end : segments_[position_ + 1].first_record;
    broken_ = {location_.path_of(segments_[position_].first_record), current_->offset(), 0, {}};
    const std::optional<Record> record = current_->next(expected_);
    broken_.error = current_->error();
    if (!record || record->number >= end) {
      leave_segment();
      continue;
    }
    note_lost(record->number - expected_);
    if (record->type == next_segment_type) {
      expected_ = record->number;
      if (last) report_.before_missing = broken_.path;
      continue;
    }
    expected_ = record->number + 1;
    if (record->number < from_) continue;
    ++report_.records;
    return record;
  }
  return std::nullopt;
}

// False: it cannot be opened and is skipped.
bool RecordLogReader::open_segment() {
  const Segment& segment = segments_[position_];
  if (segment.first_record > expected_) {
    if (broken_.path.empty()) broken_.path = location_.path_of(segment.first_record);
    note_lost(segment.first_record - expected_);
    expected_ = segment.first_record;
  }
  auto opened = files_.open(location_.path_of(segment.first_record), FileAccess::read);
  if (!opened.error) {
    current_ = std::make_unique<SegmentReader>(std::move(opened.value));
    return true;
  }
  broken_ = {location_.path_of(segment.first_record), 0, 0, opened.error};
  ++position_;
  const bool removed = opened.error == std::errc::no_such_file_or_directory;  // by a writer, from the oldest on
  if (removed && from_ == 0 && report_.records == 0 && position_ < segments_.size()) {
    expected_ = segments_[position_].first_record;
  }
  if (!removed && position_ == segments_.size()) note_unreadable_end();
  return false;
}

void RecordLogReader::leave_segment() {
  const bool last = position_ + 1 == segments_.size();
  if (last && current_->is_end_unreadable()) {
    note_unreadable_end();
  } else if (last && current_->torn_bytes() > 0) {
    report_.torn_path = broken_.path;
    report_.torn_at = current_->offset();
    report_.torn_bytes = current_->torn_bytes();
  }
  current_.reset();
  ++position_;
}

// No later record shows how many were lost, and a torn end cannot be distinguished from damage.
void RecordLogReader::note_unreadable_end() {
  if (report_.damage.size() < max_damages) report_.damage.push_back(broken_);
}

void RecordLogReader::note_lost(std::uint64_t records) {
  if (records == 0) return;
  report_.records_lost += records;
  broken_.records_lost = records;
  if (report_.damage.size() < max_damages) report_.damage.push_back(broken_);
}

std::error_code RecordLogReader::cut_torn_tail() {
  if (report_.torn_bytes == 0) return {};
  const auto opened = files_.open(report_.torn_path, FileAccess::update);
  if (opened.error) return opened.error;
  if (const std::error_code error = opened.value->truncate(report_.torn_at)) return error;
  return opened.value->sync();
}

bool set_aside_other_kinds(FileSystem& files, const LogLocation& location, std::vector<std::string>& reports) {
  const std::size_t before = reports.size();
  const FileResult<std::vector<std::string>> names = files.list(location.folder);
  for (const std::string& name : names.value) {
    if (!parse_segment_name(location.name, name)) continue;
    const std::string path = location.folder + '/' + name;
    if (files.open(path, FileAccess::read).error != std::errc::invalid_argument) continue;
    if (set_aside(files, path)) continue;
    reports.push_back(path + ": is not a regular file; it is set aside as *.damaged");
  }
  return reports.size() > before;
}

std::variant<RecordLogReader, LogRefusal> open_own_log(FileSystem& files, const LogLocation& location, LogKind kind,
                                                       std::uint64_t from, std::vector<std::string>& reports) {
  while (true) {
    RecordLogReader reader(files, location, kind);
    std::optional<LogRefusal> refusal = reader.open(from);
    if (!refusal) return reader;
    if (!refusal->is_foreign()) {
      if (set_aside_other_kinds(files, location, reports)) continue;
      return *std::move(refusal);
    }
    if (const std::error_code error = set_aside(files, refusal->path)) {
      return refusal_of(refusal->path, error);
    }
    reports.push_back(refusal->text + "; it is set aside as *.damaged");
  }
}

bool reaches(FileSystem& files, const LogLocation& location, std::uint64_t record) {
  const FileResult<std::vector<Segment>> listed = list_segments(files, location);
  if (listed.error) return true;  // not known
  const auto behind = std::find_if(listed.value.begin(), listed.value.end(),
                                   [&](const Segment& segment) { return segment.first_record > record; });
  if (behind == listed.value.begin()) return false;
  const std::uint64_t first = (behind - 1)->first_record;
  if (first == record) return true;
  auto opened = files.open(location.path_of(first), FileAccess::read);
  if (opened.error) return false;
  SegmentReader reader(std::move(opened.value));
  std::uint64_t next = first;
  while (next < record) {
    const std::optional<Record> one = reader.next(next);
    if (!one || one->type == next_segment_type) return false;
    next = one->number + 1;
  }
  return true;
}

}  // namespace edgetide
