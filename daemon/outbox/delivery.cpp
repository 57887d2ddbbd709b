#include "daemon/outbox/delivery.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "daemon/service/backoff.h"
#include "daemon/service/clock.h"
#include "daemon/service/log.h"
#include "pipeline/time_text.h"
#include "sinks/row_slice.h"

namespace edgetide {

namespace {

constexpr std::size_t max_rejected_logged = 10;  // of one delivery
constexpr std::size_t max_reason = 600;          // characters: who, where, and what to do

}  // namespace

Delivery::Delivery(std::string name, std::unique_ptr<Sink> sink, Outbox& outbox, std::uint32_t seed,
                   const OutboxOptions& options)
    : name_(std::move(name)),
      sink_(std::move(sink)),
      outbox_(outbox),
      traits_(outbox.traits()),
      confirmed_(options.redeliver, options.redeliver_max_bytes),
      random_(seed) {
  if (options.max_rate > 0) rate_.emplace(options.max_rate);
}

std::optional<Duration> Delivery::step(Time now) {
  if (take_over_wanted_) take_back();
  if (stopped_) return std::nullopt;
  return open_ ? deliver(now) : open(now);
}

std::optional<Duration> Delivery::look(Time now) {
  if (stopped_ || !open_ || traits_.delivery != DeliveryGuarantee::exactly_once) return step(now);
  const LastEpoch answer = sink_->last_epoch();
  if (const auto* later = std::get_if<RetryAfter>(&answer)) return failed(*later);
  if (const auto* stopped = std::get_if<Stopped>(&answer)) return failed(*stopped);
  return Duration();
}

std::optional<Duration> Delivery::open(Time now) {
  const Outcome outcome = sink_->open();
  const auto* const opened = std::get_if<Delivered>(&outcome);
  if (opened == nullptr) return failed(outcome);
  if (!opened->notice.empty()) {
    log(LogLevel::warning, {.event = LogEvent::store_ahead, .sink = name_}, printable(opened->notice, max_reason));
  }
  const LastEpoch answer = sink_->last_epoch();
  if (const auto* later = std::get_if<RetryAfter>(&answer)) return failed(*later);
  if (const auto* stopped = std::get_if<Stopped>(&answer)) return failed(*stopped);
  note_stored(*opened, std::get<0>(answer), now);
  doubt_.reset();
  open_ = true;
  if (!delivery_fails_) failures_ = 0;  // else what failed is tried again first
  note_open();
  return Duration();
}

void Delivery::note_stored(const Delivered& opened, std::optional<EpochId> stored, Time now) {
  if (stored) {
    if (doubt_ && doubt_->id <= *stored) {
      count_stored(doubt_->row_count(), {});
      if (keeps_confirmed()) confirmed_.add(doubt_, now, wall_time());
      delivery_fails_ = false;
    }
    if (in_hand_ && in_hand_->id <= *stored) count_stored(in_hand_->row_count() - rows_done_, {});
    if (doubt_ || (in_hand_ && in_hand_->id <= *stored)) release_batch();
  }
  // Rows of another instance are no sign that ours are missing.
  const EpochId confirmed = std::max(outbox_.delivered(), confirmed_.newest());
  if (keeps_confirmed() && opened.notice.empty() && stored.value_or(EpochId{}) < confirmed) {
    restore(opened, stored, now);
  }
  if (stored) outbox_.already_stored(*stored);
}

bool Delivery::keeps_confirmed() const noexcept {
  return traits_.kind == SinkKind::table && traits_.delivery == DeliveryGuarantee::exactly_once;
}

// Late readings that were added to a row would count twice in a table that kept that row.
void Delivery::restore(const Delivered& opened, std::optional<EpochId> stored, Time now) {
  const EpochId from = stored.value_or(EpochId{});
  const std::optional<Timestamp> forgotten = confirmed_.forgotten_until(from);
  std::vector<std::shared_ptr<const RowBatch>> again = confirmed_.take_after(from, now);
  if (!stored || opened.tables_are_new) {
    for (auto& batch : again) {
      batch = std::make_shared<const RowBatch>(
          rows_where(*batch, [](const SinkRow& row) { return row.state != RowState::added; }));
    }
  }
  release_batch();
  const std::size_t rows = outbox_.set_back(from, std::move(again));
  confirmed_.set_back(from);
  std::string text = opened.tables_are_new ? "tables of the store are new or empty though it has confirmed rows of them"
                                           : "the store lacks rows that it has confirmed: it was restored or replaced";
  if (opened.stored_at && !opened.tables_are_new) text += "; what it has ends at " + to_rfc3339(*opened.stored_at);
  text += "; " + std::to_string(rows) + " rows that it confirmed lately are delivered again";
  if (forgotten) {
    const bool is_older = opened.stored_at && !opened.tables_are_new;
    text += "; rows that it confirmed " + (is_older ? "from " + to_rfc3339(*opened.stored_at) + " " : std::string()) +
            "until " + to_rfc3339(*forgotten) + " are lost to it, unless somebody restores them";
  }
  log(LogLevel::warning, {.event = LogEvent::store_behind, .sink = name_}, printable(text, max_reason));
  const MutexLock lock(mutex_);
  status_.redelivered_rows += rows;
  status_.set_back = text;
}

std::optional<Duration> Delivery::deliver(Time now) {
  const std::size_t allowed = allowed_rows(now);
  if (!in_hand_) {
    // What waits until then still becomes one with newer rows.
    if (allowed == 0) return outbox_.empty() ? std::nullopt : std::optional(rate_->until_next());
    Outbox::Taken taken = outbox_.take();
    if (!taken.error.empty()) return try_again(taken.error, Duration());
    in_hand_ = std::move(taken.batch);
    if (!in_hand_) return std::nullopt;
  }
  const std::size_t rows = next_rows(allowed);
  if (rows == 0 && rows_done_ < in_hand_->row_count()) return rate_->until_next();
  if (rate_) rate_->take(rows);
  return deliver_rows(rows, now);
}

std::size_t Delivery::allowed_rows(Time now) {
  if (!rate_) return std::numeric_limits<std::size_t>::max();
  const auto running = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
  return rate_->available(Duration::microseconds(running.count()));
}

// How many of the rows that are left go out at once; 0 where the rate allows none at the moment.
std::size_t Delivery::next_rows(std::size_t allowed) const {
  const std::size_t all = in_hand_->row_count();
  if (traits_.delivery == DeliveryGuarantee::exactly_once || all == 0) return allowed > 0 ? all : 0;
  const std::size_t row_bytes = std::max<std::size_t>(1, memory_of(*in_hand_) / all);
  const std::size_t by_bytes = std::max<std::size_t>(1, traits_.max_bytes / row_bytes);
  return std::min({all - rows_done_, traits_.max_rows, by_bytes, allowed});
}

std::optional<Duration> Delivery::deliver_rows(std::size_t rows, Time now) {
  const bool whole = rows == in_hand_->row_count();
  const auto began = std::chrono::steady_clock::now();
  // Two calls: one expression for both would copy the whole batch.
  const Outcome outcome = whole ? sink_->deliver(*in_hand_) : sink_->deliver(slice(*in_hand_, rows_done_, rows));
  count_write(std::chrono::steady_clock::now() - began);
  if (const auto* const delivered = std::get_if<Delivered>(&outcome)) {
    failures_ = 0;
    count_stored(rows, delivered->rejected);
    log_warning(delivered->warning);
  } else if (const auto* const retry = std::get_if<RetryAfter>(&outcome); retry != nullptr && retry->rows_stored > 0) {
    failures_ = 0;  // it gets on
    count_stored(std::min(rows, retry->rows_stored), {});
  }
  if (rows_done_ == in_hand_->row_count() && std::holds_alternative<Delivered>(outcome)) {
    outbox_.stored_through(in_hand_->id);
    if (keeps_confirmed()) confirmed_.add(in_hand_, now, wall_time());
    release_batch();
  }
  delivery_fails_ = !std::holds_alternative<Delivered>(outcome);
  if (!delivery_fails_) {
    say_ready();
    return Duration();
  }
  const bool exactly_once = traits_.delivery == DeliveryGuarantee::exactly_once;
  if (exactly_once && std::holds_alternative<InDoubt>(outcome)) doubt_ = in_hand_;
  // What waits behind it goes with it the next time: the sink can then tell a row that is refused from others.
  if (rows_done_ == 0 && (doubt_ || std::holds_alternative<RetryAfter>(outcome))) release_batch();
  return failed(outcome);
}

void Delivery::count_write(std::chrono::steady_clock::duration took) {
  const MutexLock lock(mutex_);
  status_.writes.add(Duration::microseconds(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

// Once for as long as it holds.
void Delivery::log_warning(const std::string& warning) {
  if (warning == warning_) return;
  warning_ = warning;
  if (warning.empty()) return;
  log(LogLevel::warning, {.event = LogEvent::store_warning, .sink = name_}, printable(warning, max_reason));
}

void Delivery::log_rejected(const std::vector<RejectedRow>& rows) const {
  for (std::size_t i = 0; i < std::min(rows.size(), max_rejected_logged); ++i) {
    const RejectedRow& row = rows[i];
    const std::string sensor = printable(row.sensor);
    log(LogLevel::warning, {.event = LogEvent::rows_rejected, .sink = name_, .window = row.window, .sensor = sensor},
        "row of " + row.window + " for " + sensor + "/" + printable(row.metric) + " from " + to_rfc3339(row.start) +
            " rejected: " + printable(row.reason));
  }
  if (rows.size() <= max_rejected_logged) return;
  log(LogLevel::warning, {.event = LogEvent::rows_rejected, .sink = name_},
      std::to_string(rows.size() - max_rejected_logged) + " more rows of this delivery rejected");
}

void Delivery::count_stored(std::size_t rows, const std::vector<RejectedRow>& rejected) {
  log_rejected(rejected);
  rows_done_ += rows;
  const MutexLock lock(mutex_);
  status_.delivered_rows += rows - rejected.size();
  status_.rejected_rows += rejected.size();
  status_.rows_done = rows_done_;
  status_.error.clear();
  status_.needs_person = false;
}

void Delivery::release_batch() {
  in_hand_.reset();
  rows_done_ = 0;
  const MutexLock lock(mutex_);
  status_.rows_done = 0;
}

std::optional<Duration> Delivery::failed(const Outcome& outcome) {
  said_ready_ = false;
  close();
  outbox_.put_back();
  if (const auto* const stopped = std::get_if<Stopped>(&outcome)) {
    stopped_ = true;
    log(LogLevel::error, {.event = LogEvent::sink_stopped, .sink = name_},
        "stopped: " + printable(stopped->reason, max_reason));
    note_error(stopped->reason, true);
    const MutexLock lock(mutex_);
    status_.taken_over = stopped->taken_over;
    return std::nullopt;
  }
  if (const auto* const doubt = std::get_if<InDoubt>(&outcome)) {
    {
      const MutexLock lock(mutex_);
      ++status_.in_doubt;
    }
    return try_again(doubt->reason, Duration());
  }
  const auto& retry = std::get<RetryAfter>(outcome);
  return try_again(retry.reason, retry.at_least, retry.needs_person);
}

bool Delivery::take_over() {
  const MutexLock lock(mutex_);
  if (status_.taken_over) take_over_wanted_ = true;
  return status_.taken_over;
}

void Delivery::take_back() {
  log(LogLevel::info, {.sink = name_}, "takes the store back");
  sink_->take_over();
  stopped_ = false;
  const MutexLock lock(mutex_);
  status_.taken_over = false;
  take_over_wanted_ = false;
}

std::optional<Duration> Delivery::try_again(const std::string& reason, Duration at_least, bool needs_person) {
  if (note_error(reason, needs_person)) {
    log(LogLevel::warning, {.event = LogEvent::sink_failing, .sink = name_},
        "will try again: " + printable(reason, max_reason));
  }
  const double random = std::uniform_real_distribution<double>(0, 1)(random_);
  return std::max(at_least, backoff_delay(failures_++, random));
}

void Delivery::close() noexcept {
  sink_->close();
  open_ = false;
}

// An open that succeeds shows that the store can be written to, unless it was a delivery that failed.
void Delivery::note_open() {
  if (!delivery_fails_) say_ready();
  const MutexLock lock(mutex_);
  status_.connected = true;
  if (delivery_fails_) return;  // whether it is mended is not known yet
  status_.error.clear();
  status_.needs_person = false;
}

void Delivery::say_ready() {
  if (std::exchange(said_ready_, true)) return;
  log(LogLevel::info, {.event = LogEvent::sink_ready, .sink = name_}, "ready");
}

// True if it is not the error that was there before.
bool Delivery::note_error(const std::string& reason, bool needs_person) {
  const MutexLock lock(mutex_);
  status_.needs_person = needs_person;
  status_.connected = open_;
  ++status_.failures;
  return std::exchange(status_.error, reason) != reason;
}

DeliveryStatus Delivery::status() const {
  const MutexLock lock(mutex_);
  return status_;
}

}  // namespace edgetide
