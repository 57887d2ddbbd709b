#include "daemon/storage/record_log_writer.h"

#include <cassert>
#include <utility>

namespace edgetide {

namespace {
constexpr std::uint64_t block_bytes = 4096;
}

std::error_code PendingSync::run() const {
  for (const auto& file : written_) {
    if (const std::error_code error = file->sync()) return error;
  }
  return folder_.empty() ? std::error_code() : files_->sync_folder(folder_);
}

RecordLogWriter::RecordLogWriter(FileSystem& files, RecordLogOptions options, const std::vector<Segment>& existing,
                                 std::uint64_t next_number)
    : files_(files),
      options_(std::move(options)),
      segments_(existing.begin(), existing.end()),
      first_buffered_(next_number),
      next_number_(next_number) {}

std::string& RecordLogWriter::begin(std::uint8_t type) {
  open_record_ = buffer_.size();
  open_type_ = type;
  buffer_.resize(open_record_ + record_head_bytes);
  return buffer_;
}

std::uint64_t RecordLogWriter::end() noexcept {
  seal_record(buffer_, open_record_, open_type_, next_number_);
  return next_number_++;
}

std::uint64_t RecordLogWriter::append(std::uint8_t type, std::string_view payload) {
  begin(type).append(payload);
  return end();
}

std::error_code RecordLogWriter::flush() {
  if (buffer_.empty()) return {};
  if (file_ && segments_.back().bytes + buffer_.size() > options_.segment_bytes) finish_segment();
  if (!file_) {
    if (const std::error_code error = start_segment()) return error;
  }
  if (const std::error_code error = file_->write(segments_.back().bytes, buffer_)) {
    take_back();
    return error;
  }
  segments_.back().bytes += buffer_.size();
  file_unsynced_ = true;
  buffer_.clear();
  first_buffered_ = next_number_;
  return {};
}

void RecordLogWriter::discard() noexcept {
  buffer_.clear();
  next_number_ = first_buffered_;
}

// What a failed write has left must not be found behind the next one, which may be shorter.
void RecordLogWriter::take_back() {
  if (file_->truncate(segments_.back().bytes)) finish_segment();
}

std::error_code RecordLogWriter::start_segment() {
  if (const std::error_code error = remove_stale()) return error;
  auto created = files_.open(options_.place.path_of(first_buffered_), FileAccess::create_new);
  if (created.error) return created.error;
  folder_unsynced_ = true;
  segments_.push_back({first_buffered_, 0});
  const auto header = encode(SegmentHeader{segment_version, options_.kind, options_.incarnation, first_buffered_});
  if (const std::error_code error = created.value->write(0, {header.data(), header.size()})) return error;
  file_ = std::move(created.value);
  // Where it is not possible, or there is no room, the write will tell.
  if (options_.preallocate) static_cast<void>(file_->preallocate(options_.segment_bytes));
  segments_.back().bytes = header.size();
  return {};
}

// Segments of which no record counts: begun by a writer that died or failed, or given up.
std::error_code RecordLogWriter::remove_stale() {
  while (!segments_.empty() && segments_.back().first_record >= first_buffered_) {
    if (const std::error_code error = remove(segments_.back())) return error;
    segments_.pop_back();
  }
  return {};
}

void RecordLogWriter::finish_segment() {
  if (!file_) return;
  // Gives back what was preallocated; if it fails, disk space is all that is lost.
  if (options_.preallocate) static_cast<void>(file_->truncate(segments_.back().bytes));
  if (file_unsynced_) unsynced_.push_back(std::move(file_));
  file_.reset();
  file_unsynced_ = false;
}

PendingSync RecordLogWriter::take_pending_sync() {
  PendingSync pending;
  pending.files_ = &files_;
  pending.written_ = std::exchange(unsynced_, {});
  if (std::exchange(file_unsynced_, false)) pending.written_.push_back(file_);
  if (std::exchange(folder_unsynced_, false)) pending.folder_ = options_.place.folder;
  pending.through_ = first_buffered_;
  return pending;
}

void RecordLogWriter::abandon_to(std::uint64_t number) {
  assert(buffer_.empty() && number <= next_number_);
  finish_segment();
  unsynced_.clear();
  first_buffered_ = next_number_ = number;
}

std::error_code RecordLogWriter::remove_oldest() {
  assert(segments_.size() > 1);
  if (const std::error_code error = remove(segments_.front())) return error;
  segments_.pop_front();
  return {};
}

// Fine if somebody else has removed it.
std::error_code RecordLogWriter::remove(const Segment& segment) {
  const std::error_code error = files_.remove(options_.place.path_of(segment.first_record));
  folder_unsynced_ = folder_unsynced_ || !error;
  return error == std::errc::no_such_file_or_directory ? std::error_code() : error;
}

std::uint64_t RecordLogWriter::disk_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const Segment& segment : segments_) bytes += (segment.bytes + block_bytes - 1) / block_bytes * block_bytes;
  return bytes;
}

}  // namespace edgetide
