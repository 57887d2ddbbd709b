#include "daemon/courier.h"

#include <algorithm>
#include <pthread.h>
#include <utility>
#include <variant>

#include "daemon/log.h"
#include "sinks/retry.h"

namespace edgetide {

namespace {

constexpr std::chrono::milliseconds pause_while_stopping_max{500};

template <typename... Visitors>
struct overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
overloaded(Visitors...) -> overloaded<Visitors...>;

}  // namespace

Courier::Courier(std::string name, std::unique_ptr<Sink> sink, OutboxOptions outbox, std::function<void()> on_room)
    : name_(std::move(name)), sink_(std::move(sink)), on_room_(std::move(on_room)), outbox_(outbox) {}

Courier::~Courier() {
  if (!thread_.joinable()) return;
  finish(std::chrono::steady_clock::now());
  join();
}

void Courier::start() {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), ("sink-" + name_).substr(0, 15).c_str());
}

void Courier::push(RowBatch batch) {
  const std::lock_guard lock(mutex_);
  outbox_.push(std::move(batch));
  full_ = outbox_.full();
  changed_.notify_all();
}

CourierStatus Courier::status() const {
  const std::lock_guard lock(mutex_);
  CourierStatus status = status_;
  status.dropped_rows = outbox_.dropped_rows();
  status.undelivered_rows += outbox_.rows();
  return status;
}

void Courier::finish(std::chrono::steady_clock::time_point deadline) {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  deadline_ = deadline;
  changed_.notify_all();
}

void Courier::join() {
  if (!thread_.joinable()) return;
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, deadline_, [&] { return ended_; })) sink_->interrupt();
  }
  thread_.join();
}

void Courier::run() noexcept {
  while (wait_for_work()) attempt();
  sink_->close();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

// True when there is something to do now: the sink is not open, or a batch is in hand.
bool Courier::wait_for_work() {
  bool room = false;
  {
    std::unique_lock lock(mutex_);
    if (open_ || gave_up_) {
      changed_.wait(lock, [&] { return stopping_ || (!gave_up_ && (in_hand_ || !outbox_.empty())); });
    }
    const bool nothing_left = !in_hand_ && outbox_.empty();
    if (stopping_ && (gave_up_ || nothing_left || std::chrono::steady_clock::now() >= deadline_)) return false;
    if (open_ && !in_hand_) {
      in_hand_ = outbox_.take();
      status_.undelivered_rows = in_hand_->row_count();
      room = full_.exchange(outbox_.full()) && !full_;
    }
  }
  if (room) on_room_();
  return true;
}

void Courier::attempt() {
  settle(try_sink());
}

Outcome Courier::try_sink() {
  if (!open_) return sink_->open();
  if (in_doubt_) {
    auto answer = sink_->last_epoch();
    if (auto* const later = std::get_if<RetryAfter>(&answer)) return *later;
    in_doubt_ = false;
    if (std::get<0>(answer).value_or(EpochId{}) >= in_hand_->id) return Delivered{};
  }
  return sink_->deliver(*in_hand_);
}

void Courier::settle(const Outcome& outcome) {
  std::visit(overloaded{
                 [&](const Delivered& delivered) { succeeded(delivered); },
                 [&](const RetryAfter& retry) { failed(retry.reason, retry.at_least); },
                 [&](const InDoubt& doubt) {
                   in_doubt_ = true;
                   failed(doubt.reason, Duration());
                 },
                 [&](const Stopped& stopped) { gave_up(stopped.reason); },
             },
             outcome);
}

void Courier::succeeded(const Delivered& delivered) {
  for (const RejectedRow& row : delivered.rejected) {
    log(LogLevel::warning, "sink " + name_ + ": row of " + row.window + " for " + printable(row.sensor) + "/" +
                               printable(row.metric) + " rejected: " + printable(row.reason));
  }
  failures_ = 0;
  const std::lock_guard lock(mutex_);
  if (!open_) {
    open_ = true;
    status_.connected = true;
    status_.trouble.clear();
    log(LogLevel::info, "sink " + name_ + ": ready");
    return;
  }
  status_.delivered_rows += in_hand_->row_count() - delivered.rejected.size();
  status_.rejected_rows += delivered.rejected.size();
  status_.undelivered_rows = 0;
  in_hand_.reset();
}

void Courier::failed(const std::string& reason, Duration at_least) {
  sink_->close();
  open_ = false;
  {
    const std::lock_guard lock(mutex_);
    if (status_.trouble != reason) {
      log(LogLevel::warning, "sink " + name_ + ": will try again: " + printable(reason));
    }
    status_.connected = false;
    status_.trouble = reason;
  }
  const double random = std::uniform_real_distribution<double>(0, 1)(random_);
  pause(std::max(at_least, backoff_delay(failures_++, random)));
}

void Courier::gave_up(const std::string& reason) {
  sink_->close();
  open_ = false;
  gave_up_ = true;
  log(LogLevel::error, "sink " + name_ + ": stopped: " + printable(reason));
  const std::lock_guard lock(mutex_);
  status_.connected = false;
  status_.trouble = reason;
}

void Courier::pause(Duration delay) {
  std::unique_lock lock(mutex_);
  const std::chrono::microseconds wanted(delay.count());
  if (!stopping_) {
    changed_.wait_for(lock, wanted, [&] { return stopping_; });
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  const auto until =
      std::min(deadline_, now + std::min<std::chrono::steady_clock::duration>(wanted, pause_while_stopping_max));
  changed_.wait_until(lock, until, [] { return false; });
}

}  // namespace edgetide
