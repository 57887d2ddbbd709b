// One thread that waits for descriptors, for times and for other threads, and serves what is ready, one at a time. What
// it calls must not wait: it would hold up all the others.
//
//   EventLoop loop("sources");
//   const EventLoop::Use use(loop);  // it runs
//   loop.call([&] { watch.emplace(loop, socket.get(), EPOLLIN, [this](std::uint32_t) { read(); }); });
//
// In each turn: the descriptors that are ready, in the kernel's order; then the timers that are due, in the order of
// their times; then what other threads have posted, in the order of posting.
//
// Thread: `post` from any; `start`, `stop`, `call` and `Use` from one other thread, its owner's. Watches and timers are
//         made, changed and destroyed on the loop's thread, or on its owner's while the loop does not run.
// Owns:   its thread, an epoll and an eventfd. Watches and timers are their users', and end before the loop does.
// Fails:  `start` and `Watch` throw std::system_error when the kernel gives no descriptor or thread. What is called
//         from a turn must not throw, but for the task of `call`, whose exception goes to the caller.
// Limit:  64 ready descriptors a turn; the others are served in the next.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/service/descriptor.h"
#include "daemon/service/mutex.h"

namespace edgetide {

class EventLoop {
 public:
  using Time = std::chrono::steady_clock::time_point;
  class Use;
  class Watch;
  class Timer;

  explicit EventLoop(std::string thread_name);
  ~EventLoop() { stop(); }
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Nothing happens if it runs already.
  void start();
  // Returns when the turn at hand has ended. What is posted but not run is forgotten. Requires: no `call` waits.
  void stop() noexcept;

  // Runs the task in the loop's next turn.
  void post(std::function<void()> task);
  // Runs the task on the loop's thread and returns when it has run; on the caller's where the loop does not run.
  void call(const std::function<void()>& task);

 private:
  static constexpr std::uint64_t wake_id = 0;  // of the eventfd; watches count from 1

  void wake() noexcept;
  void run() noexcept;
  void turn();
  int wait_milliseconds() const noexcept;
  void serve(std::uint64_t id, std::uint32_t events);
  void run_due_timers();
  void run_posted();

  const std::string thread_name_;
  const Descriptor epoll_;
  const Descriptor wake_;
  std::atomic<bool> stopping_ = false;

  // The loop's thread only, while it runs.
  std::uint64_t last_id_ = wake_id;
  std::map<std::uint64_t, Watch*> watches_;  // by an id that is not used twice: a closed descriptor's number is
  std::multimap<Time, Timer*> timers_;
  Time turn_began_at_{};

  Mutex mutex_;
  std::vector<std::function<void()>> posted_ GUARDED_BY(mutex_);

  std::thread thread_;
  std::size_t uses_ = 0;  // the owner's thread only
};

// The loop runs while it has users: its thread starts with the first and ends with the last.
//
// Thread: the owner's. Fails: as `start`.
class EventLoop::Use {
 public:
  explicit Use(EventLoop& loop) : loop_(loop) {
    loop_.start();
    ++loop_.uses_;
  }
  ~Use() {
    if (--loop_.uses_ == 0) loop_.stop();
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  EventLoop& loop_;
};

// A descriptor that the loop waits for. Level-triggered: what is ready and not used comes again in the next turn.
//
// Requires: the descriptor stays open until the watch is destroyed.
class EventLoop::Watch {
 public:
  // The events of epoll(7). May destroy this watch, and others: those are not called any more.
  using Ready = std::function<void(std::uint32_t events)>;

  Watch(EventLoop& loop, int descriptor, std::uint32_t events, Ready ready);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // 0: it is not watched at all, not even for errors. False: the kernel refuses (errno), and nothing has changed.
  bool set_events(std::uint32_t events) noexcept;
  std::uint32_t events() const noexcept { return events_; }

 private:
  friend class EventLoop;

  EventLoop& loop_;
  const int descriptor_;
  const std::uint64_t id_;
  std::uint32_t events_ = 0;
  const Ready ready_;
};

// Calls once, at a time of the monotonic clock or soon after.
class EventLoop::Timer {
 public:
  // May set or destroy this timer, and others.
  Timer(EventLoop& loop, std::function<void()> due) : loop_(loop), due_(std::move(due)), at_(loop.timers_.end()) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Instead of the time it was set to. A time that has passed: in the next turn.
  void set(Time at);
  void cancel() noexcept;

  bool is_set() const noexcept { return at_ != loop_.timers_.end(); }
  // Requires: it is set.
  Time time() const noexcept { return at_->first; }

 private:
  friend class EventLoop;

  EventLoop& loop_;
  const std::function<void()> due_;
  std::multimap<Time, Timer*>::iterator at_;
};

}  // namespace edgetide
