#include "daemon/storage/checkpoint_store.h"

#include <algorithm>
#include <utility>

#include "daemon/storage/numbered_name.h"

namespace edgetide {

namespace {

constexpr std::string_view file_name = "checkpoint";
constexpr std::uint64_t max_file_bytes = std::uint64_t{1} << 30;

bool is_missing(std::error_code error) noexcept {
  return error == std::errc::no_such_file_or_directory;
}

BadCheckpoint unreadable(std::error_code error) {
  const bool forbidden = error == std::errc::permission_denied || error == std::errc::operation_not_permitted;
  return {forbidden ? BadCheckpoint::Reason::forbidden : BadCheckpoint::Reason::unreadable,
          "cannot be read: " + error.message()};
}

}  // namespace

CheckpointStore::CheckpointStore(FileSystem& files, const std::string& state_directory, CheckpointOptions options)
    : files_(files),
      folder_(state_directory + "/checkpoint"),
      unnamed_path_(folder_ + "/checkpoint.new"),
      keep_(std::max<std::size_t>(options.keep, 1)) {}

std::string CheckpointStore::path_of(std::uint64_t number) const {
  return folder_ + '/' + numbered_name(file_name, number);
}

// Newest first.
FileResult<std::vector<std::uint64_t>> CheckpointStore::numbers() const {
  FileResult<std::vector<std::uint64_t>> found;
  const FileResult<std::vector<std::string>> listed = files_.list(folder_);
  if (!is_missing(listed.error)) found.error = listed.error;
  for (const std::string& file : listed.value) {
    if (const auto number = parse_numbered_name(file_name, file)) found.value.push_back(*number);
  }
  std::sort(found.value.rbegin(), found.value.rend());
  return found;
}

std::variant<Checkpoint, BadCheckpoint> CheckpointStore::load(const std::string& path) const {
  const auto opened = files_.open(path, FileAccess::read);
  if (opened.error) return unreadable(opened.error);
  const FileResult<std::uint64_t> size = opened.value->size();
  if (size.error) return unreadable(size.error);
  if (size.value > max_file_bytes)
    return BadCheckpoint{BadCheckpoint::Reason::foreign, "is too large for a checkpoint"};
  std::string bytes(static_cast<std::size_t>(size.value), '\0');
  const FileResult<std::size_t> read = opened.value->read(0, bytes);
  if (read.error) return unreadable(read.error);
  bytes.resize(read.value);
  return decode_checkpoint(std::move(bytes));
}

std::variant<CheckpointStore::Found, std::string> CheckpointStore::newest() {
  const FileResult<std::vector<std::uint64_t>> listed = numbers();
  if (listed.error) return folder_ + ": cannot be read: " + listed.error.message();
  if (!listed.value.empty()) next_number_ = listed.value.front() + 1;
  kept_.clear();
  Found found;
  for (const std::uint64_t number : listed.value) {
    const std::string path = path_of(number);
    auto loaded = load(path);
    if (auto* const whole = std::get_if<Checkpoint>(&loaded)) {
      kept_.push_front({number, whole->journal_next});
      found.kept.emplace_back(path, whole->journal_next);
      if (!found.checkpoint) {
        found.checkpoint = std::move(*whole);
        found.path = path;
      }
      if (kept_.size() == keep_) break;
    } else if (!found.checkpoint) {
      const BadCheckpoint& bad = std::get<BadCheckpoint>(loaded);
      found.warnings.push_back(path + ": " + bad.text);
      using Reason = BadCheckpoint::Reason;
      if (bad.reason == Reason::newer || bad.reason == Reason::forbidden) return found.warnings.back();
      if (bad.reason != Reason::unreadable) found.damaged.push_back(path);
    }
  }
  return found;
}

std::error_code CheckpointStore::write_file(const Checkpoint& checkpoint) {
  const std::error_code removed = files_.remove(unnamed_path_);  // left by a run that died during a write
  if (removed && !is_missing(removed)) return removed;
  const auto file = files_.open(unnamed_path_, FileAccess::create_new);
  if (file.error) return file.error;
  const CheckpointFrame frame = frame_of(checkpoint);
  std::uint64_t offset = 0;
  for (const std::string_view part :
       {std::string_view(frame.head), std::string_view(checkpoint.pipeline), std::string_view(frame.tail)}) {
    if (const std::error_code error = file.value->write(offset, part)) return error;
    offset += part.size();
  }
  return file.value->sync();
}

std::error_code CheckpointStore::put_in_place(const Checkpoint& checkpoint) {
  if (const std::error_code error = files_.make_folder(folder_)) return error;
  if (const std::error_code error = write_file(checkpoint)) return error;
  if (const std::error_code error = files_.rename(unnamed_path_, path_of(next_number_))) return error;
  return files_.sync_folder(folder_);
}

std::error_code CheckpointStore::write(const Checkpoint& checkpoint) {
  if (const std::error_code error = put_in_place(checkpoint)) {
    static_cast<void>(files_.remove(unnamed_path_));  // frees the room on a full disk
    return error;
  }
  kept_.push_back({next_number_++, checkpoint.journal_next});
  if (kept_.size() > keep_) kept_.pop_front();
  if (kept_.size() == keep_) remove_older();
  return {};
}

// Intact or not. A file that cannot be removed now is removed the next time.
void CheckpointStore::remove_older() {
  for (const std::uint64_t number : numbers().value) {
    if (number < kept_.front().number) static_cast<void>(files_.remove(path_of(number)));
  }
}

std::uint64_t CheckpointStore::journal_from() const noexcept {
  return kept_.size() < keep_ ? 0 : kept_.front().journal_next;
}

}  // namespace edgetide
