// Shows the status of the gateway to people and scrapers: one thread that serves HTTP and the control socket.
//
// In:     requests from both.
// Out:    answers, made from what the hooks give at that moment.
// Thread: "monitor", from construction to destruction. It has all signals blocked.
// Never:  changes anything; holds a part of the gateway between two requests, a tap excepted.
// Fails:  a server that cannot be opened is reported in `errors`, and the gateway runs without it.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "daemon/monitor/control_server.h"
#include "daemon/monitor/http_server.h"
#include "daemon/monitor/monitor_hooks.h"
#include "daemon/service/descriptor.h"

namespace edgetide {

struct MonitorOptions {
  HttpServerOptions http{.name = "http", .listen = "127.0.0.1:9465"};  // with an empty `listen` it does not listen
  HttpServerOptions metrics{.name = "metrics"};
  std::string control_path;  // empty: no control socket
};

class Monitor {
 public:
  Monitor(const MonitorOptions& options, const MonitorHooks& hooks);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  const std::vector<std::string>& errors() const noexcept { return errors_; }

 private:
  void serve_http(const HttpServerOptions& options, HttpRoutes routes);
  void run() noexcept;

  std::vector<std::string> errors_;
  std::vector<std::unique_ptr<HttpServer>> http_;
  std::unique_ptr<ControlServer> control_;
  Descriptor stop_;  // an eventfd, readable when the thread is to end
  std::thread thread_;
};

}  // namespace edgetide
