#include "daemon/commands/listener_trial.h"

#include <cerrno>
#include <exception>
#include <sys/socket.h>

#include "daemon/monitor/control_socket_path.h"
#include "daemon/monitor/http_server.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/socket_address.h"

namespace edgetide {

namespace {

// Or may be: a socket that this user may not connect to.
bool is_served(const std::string& control_socket) {
  try {
    const SocketAddress address = parse_unix(control_socket);
    const Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (connect(probe.get(), address.get(), address.length) == 0) return true;
    return errno != ENOENT && errno != ECONNREFUSED;
  } catch (const std::exception&) {
    return false;  // no path of a socket
  }
}

bool is_running(const std::string& state_directory) {
  return is_served(control_socket_path(state_directory)) ||
         (state_directory == default_state_directory &&
          is_served(std::string(default_runtime_directory) + "/control.sock"));
}

std::string with_free_port(const std::string& listen) {
  return listen.starts_with('[') ? "[::1]:0" : "127.0.0.1:0";
}

}  // namespace

std::vector<std::string> faults_of_listeners(const MonitorOptions& options, const std::string& state_directory) {
  const bool running = is_running(state_directory);
  std::vector<std::string> faults;
  for (HttpServerOptions server : {options.http, options.metrics}) {
    if (server.listen.empty()) continue;
    if (running) server.listen = with_free_port(server.listen);
    try {
      const HttpServer trial(server, [](std::string_view) { return HttpAnswer{.status = 503}; });
    } catch (const std::exception& error) {
      faults.emplace_back(error.what());
    }
  }
  return faults;
}

}  // namespace edgetide
