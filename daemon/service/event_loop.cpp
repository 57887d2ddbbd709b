#include "daemon/service/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <future>
#include <limits>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace edgetide {

namespace {

constexpr std::size_t max_ready = 64;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

bool control(int epoll, int operation, int descriptor, std::uint32_t events, std::uint64_t id) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return epoll_ctl(epoll, operation, descriptor, &event) == 0;
}

}  // namespace

EventLoop::EventLoop(std::string thread_name)
    : thread_name_(std::move(thread_name)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void EventLoop::start() {
  if (thread_.joinable()) return;
  const bool woken = control(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), EPOLLIN, wake_id) || errno == EEXIST;
  if (!woken) fail("event loop");
  stopping_ = false;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), thread_name_.c_str());
}

void EventLoop::stop() noexcept {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake();
  thread_.join();
  const MutexLock lock(mutex_);
  posted_.clear();
}

void EventLoop::wake() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
}

void EventLoop::post(std::function<void()> task) {
  {
    const MutexLock lock(mutex_);
    posted_.push_back(std::move(task));
  }
  wake();
}

void EventLoop::call(const std::function<void()>& task) {
  if (!thread_.joinable()) return task();
  std::packaged_task<void()> once(task);
  post([&once] { once(); });
  once.get_future().get();
}

void EventLoop::run() noexcept {
  while (!stopping_) turn();
}

void EventLoop::turn() {
  std::array<epoll_event, max_ready> events{};
  const int ready = epoll_wait(epoll_.get(), events.data(), max_ready, wait_milliseconds());
  turn_began_at_ = std::chrono::steady_clock::now();
  bool woken = false;
  for (int i = 0; i < ready && !stopping_; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    event.data.u64 == wake_id ? void(woken = true) : serve(event.data.u64, event.events);
  }
  run_due_timers();
  if (woken) run_posted();
}

// Rounded up: woken too early, it would ask again and again until the time has come.
int EventLoop::wait_milliseconds() const noexcept {
  if (timers_.empty()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, std::numeric_limits<int>::max()));
}

// The watch may destroy itself while it is called, so a copy of what it calls is.
void EventLoop::serve(std::uint64_t id, std::uint32_t events) {
  const auto watch = watches_.find(id);
  if (watch == watches_.end() || watch->second->events_ == 0) return;
  const Watch::Ready ready = watch->second->ready_;
  ready(events);
}

void EventLoop::run_due_timers() {
  while (!stopping_ && !timers_.empty() && timers_.begin()->first <= turn_began_at_) {
    Timer& timer = *timers_.begin()->second;
    timer.cancel();
    const std::function<void()> due = timer.due_;
    due();
  }
}

void EventLoop::run_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t drained = read(wake_.get(), &count, sizeof count);
  std::vector<std::function<void()>> tasks;
  {
    const MutexLock lock(mutex_);
    tasks.swap(posted_);
  }
  for (const std::function<void()>& task : tasks) task();
}

EventLoop::Watch::Watch(EventLoop& loop, int descriptor, std::uint32_t events, Ready ready)
    : loop_(loop), descriptor_(descriptor), id_(++loop.last_id_), ready_(std::move(ready)) {
  if (!set_events(events)) fail("epoll");
  loop_.watches_.emplace(id_, this);
}

EventLoop::Watch::~Watch() {
  set_events(0);
  loop_.watches_.erase(id_);
}

bool EventLoop::Watch::set_events(std::uint32_t events) noexcept {
  if (events == events_) return true;
  const int operation = events_ == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
  if (!control(loop_.epoll_.get(), operation, descriptor_, events, id_)) return false;
  events_ = events;
  return true;
}

// Later than the turn at hand, which would else serve a timer that sets itself to the past without end.
void EventLoop::Timer::set(Time at) {
  cancel();
  at_ = loop_.timers_.emplace(std::max(at, loop_.turn_began_at_ + Time::duration(1)), this);
}

void EventLoop::Timer::cancel() noexcept {
  if (!is_set()) return;
  loop_.timers_.erase(at_);
  at_ = loop_.timers_.end();
}

}  // namespace edgetide
