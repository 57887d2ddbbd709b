// Readings that are pushed over HTTP: POST or PUT of a body in any format to the path of a route, and InfluxDB's
// `/api/v2/write` and `/write`.
//
// In:      requests; a body is decoded into one batch and accepted as a whole.
// Ack:     2xx, once the readings are as durable as the configuration promises. A request that waits for that, or for
//          intake, holds up no thread.
// Thread:  the loop's; `start` and `stop` from the gateway's main thread. A body is decoded in one turn.
// Back-pressure: while the host holds intake back, requests wait, for busy_wait at most, and are answered 503.
// Fails:   `start` throws std::runtime_error when the address cannot be bound, or a certificate cannot be used.
// Limit:   HttpSourceOptions; http_intake.h, http_key_memory.h.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "daemon/decoders/route.h"
#include "daemon/sources/source.h"
#include "pipeline/time.h"

namespace edgetide {

struct HttpSourceOptions {
  std::string name;
  std::string listen = "127.0.0.1:8186";
  std::vector<std::string> allow;  // CIDR; empty: all who can connect
  bool allow_plaintext = false;    // beyond loopback without TLS; needs `allow`
  std::string cert_file;           // PEM; with them it speaks TLS only
  std::string key_file;
  std::string token;                                  // secret: a request has to bear it; empty: none
  bool influx = false;                                // InfluxDB's paths too
  std::size_t max_id_bytes = edgetide::max_id_bytes;  // of names that come over these
  std::vector<RouteOptions> routes;                   // `topic` is a path, with its leading slash
  std::size_t max_body_bytes = 1024 * 1024;           // as sent, and inflated
  std::size_t max_requests = 16;                      // with a body, at once
  std::size_t max_connections = 64;
  std::size_t max_connections_per_peer = 16;
  Duration request_timeout = Duration::seconds(30);
  bool operator==(const HttpSourceOptions&) const = default;
};

class EventLoop;

// Those of the configuration, then those of InfluxDB's paths, if it takes them.
std::vector<RouteOptions> with_influx_routes(const HttpSourceOptions& options);

// Fails: std::invalid_argument for errors of the configuration.
// Loop and host outlive the source.
std::unique_ptr<Source> make_http_source(HttpSourceOptions options, SourceId id, SourceHost& host, EventLoop& loop);

}  // namespace edgetide
