// Where the status of the gateway can be asked for, and by whom. Thread: plain values.
#pragma once

#include <string>
#include <vector>

namespace edgetide {

struct HttpServerOptions {
  std::string name = "http";            // for messages
  std::string listen = {};              // "127.0.0.1:9465" or "[::1]:9465"; port 0 takes a free one
  std::vector<std::string> hosts = {};  // further names that it answers to
  bool any_host = false;                // it answers to all
  std::string cert_file = {};           // PEM; with them it speaks TLS only
  std::string key_file = {};
  std::string token = {};  // secret: a request has to bear it; empty: none
  bool operator==(const HttpServerOptions&) const = default;
};

struct MonitorOptions {
  HttpServerOptions http{.name = "http", .listen = "127.0.0.1:9465"};  // with an empty `listen` it does not listen
  HttpServerOptions metrics{.name = "metrics"};
  std::string control_path;  // empty: no control socket
};

}  // namespace edgetide
