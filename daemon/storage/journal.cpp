#include "daemon/storage/journal.h"

namespace edgetide {

namespace {
constexpr Duration retry_after = Duration::seconds(1);
}

LogPlace journal_place(const std::string& state_directory) {
  return {state_directory + "/journal", "journal"};
}

Journal::Journal(FileSystem& files, const std::string& state_directory, JournalOptions options, std::uint64_t run,
                 const std::vector<Segment>& existing, std::uint64_t next_record)
    : place_(journal_place(state_directory)),
      options_(options),
      log_(files,
           {.place = place_,
            .kind = LogKind::journal,
            .incarnation = run,
            .segment_bytes = segment_bytes,
            .preallocate = true,
            .keep_unsynced = true},
           existing, next_record) {}

bool Journal::ready(Duration running) const noexcept {
  if (!trouble_.empty()) return running >= try_again_at_;
  return !full() && log_.unsynced_bytes() < unsynced_bytes_max;
}

bool Journal::full() const noexcept {
  return log_.disk_bytes() + log_.buffered_bytes() >= options_.bytes_max;
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
  trouble_.clear();
  return true;
}

// A sync that failed says nothing of what is on disk, and a later one would not either: all that it was to make safe is
// written again, into another file.
void Journal::synced(const PendingSync& sync, std::error_code error, Duration running) {
  if (!error) return log_.synced(sync);
  if (const std::error_code again = log_.rewrite()) error = again;
  fail(error, running);
}

void Journal::fail(std::error_code error, Duration running) {
  trouble_ = place_.folder + ": " + error.message();
  try_again_at_ = running + retry_after;
}

std::uint64_t Journal::begin_anew() noexcept {
  encoder_.forget_moment();
  return log_.next_number();
}

void Journal::cut(std::uint64_t record, Duration running) {
  while (log_.segments().size() > 1 && log_.segments()[1].first_record <= record) {
    if (const std::error_code error = log_.remove_oldest()) return fail(error, running);
  }
}

}  // namespace edgetide
