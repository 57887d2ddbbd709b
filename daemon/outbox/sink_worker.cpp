#include "daemon/outbox/sink_worker.h"

#include <algorithm>
#include <pthread.h>
#include <utility>

namespace edgetide {

namespace {

constexpr std::chrono::milliseconds max_pause_while_stopping{500};
constexpr std::chrono::milliseconds interrupt_again_after{200};
constexpr std::chrono::minutes look_each{1};    // at a store that gets no rows
constexpr std::chrono::seconds look_within{3};  // when somebody asks

}  // namespace

SinkWorker::SinkWorker(const std::string& name, std::unique_ptr<Sink> sink, const SinkTraits& traits,
                       std::vector<WindowSchema> inputs, OutboxOptions options, FileSystem& files,
                       const std::string& state_directory, OutboxEvents events, std::uint32_t seed)
    : name_(name),
      outbox_(options, traits, std::move(inputs), files, spill_location(state_directory, name), std::move(events)),
      delivery_(name, std::move(sink), outbox_, seed, options) {}

SinkWorker::~SinkWorker() {
  if (!thread_.joinable()) return;
  finish(std::chrono::steady_clock::now());
  join();
}

void SinkWorker::adopt(SinkWorker& former) {
  if (outbox_.has_inputs_of(former.outbox_)) delivery_.adopt(former.delivery_);
  outbox_.adopt(former.outbox_);
}

void SinkWorker::start() {
  {
    const MutexLock lock(mutex_);
    if (!outbox_.empty()) waiting_since_ = std::chrono::steady_clock::now();
  }
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), ("sink-" + name_).substr(0, 15).c_str());
}

void SinkWorker::push(RowBatch batch) {
  outbox_.push(std::move(batch));
  const MutexLock lock(mutex_);
  if (!waiting_since_) waiting_since_ = std::chrono::steady_clock::now();
  changed_.notify_all();
}

bool SinkWorker::take_over() {
  bool was_taken = delivery_.take_over();
  MutexLock lock(mutex_);
  if (!was_taken && thread_.joinable() && !ended_) {
    const std::uint64_t before = looks_;
    const auto until = std::chrono::steady_clock::now() + look_within;
    look_due_ = true;
    changed_.notify_all();
    while (looks_ == before && !ended_ && changed_.wait_until(lock, until) == std::cv_status::no_timeout) {
    }
    was_taken = delivery_.take_over();
  }
  changed_.notify_all();
  return was_taken;
}

Duration SinkWorker::waiting_for() const {
  const MutexLock lock(mutex_);
  if (!waiting_since_) return {};
  const auto waited = std::chrono::steady_clock::now() - *waiting_since_;
  return Duration::microseconds(std::chrono::duration_cast<std::chrono::microseconds>(waited).count());
}

SinkWorkerStatus SinkWorker::status() const {
  const DeliveryStatus delivery = delivery_.status();
  const OutboxStatus outbox = outbox_.status();
  return {.connected = delivery.connected,
          .delivered_rows = delivery.delivered_rows,
          .rejected_rows = delivery.rejected_rows,
          .dropped_rows = outbox.dropped_rows,
          .outbox_rows = outbox.waiting_rows - std::min(outbox.waiting_rows, delivery.rows_done),
          .spilled_rows = outbox.spilled_rows,
          .spilled_bytes = outbox.spilled_bytes,
          .memory_bytes = outbox.memory_bytes,
          .full = outbox_.full(),
          .waiting_for = outbox.waiting_rows == 0 ? Duration() : waiting_for(),
          .lost = outbox.lost,
          .failures = delivery.failures,
          .in_doubt = delivery.in_doubt,
          .writes = delivery.writes,
          .error = delivery.error,
          .needs_person = delivery.needs_person,
          .taken_over = delivery.taken_over,
          .redelivered_rows = delivery.redelivered_rows,
          .set_back = delivery.set_back,
          .disk_error = outbox.error};
}

void SinkWorker::finish(std::chrono::steady_clock::time_point deadline) {
  const MutexLock lock(mutex_);
  stopping_ = true;
  deadline_ = deadline;
  changed_.notify_all();
}

void SinkWorker::join() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mutex_);
    while (!ended_ && changed_.wait_until(lock, deadline_) == std::cv_status::no_timeout) {
    }
    // A sink may connect again within one call, to a server that stalls again.
    while (!ended_) {
      delivery_.interrupt();
      changed_.wait_until(lock, std::chrono::steady_clock::now() + interrupt_again_after);
    }
  }
  thread_.join();
}

void SinkWorker::run() noexcept {
  std::optional<Duration> pause = delivery_.step();
  while (wait(pause)) {
    if (take_look()) {
      pause = delivery_.look();
      note_look();
    } else {
      pause = delivery_.step();
    }
  }
  delivery_.close();
  const MutexLock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

bool SinkWorker::take_look() {
  const MutexLock lock(mutex_);
  return std::exchange(look_due_, false);
}

void SinkWorker::note_look() {
  const MutexLock lock(mutex_);
  ++looks_;
  changed_.notify_all();
}

// False: it is time to end.
bool SinkWorker::wait(std::optional<Duration> pause) {
  MutexLock lock(mutex_);
  if (outbox_.empty()) waiting_since_.reset();
  const auto now = std::chrono::steady_clock::now();
  if (!pause) {
    while (!stopping_ && !look_due_ && !has_work()) {
      if (changed_.wait_until(lock, now + look_each) == std::cv_status::timeout) look_due_ = true;
    }
  } else if (!stopping_) {
    const auto until = now + std::chrono::microseconds(pause->count());
    while (!stopping_ && !look_due_ && changed_.wait_until(lock, until) == std::cv_status::no_timeout) {
    }
  } else if (*pause > Duration()) {
    // The last chance of a store that comes back just now.
    const std::chrono::steady_clock::duration wanted = std::chrono::microseconds(pause->count());
    const auto until = std::min(deadline_, now + std::min<decltype(wanted)>(wanted, max_pause_while_stopping));
    while (changed_.wait_until(lock, until) == std::cv_status::no_timeout) {
    }
  }
  return !stopping_ || (has_work() && std::chrono::steady_clock::now() < deadline_);
}

}  // namespace edgetide
