#include "daemon/outbox/delivery.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "daemon/service/log.h"
#include "sinks/retry.h"

namespace edgetide {

namespace {

constexpr std::size_t max_rejected_logged = 10;  // of one delivery

}  // namespace

Delivery::Delivery(std::string name, std::unique_ptr<Sink> sink, Outbox& outbox, std::uint32_t seed)
    : name_(std::move(name)), sink_(std::move(sink)), outbox_(outbox), random_(seed) {}

std::optional<Duration> Delivery::step() {
  if (stopped_) return std::nullopt;
  return open_ ? deliver() : open();
}

std::optional<Duration> Delivery::open() {
  const Outcome outcome = sink_->open();
  if (!std::holds_alternative<Delivered>(outcome)) return failed(outcome);
  const LastEpoch answer = sink_->last_epoch();
  if (const auto* later = std::get_if<RetryAfter>(&answer)) return failed(*later);
  if (const auto* stopped = std::get_if<Stopped>(&answer)) return failed(*stopped);
  if (const std::optional<EpochId> stored = std::get<0>(answer)) {
    if (in_hand_ && in_hand_->id <= *stored) count_delivered({});
    outbox_.stored_through(*stored);
  }
  open_ = true;
  if (!in_hand_) failures_ = 0;  // else what failed is tried again first
  note_open();
  return Duration();
}

std::optional<Duration> Delivery::deliver() {
  if (!in_hand_) {
    Outbox::Taken taken = outbox_.take();
    if (!taken.error.empty()) return try_again(taken.error, Duration());
    in_hand_ = std::move(taken.batch);
    if (!in_hand_) return std::nullopt;
  }
  const auto began = std::chrono::steady_clock::now();
  const Outcome outcome = sink_->deliver(*in_hand_);
  count_write(std::chrono::steady_clock::now() - began);
  const auto* const delivered = std::get_if<Delivered>(&outcome);
  if (delivered == nullptr) return failed(outcome);
  failures_ = 0;
  const EpochId id = in_hand_->id;
  count_delivered(*delivered);
  outbox_.stored_through(id);
  return Duration();
}

void Delivery::count_write(std::chrono::steady_clock::duration took) {
  const MutexLock lock(mutex_);
  status_.writes.add(Duration::microseconds(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

void Delivery::log_rejected(const std::vector<RejectedRow>& rows) const {
  for (std::size_t i = 0; i < std::min(rows.size(), max_rejected_logged); ++i) {
    const RejectedRow& row = rows[i];
    const std::string sensor = printable(row.sensor);
    log(LogLevel::warning, {.event = LogEvent::rows_rejected, .sink = name_, .window = row.window, .sensor = sensor},
        "row of " + row.window + " for " + sensor + "/" + printable(row.metric) +
            " rejected: " + printable(row.reason));
  }
  if (rows.size() <= max_rejected_logged) return;
  log(LogLevel::warning, {.event = LogEvent::rows_rejected, .sink = name_},
      std::to_string(rows.size() - max_rejected_logged) + " more rows of this delivery rejected");
}

void Delivery::count_delivered(const Delivered& delivered) {
  log_rejected(delivered.rejected);
  const MutexLock lock(mutex_);
  status_.delivered_rows += in_hand_->row_count() - delivered.rejected.size();
  status_.rejected_rows += delivered.rejected.size();
  status_.error.clear();
  in_hand_.reset();
}

std::optional<Duration> Delivery::failed(const Outcome& outcome) {
  close();
  if (const auto* const stopped = std::get_if<Stopped>(&outcome)) {
    stopped_ = true;
    log(LogLevel::error, {.event = LogEvent::sink_stopped, .sink = name_}, "stopped: " + printable(stopped->reason));
    note_error(stopped->reason);
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
  return try_again(retry.reason, retry.at_least);
}

std::optional<Duration> Delivery::try_again(const std::string& reason, Duration at_least) {
  if (note_error(reason)) {
    log(LogLevel::warning, {.event = LogEvent::sink_failing, .sink = name_}, "will try again: " + printable(reason));
  }
  const double random = std::uniform_real_distribution<double>(0, 1)(random_);
  return std::max(at_least, backoff_delay(failures_++, random));
}

void Delivery::close() noexcept {
  sink_->close();
  open_ = false;
}

void Delivery::note_open() {
  log(LogLevel::info, {.event = LogEvent::sink_ready, .sink = name_}, "ready");
  const MutexLock lock(mutex_);
  status_.connected = true;
  status_.error.clear();
}

// True if it is not the error that was there before.
bool Delivery::note_error(const std::string& reason) {
  const MutexLock lock(mutex_);
  status_.connected = open_;
  ++status_.failures;
  return std::exchange(status_.error, reason) != reason;
}

DeliveryStatus Delivery::status() const {
  const MutexLock lock(mutex_);
  return status_;
}

}  // namespace edgetide
