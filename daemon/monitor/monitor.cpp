#include "daemon/monitor/monitor.h"

#include <algorithm>
#include <csignal>
#include <exception>
#include <optional>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "daemon/monitor/control_commands.h"
#include "daemon/monitor/web_routes.h"
#include "daemon/service/backoff.h"
#include "daemon/service/log.h"

namespace edgetide {

namespace {

// In milliseconds, rounded up; -1: for ever.
int timeout_of(const Duration& due) noexcept {
  if (due == Duration::unlimited()) return -1;
  return static_cast<int>(std::min<std::int64_t>((due.count() + 999) / 1000, 60'000));
}

std::string joined(const std::string& first, const std::string& second) {
  return first.empty() || second.empty() ? first + second : first + "; " + second;
}

}  // namespace

Monitor::Monitor(const MonitorOptions& options, const MonitorHooks& hooks) : options_(options), hooks_(hooks) {
  hooks_.status = [this, status = hooks.status](StatusDetail detail) {
    GatewayStatus answer = status(detail);
    answer.listener_error = listener_error_;
    answer.control_error = control_error_;
    return answer;
  };
  if (!wants_some()) return;
  open_servers();
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

void Monitor::open_servers() {
  std::string listeners, control;
  const auto attempt = [](std::string& error, const auto& open) {
    try {
      open();
    } catch (const std::exception& failure) {
      error = joined(error, failure.what());
    }
  };
  if (wants(http_, options_.http)) {
    attempt(listeners, [this] { http_ = std::make_unique<HttpServer>(options_.http, web_routes(hooks_)); });
  }
  if (wants(metrics_, options_.metrics)) {
    attempt(listeners, [this] { metrics_ = std::make_unique<HttpServer>(options_.metrics, metrics_routes(hooks_)); });
  }
  if (wants_control()) {
    attempt(control,
            [this] { control_ = std::make_unique<ControlServer>(options_.control_path, control_commands(hooks_)); });
  }
  note_errors(std::move(listeners), std::move(control));
  if (!wants_some()) return;
  retry_at_ = Clock::now() + std::chrono::microseconds(backoff_delay(failures_++, 1).count());
}

void Monitor::note_errors(std::string listeners, std::string control) {
  if (listeners == listener_error_ && control == control_error_) return;
  listener_error_ = std::move(listeners);
  control_error_ = std::move(control);
  const std::string error = joined(listener_error_, control_error_);
  log(error.empty() ? LogLevel::info : LogLevel::error,
      error.empty() ? "the status can be asked for again" : error + "; is tried again");
}

// Nothing: all servers are open.
std::optional<Duration> Monitor::due_in() const {
  if (!wants_some()) return std::nullopt;
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(retry_at_ - Clock::now());
  return Duration::microseconds(std::max<std::int64_t>(left.count(), 0));
}

void Monitor::run() noexcept {
  while (true) {
    if (const auto due = due_in(); due && *due == Duration()) open_servers();
    std::vector<pollfd> ready{{stop_.get(), POLLIN, 0}};
    Duration due = due_in().value_or(Duration::unlimited());
    const auto watch = [&](const auto& server) {
      if (!server) return;
      ready.push_back({server->descriptor(), POLLIN, 0});
      due = std::min(due, server->due_in().value_or(due));
    };
    watch(http_), watch(metrics_), watch(control_);
    poll(ready.data(), ready.size(), timeout_of(due));
    if (ready[0].revents != 0) return;
    if (http_) http_->serve();
    if (metrics_) metrics_->serve();
    if (control_) control_->serve();
  }
}

}  // namespace edgetide
