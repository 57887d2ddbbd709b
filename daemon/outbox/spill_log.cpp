#include "daemon/outbox/spill_log.h"

#include <algorithm>
#include <utility>

#include "daemon/service/log.h"
#include "daemon/storage/numbered_name.h"

namespace edgetide {

namespace {

constexpr std::string_view removed_suffix = ".removed";
constexpr int read_tries = 3;  // before what a disk cannot read counts as lost

// Why a log could not be read in part; empty if the disk gave all it had.
std::string error_of(const LogReport& report) {
  for (const LogDamage& damage : report.damage) {
    if (damage.error) return damage.path + ": " + damage.error.message();
  }
  return {};
}

EpochId before(EpochId id) noexcept {
  return {id.run, id.epoch - std::min<std::uint64_t>(id.epoch, 1)};
}

// Which of the records that wait are not there. What is behind them, the journal brings again.
class LossCount {
 public:
  LossCount(std::uint64_t first, std::uint64_t end) : next_(first), end_(end) {}

  void found(std::uint64_t record, const RowBatchHead& head) {
    note_gap(record, before(head.epochs.first));
    if (record >= next_ && record < end_) rows_found_ += head.rows;
    next_ = std::max(next_, record + 1);
    newest_ = head.epochs.last;
  }
  SpillLoss at_end(std::uint64_t end, const SpillExtent& known) {
    note_gap(end, known.last);
    if (loss_.records > 0) loss_.rows = known.rows - std::min(known.rows, rows_found_);
    return loss_;
  }

 private:
  void note_gap(std::uint64_t to, EpochId last) {
    to = std::min(to, end_);
    if (to <= next_) return;
    if (loss_.records == 0) loss_.after = newest_;
    loss_.records += to - next_;
    loss_.last = last;
  }

  std::uint64_t next_;
  const std::uint64_t end_;
  std::uint64_t rows_found_ = 0;
  EpochId newest_;
  SpillLoss loss_;
};

}  // namespace

LogLocation spill_location(const std::string& state_directory, const std::string& sink) {
  return {state_directory + "/outbox", sink};
}

std::variant<Recovered, LogRefusal> SpillLog::recover(const SpillExtent& known, std::uint64_t run) {
  bool failed = false;
  auto found = read_all(known, run, failed);
  for (int tries = 1; failed && tries < read_tries; ++tries) found = read_all(known, run, failed);
  return found;
}

// Records of removed segments were delivered, not lost: a segment goes when all of its records were. Where it is not
// known how far the log went, the oldest that is there is taken for the first.
std::variant<Recovered, LogRefusal> SpillLog::read_all(const SpillExtent& known, std::uint64_t run, bool& failed) {
  std::vector<std::string> foreign;
  FileResult<std::vector<Segment>> listed = list_segments(files_, location_);
  if (listed.error && set_aside_other_kinds(files_, location_, foreign)) listed = list_segments(files_, location_);
  if (!listed.error) listed.error = find_removed();
  failed = static_cast<bool>(listed.error);
  if (failed) return LogRefusal{LogRefusal::Reason::disk, location_.folder + ": " + listed.error.message()};
  const bool end_known = known.next_record != 0;
  const std::uint64_t oldest = end_known || listed.value.empty() ? 0 : listed.value.front().first_record;
  const std::uint64_t first = std::max({known.first_record, removed_before_, oldest});
  auto opened = open_own_log(files_, location_, LogKind::outbox, first, foreign);
  for (const std::string& report : foreign) {
    log(LogLevel::error, {.event = LogEvent::disk_failing, .sink = location_.name}, "outbox: " + report);
  }
  if (auto* const refusal = std::get_if<LogRefusal>(&opened)) {
    failed = refusal->reason == LogRefusal::Reason::disk;
    return std::move(*refusal);
  }
  RecordLogReader& reader = std::get<RecordLogReader>(opened);
  Recovered recovered;
  LossCount lost(std::max<std::uint64_t>(first, 1), end_known ? known.next_record : RecordLogReader::at_end);
  while (const std::optional<Record> record = reader.next()) {
    if (!is_row_batch(record->type)) return newer(*record);
    const auto head = decode_row_batch_head(record->payload);
    if (!head) continue;
    recovered.batches.push_back({*head, record->number, record_head_bytes + record->payload.size()});
    lost.found(record->number, *head);
  }
  recovered.lost = lost.at_end(end_known ? known.next_record : reader.next_number(), known);
  failed = !error_of(reader.report()).empty();
  // Only for tidiness: the next record goes into a new segment.
  static_cast<void>(reader.cut_torn_tail());
  const RecordLogOptions options{
      .location = location_, .kind = LogKind::outbox, .incarnation = run, .segment_bytes = segment_bytes_};
  log_.emplace(files_, options, reader.segments(), std::max({reader.next_number(), first, std::uint64_t{1}}));
  return recovered;
}

std::error_code SpillLog::find_removed() {
  const FileResult<std::vector<std::string>> names = files_.list(location_.folder);
  if (names.error == std::errc::no_such_file_or_directory) return {};
  for (const std::string& name : names.value) {
    const auto before = parse_numbered_name(location_.name, name, removed_suffix);
    if (!before) continue;
    const std::uint64_t older = std::min(*before, removed_before_);
    removed_before_ = std::max(*before, removed_before_);
    if (older != 0 && older != removed_before_) static_cast<void>(files_.remove(removed_path(older)));  // tidiness
  }
  return names.error;
}

std::string SpillLog::removed_path(std::uint64_t before) const {
  return location_.folder + '/' + numbered_name(location_.name, before, removed_suffix);
}

LogRefusal SpillLog::newer(const Record& record) const {
  return {LogRefusal::Reason::newer, location_.folder + ": record " + std::to_string(record.number) + " of sink " +
                                         location_.name +
                                         " is of a kind that this edgetide does not know: use a newer one"};
}

std::uint64_t SpillLog::add(EpochId first, const RowBatch& batch, const std::vector<WindowSchema>& inputs) {
  const std::size_t before = log_->buffered_bytes();
  if (before == 0) first_added_ = log_->next_number();
  encode(first, batch, inputs, log_->begin(type_of(batch)));
  log_->end();
  return log_->buffered_bytes() - before;
}

// What a failed sync leaves is not to be believed, not even after a later one that succeeds.
FileResult<std::uint64_t> SpillLog::commit() {
  std::error_code error = make_folder();
  if (!error) error = log_->flush();
  if (error) {
    log_->discard();
    return {0, error};
  }
  error = log_->sync();
  if (error) log_->abandon_to(first_added_);
  return {first_added_, error};
}

std::error_code SpillLog::make_folder() {
  if (folder_made_) return {};
  if (const std::error_code error = files_.make_folder(location_.folder)) return error;
  const std::string parent = location_.folder.substr(0, location_.folder.rfind('/'));
  const std::error_code error = files_.sync_folder(parent);
  folder_made_ = !error;
  return error;
}

std::error_code SpillLog::remove_before(std::uint64_t record) {
  const std::uint64_t before = removed_before_;
  while (log_->oldest_ends_before(record)) {
    if (const std::error_code error = remove_oldest()) return error;
  }
  if (removed_before_ == before) return {};
  // Emptied once the new name is safe: a segment that is empty under its own name would be a loss.
  if (const std::error_code error = files_.sync_folder(location_.folder)) return error;
  const auto removed = files_.open(removed_path(removed_before_), FileAccess::update);
  return removed.error ? removed.error : removed.value->truncate(0);
}

// By a name, at once: it needs no room on a full disk, and a crash leaves either the segment or the sign that it is
// removed.
std::error_code SpillLog::remove_oldest() {
  const std::uint64_t next = log_->segments()[1].first_record;
  const std::string segment = location_.path_of(log_->segments().front().first_record);
  const std::error_code error = files_.rename(segment, removed_path(next));
  if (error && error != std::errc::no_such_file_or_directory) return error;
  if (const std::error_code removal = log_->remove_oldest()) return removal;
  if (error) return {};  // somebody else has removed it
  const std::uint64_t former = std::exchange(removed_before_, next);
  if (former != 0) static_cast<void>(files_.remove(removed_path(former)));  // or the next start does
  return {};
}

SpillReader::Answer SpillReader::read(std::uint64_t record, EpochRange epochs,
                                      const std::vector<WindowSchema>& inputs) {
  if (log_ && record == next_) {
    if (Answer answer = find(record, epochs, inputs); answer.batch) return answer;
  }
  // What is open shows the log as it was then: the record may have been written since, or written again elsewhere.
  if (std::string error = open(record); !error.empty()) return {std::nullopt, std::move(error)};
  Answer answer = find(record, epochs, inputs);
  if (!answer.batch) log_.reset();
  return answer;
}

std::string SpillReader::open(std::uint64_t record) {
  log_ = std::make_unique<RecordLogReader>(files_, location_, LogKind::outbox);
  const std::optional<LogRefusal> refusal = log_->open(record);
  if (!refusal) return {};
  log_.reset();
  return refusal->text;
}

SpillReader::Answer SpillReader::find(std::uint64_t record, EpochRange epochs,
                                      const std::vector<WindowSchema>& inputs) {
  const std::optional<Record> found = log_->next();
  next_ = record + 1;
  if (found && found->number == record && is_row_batch(found->type)) {
    auto decoded = decode_row_batch(found->payload, inputs, found->type);
    if (decoded && decoded->epochs == epochs) return {std::move(decoded), {}};
  }
  return {std::nullopt, error_of(log_->report())};
}

}  // namespace edgetide
