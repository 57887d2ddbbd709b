// Shows the status of the gateway to people and scrapers: one thread that serves HTTP and the control socket.
//
// In:     requests from both.
// Out:    answers, made from what the hooks give at that moment.
// Thread: "monitor", from construction to destruction. It has all signals blocked.
// Never:  changes anything; holds a part of the gateway between two requests, a tap excepted.
// Fails:  a server that cannot be opened is tried again, after 1 s and up to 30 s; the gateway runs without it. The log
//         says so, and the status that the others give; without [http] or [metrics] the gateway is not ready.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "daemon/monitor/control_server.h"
#include "daemon/monitor/http_server.h"
#include "daemon/monitor/monitor_hooks.h"
#include "daemon/monitor/monitor_options.h"
#include "daemon/service/descriptor.h"

namespace edgetide {

class Monitor {
 public:
  Monitor(const MonitorOptions& options, const MonitorHooks& hooks);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

 private:
  using Clock = std::chrono::steady_clock;

  void run() noexcept;
  void open_servers();
  static bool wants(const std::unique_ptr<HttpServer>& server, const HttpServerOptions& options) noexcept {
    return !server && !options.listen.empty();
  }
  bool wants_some() const noexcept {
    return wants(http_, options_.http) || wants(metrics_, options_.metrics) || wants_control();
  }
  bool wants_control() const noexcept { return !control_ && !options_.control_path.empty(); }
  void note_errors(std::string listeners, std::string control);
  std::optional<Duration> due_in() const;

  const MonitorOptions options_;
  MonitorHooks hooks_;
  // The thread's, as soon as it runs.
  std::string listener_error_, control_error_;  // of the servers that are not open
  unsigned failures_ = 0;
  Clock::time_point retry_at_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<HttpServer> metrics_;
  std::unique_ptr<ControlServer> control_;
  Descriptor stop_;  // an eventfd, readable when the thread is to end
  std::thread thread_;
};

}  // namespace edgetide
