// What an accept loop does when the process or the kernel has no descriptor or memory left: it does not watch its
// listening socket for a moment. The peers wait in the kernel's queue; those that are connected are served.
//
// Thread: one. Owns: nothing; epoll and listener outlive it. Fails: never.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <sys/epoll.h>

#include "daemon/service/log.h"
#include "daemon/service/rare_notice.h"
#include "pipeline/time.h"

namespace edgetide {

class AcceptRest {
 public:
  using Time = std::chrono::steady_clock::time_point;

  AcceptRest(std::string name, int epoll, int listener) noexcept
      : name_(std::move(name)), epoll_(epoll), listener_(listener) {}

  // After accept(2) has failed. True: it rests.
  bool begin(int error, Time now) {
    if (error != EMFILE && error != ENFILE && error != ENOMEM && error != ENOBUFS) return false;
    watch(0);
    until_ = now + std::chrono::milliseconds(100);
    if (notice_.due(now)) {
      log(LogLevel::warning, name_ + ": new connections have to wait: " + std::strerror(error));
    }
    return true;
  }
  void end_if_over(Time now) noexcept {
    if (!until_ || now < *until_) return;
    until_.reset();
    watch(EPOLLIN);
  }
  std::optional<Duration> due_in(Time now) const noexcept {
    if (!until_) return std::nullopt;
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(*until_ - now).count();
    return Duration::microseconds(left > 0 ? left : 0);
  }

 private:
  void watch(std::uint32_t events) noexcept {
    epoll_event event{.events = events, .data = {.fd = listener_}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, listener_, &event);  // needs no memory
  }

  const std::string name_;
  const int epoll_;
  const int listener_;
  std::optional<Time> until_;
  RareNotice notice_;
};

}  // namespace edgetide
