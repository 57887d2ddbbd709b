#include "sinks/file_sink.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "daemon/service/descriptor.h"
#include "daemon/service/placed_file.h"
#include "daemon/service/write_all.h"
#include "pipeline/time_text.h"
#include "sinks/file_position.h"
#include "sinks/row_encoder.h"

namespace edgetide {

namespace {

namespace fs = std::filesystem;

constexpr Duration repaired_after = Duration::seconds(5);  // by somebody, from outside
constexpr std::string_view part_suffix = ".part";

// What the disk refused, with the path.
struct DiskError {
  std::string reason;
};

void check(bool done, const std::string& path) {
  if (!done) throw DiskError{path + ": " + std::generic_category().message(errno)};
}

std::int64_t wall_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Descriptor opened(const std::string& path, int flags) {
  Descriptor file(::open(path.c_str(), flags | O_CLOEXEC, 0640));
  check(file.is_open(), path);
  return file;
}

void write_to(const Descriptor& file, std::string_view bytes, const std::string& path) {
  if (const std::error_code error = write_all(file.get(), bytes)) throw DiskError{path + ": " + error.message()};
}

class FileSink final : public Sink {
 public:
  FileSink(FileOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs)
      : options_(std::move(options)),
        identity_(std::move(identity)),
        encoding_(*find_row_encoding(options_.encoding)),
        encoder_(encoding_.make(std::move(inputs))) {}

  Outcome open() override;
  Outcome deliver(const RowBatch& batch) override;
  LastEpoch last_epoch() override;
  void close() noexcept override {
    part_ = Descriptor();
    lock_ = Descriptor();
  }
  void interrupt() noexcept override {}  // no call waits for anything but the disk

 private:
  std::string path(std::string_view name) const { return options_.folder + '/' + std::string(name); }
  std::string position_path() const { return path(identity_.sink + ".position"); }

  Outcome attempt(void (FileSink::*step)(const RowBatch*), const RowBatch* batch);
  void claim(const RowBatch*);
  void store(const RowBatch* batch);
  void read_position();
  bool is_ours(const FilePosition& position) const noexcept;
  void take_up_part();
  std::string notice() const;
  void begin_part(EpochId first);
  void finish_part();
  bool is_due() const;
  void write_position(const FilePosition& position);
  void remove_oldest() const;

  const FileOptions options_;
  const SinkIdentity identity_;
  const RowEncoding& encoding_;
  const std::unique_ptr<RowEncoder> encoder_;
  Descriptor lock_;
  Descriptor part_;
  FilePosition position_;
  std::string bytes_;   // of one batch; kept for its buffer
  std::string notice_;  // of the last claim
};

Outcome FileSink::open() {
  Outcome outcome = attempt(&FileSink::claim, nullptr);
  if (auto* const delivered = std::get_if<Delivered>(&outcome)) delivered->notice = notice_;
  return outcome;
}

Outcome FileSink::deliver(const RowBatch& batch) {
  return attempt(&FileSink::store, &batch);
}

Outcome FileSink::attempt(void (FileSink::*step)(const RowBatch*), const RowBatch* batch) {
  try {
    (this->*step)(batch);
    return Delivered{};
  } catch (const DiskError& error) {
    if (batch == nullptr) return once_somebody_acts(error.reason, repaired_after);
    return RetryAfter{Duration(), error.reason};
  } catch (const fs::filesystem_error& error) {
    return once_somebody_acts(error.path1().string() + ": " + error.code().message(), repaired_after);
  } catch (const std::ios_base::failure& error) {
    return once_somebody_acts(options_.folder + ": " + error.what(), repaired_after);
  }
}

void FileSink::claim(const RowBatch*) {
  fs::create_directories(options_.folder);
  const std::string lock = path(identity_.sink + ".lock");
  lock_ = opened(lock, O_RDWR | O_CREAT);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) throw DiskError{lock + ": another process writes to this folder"};
  read_position();
  notice_ = position_.epoch == EpochId{} || is_ours(position_) ? std::string() : notice();
  take_up_part();
}

// The position was written last with the rows that it confirms.
std::string FileSink::notice() const {
  struct stat position {};
  check(::stat(position_path().c_str(), &position) == 0, position_path());
  const Timestamp until = Timestamp() + Duration::seconds(position.st_mtim.tv_sec + 1);
  std::optional<Timestamp> from = identity_.history == nullptr ? std::nullopt : identity_.history->end();
  if (from) from = std::min(*from, until);
  return "rows that were final " + (from ? "from " + to_rfc3339(*from) + " until " : std::string("until ")) +
         to_rfc3339(until) + " may come again in new files, and with fewer readings: " + options_.folder +
         " holds rows that this state directory never made; it is an older copy, damaged or new, or another instance "
         "has written. Of two rows with one window, series and start in files " +
         identity_.sink + "-STATE-RUN-*, the one with more readings counts";
}

void FileSink::read_position() {
  std::ifstream file(position_path(), std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::optional<FilePosition> read = parse_file_position(text);
  if (!read && fs::exists(position_path())) throw DiskError{position_path() + ": is not a position; move it away"};
  position_ = read.value_or(FilePosition{});
}

// Of this state directory as it is, not of one that it is an older copy of.
bool FileSink::is_ours(const FilePosition& position) const noexcept {
  if (position.state_id != identity_.state_id) return false;
  return position.epoch == EpochId{} || identity_.history == nullptr || identity_.history->has(position.epoch);
}

// What the part has beyond the position was never confirmed. One of another state directory, or with other columns, is
// not continued.
void FileSink::take_up_part() {
  if (!position_.part.empty() && !fs::exists(path(position_.part))) position_.part.clear();  // renamed before we died
  if (!position_.part.empty()) {
    const std::string file = path(position_.part);
    part_ = opened(file, O_RDWR | O_APPEND);
    check(::ftruncate(part_.get(), static_cast<off_t>(position_.length)) == 0, file);
    const std::string header = encoder_->header();
    std::string begins(header.size(), '\0');
    const bool same = ::pread(part_.get(), begins.data(), begins.size(), 0) == std::ssize(begins) && begins == header &&
                      fs::path(file).stem().extension() == encoding_.extension;
    if (!same || !is_ours(position_)) finish_part();
  }
  if (is_ours(position_)) return;
  position_ = {};
  position_.state_id = identity_.state_id;
}

void FileSink::store(const RowBatch* batch) {
  if (batch->id <= position_.epoch) return;
  if (part_.is_open() && is_due()) finish_part();
  if (!part_.is_open()) begin_part(batch->id);
  bytes_.clear();
  encoder_->append(bytes_, *batch);
  const std::string file = path(position_.part);
  FilePosition next = position_;
  next.epoch = batch->id;
  next.length += bytes_.size();
  try {
    write_to(part_, bytes_, file);
    check(::fdatasync(part_.get()) == 0, file);
    write_position(next);
  } catch (const DiskError&) {
    static_cast<void>(::ftruncate(part_.get(), static_cast<off_t>(position_.length)) == 0);  // else `open` does it
    throw;
  }
  position_ = std::move(next);
}

void FileSink::begin_part(EpochId first) {
  char name[64];
  std::snprintf(name, sizeof name, "-%016llx-%06llu-%012llu", static_cast<unsigned long long>(identity_.state_id),
                static_cast<unsigned long long>(first.run), static_cast<unsigned long long>(first.epoch));
  FilePosition begun = position_;
  begun.part = identity_.sink + name + std::string(encoding_.extension) + std::string(part_suffix);
  begun.created = wall_seconds();
  const std::string header = encoder_->header();
  begun.length = header.size();
  const std::string file = path(begun.part);
  Descriptor part = opened(file, O_RDWR | O_CREAT | O_TRUNC | O_APPEND);
  write_to(part, header, file);
  check(::fdatasync(part.get()) == 0, file);
  write_position(begun);  // which syncs the folder, and so the name of the part
  part_ = std::move(part);
  position_ = std::move(begun);
}

// All of it is confirmed, and so synced.
void FileSink::finish_part() {
  const std::string part = path(position_.part);
  check(::fdatasync(part_.get()) == 0, part);
  check(::rename(part.c_str(), part.substr(0, part.size() - part_suffix.size()).c_str()) == 0, part);
  if (const std::error_code error = sync_folder(options_.folder)) {
    throw DiskError{options_.folder + ": " + error.message()};
  }
  part_ = Descriptor();
  position_.part.clear();
  remove_oldest();
}

bool FileSink::is_due() const {
  const Duration age = Duration::seconds(wall_seconds() - position_.created);
  return position_.length >= options_.max_file_bytes || age >= options_.max_file_age;
}

void FileSink::write_position(const FilePosition& position) {
  const PlacedFile placed = place_file(position_path(), to_text(position));
  if (!placed.error.empty()) throw DiskError{placed.error};
}

void FileSink::remove_oldest() const {
  std::vector<std::pair<fs::file_time_type, fs::path>> finished;
  for (const fs::directory_entry& entry : fs::directory_iterator(options_.folder)) {
    const std::string name = entry.path().filename().string();
    const bool ours = name.starts_with(identity_.sink + '-') && entry.path().extension() == encoding_.extension;
    if (ours) finished.emplace_back(entry.last_write_time(), entry.path());
  }
  if (finished.size() <= options_.max_files) return;
  std::sort(finished.begin(), finished.end());
  for (std::size_t i = 0; i < finished.size() - options_.max_files; ++i) fs::remove(finished[i].second);
}

LastEpoch FileSink::last_epoch() {
  return position_.epoch == EpochId{} ? std::nullopt : std::optional(position_.epoch);
}

}  // namespace

std::unique_ptr<Sink> make_file_sink(FileOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs) {
  return std::make_unique<FileSink>(std::move(options), std::move(identity), std::move(inputs));
}

}  // namespace edgetide
