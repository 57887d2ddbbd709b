#include "daemon/storage/quarantine.h"

#include <algorithm>
#include <utility>

#include "daemon/storage/quarantine_record.h"
#include "daemon/storage/record_log_reader.h"
#include "pipeline/bytes.h"

namespace edgetide {

namespace {

constexpr Duration rest_after_failure = Duration::minutes(1);
constexpr std::size_t segments_wanted = 16;  // the oldest is removed to make room
constexpr std::size_t slack_bytes = 8192;    // for partly filled blocks
constexpr std::int64_t second = Duration::seconds(1).count();

}  // namespace

LogLocation quarantine_location(const std::string& state_directory) {
  return {state_directory + "/quarantine", "quarantine"};
}

Quarantine::Quarantine(FileSystem& files, const std::string& state_directory, QuarantineOptions options)
    : files_(files),
      location_(quarantine_location(state_directory)),
      options_(options),
      allowance_(static_cast<std::int64_t>(options.write_bytes_per_second) * second),
      messages_(options.messages_at_once, options.message_every) {}

void Quarantine::keep(std::span<const Quarantined> readings, std::string_view source, Moment arrival,
                      const SeriesTable& series) {
  if (readings.empty()) return;
  if (!is_open(arrival)) {
    counters_.failed += readings.size();
    return;
  }
  allow(arrival.running);
  std::uint64_t written = 0;
  for (const Quarantined& aside : readings) {
    if (allowance_ <= 0) break;
    const std::size_t before = log_->buffered_bytes();
    encode(aside, source, arrival.wall, series[aside.reading.series], log_->begin(quarantined_reading_type));
    log_->end();
    allowance_ -= static_cast<std::int64_t>(log_->buffered_bytes() - before) * second;
    ++written;
  }
  counters_.over_rate += readings.size() - written;
  (write(written, arrival.running) ? counters_.kept : counters_.failed) += written;
}

void Quarantine::keep(std::span<const RefusedMessage> messages, std::string_view source,
                      std::optional<Timestamp> arrival, Moment now) {
  if (messages.empty()) return;
  if (!is_open(now)) {
    counters_.messages_failed += messages.size();
    return;
  }
  allow(now.running);
  std::uint64_t written = 0;
  for (const RefusedMessage& message : messages) {
    if (allowance_ <= 0 || !messages_.take(source, now.running)) break;
    const std::size_t before = log_->buffered_bytes();
    encode(message, source, arrival, log_->begin(quarantined_message_type));
    log_->end();
    allowance_ -= static_cast<std::int64_t>(log_->buffered_bytes() - before) * second;
    ++written;
  }
  counters_.messages_over_rate += messages.size() - written;
  (write(written, now.running) ? counters_.messages_kept : counters_.messages_failed) += written;
}

// If it cannot be written, `apply` finds that they were added, and says it here again.
void Quarantine::settle(const NumberRanges& numbers, Moment now) {
  if (numbers.empty() || !is_open(now)) return;
  ByteWriter payload(log_->begin(settled_readings_type));
  numbers.save(payload);
  log_->end();
  std::error_code error = make_room();
  if (!error) error = log_->flush();
  if (!error) return;
  log_.reset();
  fail(location_.folder + ": " + error.message(), now.running);
}

bool Quarantine::is_open(Moment now) {
  if (try_again_at_ && now.running < *try_again_at_) return false;
  try_again_at_.reset();
  if (log_) return true;
  if (std::string error = open(now); !error.empty()) fail(std::move(error), now.running);
  return log_.has_value();
}

// Continues after the existing records. The folder is created for the first record.
std::string Quarantine::open(Moment now) {
  if (const std::error_code error = files_.make_folder(location_.folder))
    return location_.folder + ": " + error.message();
  std::vector<std::string> set_aside;  // not told: they were no readings
  auto opened = open_own_log(files_, location_, LogKind::quarantine, RecordLogReader::at_end, set_aside);
  if (const auto* const refusal = std::get_if<LogRefusal>(&opened)) return refusal->text;
  RecordLogReader& reader = std::get<RecordLogReader>(opened);
  while (reader.next()) {
  }
  if (const std::error_code error = reader.cut_torn_tail()) return reader.report().torn_path + ": " + error.message();
  const RecordLogOptions options{.location = location_,
                                 .kind = LogKind::quarantine,
                                 .incarnation = static_cast<std::uint64_t>(now.wall.count()),
                                 .segment_bytes = options_.max_bytes / segments_wanted};
  log_.emplace(files_, options, reader.segments(), std::max(reader.next_number(), least_number_));
  return {};
}

// A token bucket that holds one second's worth.
void Quarantine::allow(Duration now) noexcept {
  const auto rate = static_cast<std::int64_t>(options_.write_bytes_per_second);
  const std::int64_t elapsed = std::clamp<std::int64_t>((now - allowed_at_).count(), 0, 2 * second);
  allowed_at_ = now;
  allowance_ = std::min(rate * second, allowance_ + elapsed * rate);
}

// False: they are lost.
bool Quarantine::write(std::uint64_t records, Duration now) {
  if (records == 0) return true;
  std::error_code error = make_room();
  if (!error) error = log_->flush();
  if (error) {
    log_.reset();  // and its buffer; the next write opens the log again
    fail(location_.folder + ": " + error.message(), now);
    return false;
  }
  counters_.error.clear();
  return true;
}

std::error_code Quarantine::make_room() {
  while (log_->segments().size() > 1 &&
         log_->disk_bytes() + log_->buffered_bytes() + slack_bytes > options_.max_bytes) {
    const std::uint64_t oldest = log_->segments()[0].first_record;
    const std::uint64_t next = log_->segments()[1].first_record;
    if (const std::error_code error = log_->remove_oldest()) return error;
    counters_.removed += next - oldest;
  }
  return {};
}

void Quarantine::fail(std::string error, Duration now) {
  counters_.error = std::move(error);
  try_again_at_ = now + rest_after_failure;
}

void Quarantine::sync() {
  if (!log_) return;
  if (const std::error_code error = log_->sync()) counters_.error = location_.folder + ": " + error.message();
}

}  // namespace edgetide
