#include "daemon/storage/record_log_writer.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace edgetide {

namespace {

constexpr std::uint64_t disk_block_bytes = 4096;
constexpr std::size_t max_spare_bytes = 64 * 1024;

// The memory of large records is not kept for the next ones.
void empty(std::string& buffer) noexcept {
  buffer.clear();
  if (buffer.capacity() > max_spare_bytes) buffer = std::string();
}

}  // namespace

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
      next_number_(next_number),
      first_kept_(next_number) {}

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
  std::shared_ptr<File> full;
  const std::uint64_t full_bytes = file_bytes_;
  if (file_ && file_bytes_ + buffer_.size() > options_.segment_bytes) {
    full = file_;
    finish_segment();
  }
  if (!file_) {
    if (const std::error_code error = start_segment()) return error;
  }
  std::error_code error = file_->write(file_bytes_, buffer_);
  if (!error) error = take_place();
  if (error) {
    take_back();
    return error;
  }
  file_bytes_ += buffer_.size();
  segments_.back().bytes = file_bytes_;
  file_unsynced_ = true;
  if (options_.keep_unsynced) kept_ += buffer_;
  empty(buffer_);
  first_buffered_ = next_number_;
  if (full && options_.names_next) name_next(std::move(full), full_bytes);
  return {};
}

// If it cannot be written, nothing else is lost.
void RecordLogWriter::name_next(std::shared_ptr<File> full, std::uint64_t bytes) {
  std::string record(record_head_bytes, '\0');
  seal_record(record, 0, next_segment_type, file_first_);
  if (full->write(bytes, record)) return static_cast<void>(full->truncate(bytes));
  if (std::find(unsynced_.begin(), unsynced_.end(), full) == unsynced_.end()) unsynced_.push_back(std::move(full));
}

void RecordLogWriter::discard_to(Mark mark) noexcept {
  buffer_.resize(mark.bytes);
  next_number_ = mark.number;
}

// The remains of a failed flush must not follow the next flush, which may be shorter.
void RecordLogWriter::take_back() {
  if (file_->truncate(file_bytes_)) finish_segment();
}

std::error_code RecordLogWriter::start_segment() {
  const std::error_code removed = files_.remove(unnamed_path());
  if (removed && removed != std::errc::no_such_file_or_directory) return removed;
  auto created = files_.open(unnamed_path(), FileAccess::create_new);
  if (created.error) return created.error;
  const auto header =
      encode(SegmentHeader{segment_version(options_.kind), options_.kind, options_.incarnation, first_buffered_});
  if (const std::error_code error = created.value->write(0, {header.data(), header.size()})) return error;
  file_ = std::move(created.value);
  file_first_ = first_buffered_;
  file_bytes_ = header.size();
  named_ = false;
  // If it is not possible or there is no room, the write reports it.
  if (options_.preallocate) static_cast<void>(file_->preallocate(options_.segment_bytes));
  return {};
}

// Removes segments that begin with the same record or a later one: a writer that died or failed left them, or they were
// abandoned. They must be removed before anything is written (FORMAT.md, "Reading").
std::error_code RecordLogWriter::take_place() {
  if (!named_) {
    if (const std::error_code error = files_.rename(unnamed_path(), options_.location.path_of(file_first_)))
      return error;
    named_ = true;
    folder_unsynced_ = true;
    const auto behind = std::find_if(segments_.begin(), segments_.end(),
                                     [&](const Segment& segment) { return segment.first_record >= file_first_; });
    const bool replaced = behind != segments_.end() && behind->first_record == file_first_;
    if (!replaced) segments_.insert(behind, {file_first_, 0});
  }
  while (segments_.back().first_record > file_first_) {
    if (const std::error_code error = remove(segments_.back())) return error;
    segments_.pop_back();
  }
  return {};
}

void RecordLogWriter::finish_segment() {
  if (!file_) return;
  // Gives back what was preallocated; if it fails, only disk space is lost.
  if (options_.preallocate) static_cast<void>(file_->truncate(file_bytes_));
  if (file_unsynced_) unsynced_.push_back(std::move(file_));
  file_.reset();
  file_unsynced_ = false;
}

PendingSync RecordLogWriter::take_pending_sync() {
  PendingSync pending;
  pending.files_ = &files_;
  pending.written_ = std::exchange(unsynced_, {});
  if (std::exchange(file_unsynced_, false)) pending.written_.push_back(file_);
  if (std::exchange(folder_unsynced_, false)) pending.folder_ = options_.location.folder;
  pending.through_ = first_buffered_;
  pending.kept_bytes_ = kept_.size();
  return pending;
}

void RecordLogWriter::synced(const PendingSync& sync) noexcept {
  kept_.erase(0, sync.kept_bytes_);
  if (kept_.empty()) empty(kept_);
  first_kept_ = sync.through_;
}

std::error_code RecordLogWriter::rewrite() {
  finish_segment();
  unsynced_.clear();
  folder_unsynced_ = true;
  buffer_.insert(0, kept_);
  kept_.clear();
  first_buffered_ = first_kept_;
  return flush();
}

void RecordLogWriter::abandon_to(std::uint64_t number) {
  assert(buffer_.empty() && number <= next_number_);
  finish_segment();
  unsynced_.clear();
  kept_.clear();
  first_buffered_ = next_number_ = first_kept_ = number;
}

std::error_code RecordLogWriter::remove_oldest() {
  assert(segments_.size() > 1);
  if (const std::error_code error = remove(segments_.front())) return error;
  segments_.pop_front();
  return {};
}

// It is not an error if the file is already removed.
std::error_code RecordLogWriter::remove(const Segment& segment) {
  const std::error_code error = files_.remove(options_.location.path_of(segment.first_record));
  folder_unsynced_ = folder_unsynced_ || !error;
  return error == std::errc::no_such_file_or_directory ? std::error_code() : error;
}

std::uint64_t RecordLogWriter::disk_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const Segment& segment : segments_)
    bytes += (segment.bytes + disk_block_bytes - 1) / disk_block_bytes * disk_block_bytes;
  return bytes;
}

std::string RecordLogWriter::unnamed_path() const {
  return options_.location.folder + '/' + options_.location.name + ".new";
}

}  // namespace edgetide
