#include "daemon/monitor/monitor.h"

#include <algorithm>
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
int timeout_of(const Duration& due) noexcept {
  if (due == Duration::unlimited()) return -1;
  return static_cast<int>(std::min<std::int64_t>((due.count() + 999) / 1000, 60'000));
}

}  // namespace

Monitor::Monitor(const MonitorOptions& options, const MonitorHooks& hooks) {
  serve_http(options.http, web_routes(hooks));
  serve_http(options.metrics, metrics_routes(hooks));
  try {
    if (!options.control_path.empty()) {
      control_ = std::make_unique<ControlServer>(options.control_path, control_commands(hooks));
    }
  } catch (const std::exception& error) {
    errors_.emplace_back(error.what());
  }
  if (http_.empty() && !control_) return;
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

void Monitor::serve_http(const HttpServerOptions& options, HttpRoutes routes) {
  if (options.listen.empty()) return;
  try {
    http_.push_back(std::make_unique<HttpServer>(options, std::move(routes)));
  } catch (const std::exception& error) {
    errors_.emplace_back(error.what());
  }
}

void Monitor::run() noexcept {
  std::vector<pollfd> ready{{stop_.get(), POLLIN, 0}};
  for (const auto& http : http_) ready.push_back({http->descriptor(), POLLIN, 0});
  if (control_) ready.push_back({control_->descriptor(), POLLIN, 0});
  while (true) {
    Duration due = Duration::unlimited();
    for (const auto& http : http_) due = std::min(due, http->due_in().value_or(due));
    if (control_) due = std::min(due, control_->due_in().value_or(due));
    poll(ready.data(), ready.size(), timeout_of(due));
    if (ready[0].revents != 0) return;
    for (const auto& http : http_) http->serve();
    if (control_) control_->serve();
  }
}

}  // namespace edgetide
