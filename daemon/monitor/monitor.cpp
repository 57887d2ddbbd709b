#include "daemon/monitor/monitor.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <optional>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/monitor/control_commands.h"
#include "daemon/monitor/web_routes.h"

namespace edgetide {

namespace {

// In milliseconds, rounded up; -1: for ever.
int timeout_of(const std::optional<Duration>& a, const std::optional<Duration>& b) noexcept {
  if (!a && !b) return -1;
  const Duration due = std::min(a.value_or(Duration::unlimited()), b.value_or(Duration::unlimited()));
  return static_cast<int>(std::min<std::int64_t>((due.count() + 999) / 1000, 60'000));
}

}  // namespace

Monitor::Monitor(const MonitorOptions& options, const MonitorHooks& hooks) {
  try {
    if (!options.http_listen.empty()) http_ = std::make_unique<HttpServer>(options.http_listen, web_routes(hooks));
  } catch (const std::exception& error) {
    errors_.emplace_back(error.what());
  }
  try {
    if (!options.control_path.empty()) {
      control_ = std::make_unique<ControlServer>(options.control_path, control_commands(hooks));
    }
  } catch (const std::exception& error) {
    errors_.emplace_back(error.what());
  }
  if (!http_ && !control_) return;
  stop_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(), "monitor");
}

Monitor::~Monitor() {
  if (!thread_.joinable()) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void Monitor::run() noexcept {
  while (true) {
    std::array<pollfd, 3> ready{pollfd{stop_.get(), POLLIN, 0}, pollfd{http_ ? http_->descriptor() : -1, POLLIN, 0},
                                pollfd{control_ ? control_->descriptor() : -1, POLLIN, 0}};
    poll(ready.data(), ready.size(),
         timeout_of(http_ ? http_->due_in() : std::nullopt, control_ ? control_->due_in() : std::nullopt));
    if (ready[0].revents != 0) return;
    if (http_) http_->serve();
    if (control_) control_->serve();
  }
}

}  // namespace edgetide
