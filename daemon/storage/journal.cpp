#include "daemon/storage/journal.h"

#include <algorithm>

#include "daemon/storage/set_aside.h"

namespace edgetide {

namespace {

constexpr Duration pause_after_failure = Duration::seconds(1);
constexpr std::size_t least_segment_bytes = 256 * 1024, most_segment_bytes = 4 * 1024 * 1024, segments_wanted = 16;

}  // namespace

LogLocation journal_location(const std::string& state_directory) {
  return {state_directory + "/journal", "journal"};
}

std::size_t Journal::segment_bytes(const JournalOptions& options) noexcept {
  return std::clamp(options.max_bytes / segments_wanted, least_segment_bytes, most_segment_bytes);
}

Journal::Journal(FileSystem& files, const std::string& state_directory, JournalOptions options, std::uint64_t run,
                 const Found& found)
    : files_(files),
      location_(journal_location(state_directory)),
      options_(options),
      log_(files,
           {.location = location_,
            .kind = LogKind::journal,
            .incarnation = run,
            .segment_bytes = segment_bytes(options),
            .preallocate = true,
            .names_next = true,
            .keep_unsynced = true},
           found.segments, found.next_record),
      damaged_(found.damaged) {}

// A disk that fails makes intake wait, not acknowledge what could be lost (DURABILITY.md, "a write or a sync fails").
bool Journal::ready(Duration running) const noexcept {
  if (!error_.empty()) return running >= try_again_at_;
  return !full() && log_.unsynced_bytes() < max_unsynced_bytes;
}

bool Journal::full() const noexcept {
  return log_.disk_bytes() + log_.buffered_bytes() >= options_.max_bytes;
}

void Journal::discard_to(RecordLogWriter::Mark mark) noexcept {
  log_.discard_to(mark);
  encoder_.forget_moment();
}

bool Journal::commit(Duration running) {
  const std::size_t bytes = log_.buffered_bytes();
  if (const std::error_code error = log_.flush()) {
    fail(error, running);
    return false;
  }
  written_bytes_ += bytes;
  error_.clear();
  return true;
}

// A sync that failed says nothing of what is on disk, and a later one would not either: all that it was to make safe is
// written again, into another file (DURABILITY.md, "a sync fails").
void Journal::synced(const PendingSync& sync, std::error_code error, Duration running) {
  if (!error) return log_.synced(sync);
  if (const std::error_code again = log_.rewrite()) error = again;
  fail(error, running);
}

void Journal::fail(std::error_code error, Duration running) {
  error_ = location_.folder + ": " + error.message();
  try_again_at_ = running + pause_after_failure;
}

Journal::Start Journal::begin_checkpoint() noexcept {
  encoder_.anchor_next();
  written_at_checkpoint_ = written_bytes_;
  return {log_.next_number(), encoder_.context()};
}

void Journal::cut(std::uint64_t record, Duration running) {
  while (log_.oldest_ends_before(record)) {
    const std::string path = location_.path_of(log_.segments()[0].first_record);
    // A damaged segment is kept for a person to look at (DURABILITY.md, "damage in the middle of a file").
    std::error_code error;
    if (std::erase(damaged_, path) > 0) error = set_aside(files_, path);
    if (!error) error = log_.remove_oldest();
    if (error) return fail(error, running);
  }
}

}  // namespace edgetide
