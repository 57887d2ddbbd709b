#include "daemon/sources/accept_waiter.h"

#include <algorithm>

namespace edgetide {

namespace {

constexpr std::chrono::milliseconds ask_each{100};

}  // namespace

void AcceptWaiter::start() {
  {
    const MutexLock lock(mutex_);
    started_ = true;
  }
  host_.attach(source_, *this);
}

// Without the mutex: the host waits for a call of this that runs.
void AcceptWaiter::stop() noexcept {
  {
    const MutexLock lock(mutex_);
    if (!started_) return;
    started_ = false;
    changed_.notify_all();
  }
  host_.detach(source_);
}

bool AcceptWaiter::accept(const DecodedBatch& batch) noexcept {
  std::optional<Time> since;
  while (true) {
    const std::uint64_t seen = rooms();  // before the offer: room that comes after the answer is not missed
    const Acceptance acceptance = host_.try_accept(source_, batch);
    if (acceptance.is_taken()) return wait_for_disk(acceptance.record, since);
    if (acceptance.answer == Acceptance::Answer::closed || !wait_for_room(seen, since)) return false;
  }
}

bool AcceptWaiter::wait_for_room(std::uint64_t seen, std::optional<Time>& since) {
  MutexLock lock(mutex_);
  while (rooms_ == seen && may_wait() && wait_a_turn(lock, since)) {
  }
  return rooms_ != seen && may_wait();
}

bool AcceptWaiter::wait_for_disk(std::uint64_t record, std::optional<Time>& since) {
  MutexLock lock(mutex_);
  while (durable_ < record && may_wait() && wait_a_turn(lock, since)) {
  }
  return durable_ >= record;
}

// False: no longer.
bool AcceptWaiter::wait_a_turn(MutexLock& lock, std::optional<Time>& since) {
  const Time now = std::chrono::steady_clock::now();
  if (!since) since = now;
  if (!may_wait_on_(now - *since)) return false;
  changed_.wait_for(lock, ask_each);
  return true;
}

std::uint64_t AcceptWaiter::rooms() const {
  const MutexLock lock(mutex_);
  return rooms_;
}

void AcceptWaiter::room_available() noexcept {
  const MutexLock lock(mutex_);
  ++rooms_;
  changed_.notify_all();
}

void AcceptWaiter::durable(std::uint64_t through) noexcept {
  const MutexLock lock(mutex_);
  durable_ = std::max(durable_, through);
  changed_.notify_all();
}

void AcceptWaiter::set_blocking(bool allowed) noexcept {
  const MutexLock lock(mutex_);
  blocking_ = allowed;
  changed_.notify_all();
}

}  // namespace edgetide
