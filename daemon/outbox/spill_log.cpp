#include "daemon/outbox/spill_log.h"

#include <algorithm>
#include <utility>

#include "daemon/service/log.h"

namespace edgetide {

namespace {

constexpr std::uint64_t segment_bytes = 1024 * 1024;
constexpr int read_tries = 3;  // before what a disk cannot read counts as lost

// Why a log could not be read in part; empty if the disk gave all it had.
std::string error_of(const LogReport& report) {
  for (const LogDamage& damage : report.damage) {
    if (damage.error) return damage.path + ": " + damage.error.message();
  }
  return {};
}

}  // namespace

LogLocation spill_location(const std::string& state_directory, const std::string& sink) {
  return {state_directory + "/outbox", sink};
}

std::variant<Recovered, LogRefusal> SpillLog::recover(std::uint64_t first_record, std::uint64_t run) {
  bool failed = false;
  auto found = read_all(first_record, run, failed);
  for (int tries = 1; failed && tries < read_tries; ++tries) found = read_all(first_record, run, failed);
  return found;
}

// Records before the oldest segment were delivered, not lost: a segment goes when all of its records were.
std::variant<Recovered, LogRefusal> SpillLog::read_all(std::uint64_t first_record, std::uint64_t run, bool& failed) {
  const FileResult<std::vector<Segment>> listed = list_segments(files_, location_);
  failed = static_cast<bool>(listed.error);
  if (failed) return LogRefusal{LogRefusal::Reason::disk, location_.folder + ": " + listed.error.message()};
  const std::uint64_t oldest = listed.value.empty() ? 0 : listed.value.front().first_record;
  std::vector<std::string> foreign;
  auto opened = open_own_log(files_, location_, LogKind::outbox, std::max(first_record, oldest), foreign);
  for (const std::string& report : foreign) {
    log(LogLevel::error, {.event = LogEvent::disk_failing, .sink = location_.name}, "outbox: " + report);
  }
  if (auto* const refusal = std::get_if<LogRefusal>(&opened)) {
    failed = refusal->reason == LogRefusal::Reason::disk;
    return std::move(*refusal);
  }
  RecordLogReader& reader = std::get<RecordLogReader>(opened);
  Recovered recovered;
  while (const std::optional<Record> record = reader.next()) {
    if (record->type != row_batch_type) return newer(*record);
    if (const auto head = decode_row_batch_head(record->payload)) {
      recovered.batches.push_back({*head, record->number, record_head_bytes + record->payload.size()});
    } else {
      ++recovered.records_lost;
    }
  }
  recovered.records_lost += reader.report().records_lost;
  failed = !error_of(reader.report()).empty();
  // Only for tidiness: the next record goes into a new segment.
  static_cast<void>(reader.cut_torn_tail());
  const RecordLogOptions options{
      .location = location_, .kind = LogKind::outbox, .incarnation = run, .segment_bytes = segment_bytes};
  log_.emplace(files_, options, reader.segments(), std::max({reader.next_number(), first_record, std::uint64_t{1}}));
  return recovered;
}

LogRefusal SpillLog::newer(const Record& record) const {
  return {LogRefusal::Reason::newer, location_.folder + ": record " + std::to_string(record.number) + " of sink " +
                                         location_.name +
                                         " is of a kind that this edgetide does not know: use a newer one"};
}

std::uint64_t SpillLog::add(EpochId first, const RowBatch& batch, const std::vector<WindowSchema>& inputs) {
  const std::size_t before = log_->buffered_bytes();
  if (before == 0) first_added_ = log_->next_number();
  encode(first, batch, inputs, log_->begin(row_batch_type));
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
  while (log_->oldest_ends_before(record)) {
    if (const std::error_code error = log_->remove_oldest()) return error;
  }
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
  if (found && found->number == record && found->type == row_batch_type) {
    auto decoded = decode_row_batch(found->payload, inputs);
    if (decoded && decoded->epochs == epochs) return {std::move(decoded), {}};
  }
  return {std::nullopt, error_of(log_->report())};
}

}  // namespace edgetide
