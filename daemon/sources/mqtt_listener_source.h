// Readings that devices publish straight to us: a server of MQTT 3.1.1 and 5 for clients that publish. It has no
// subscribers: SUBSCRIBE is refused by its answer.
//
// In:      PUBLISH packets of QoS 0, 1 and 2; those of one turn, of all clients, are decoded into one batch and
//          accepted together, with one write to the journal and, with `durability = "power"`, one sync.
// Ack:     PUBACK and PUBREC, once the batch is as durable as the configuration promises.
// Once:    what a client sends again is answered and counts once, over its reconnects and our restarts
//          (device_session.h, device_sessions.h).
// Thread:  the loop's; `start` and `stop` from the gateway's main thread.
// Back-pressure: while the host holds intake back, no connection is read.
// Fails:   `start` throws std::runtime_error when the address cannot be bound, or a file cannot be used.
// Limit:   MqttListenerOptions; mqtt_listener.h.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "daemon/decoders/route.h"
#include "daemon/sources/source.h"
#include "pipeline/time.h"

namespace edgetide {

struct MqttListenerOptions {
  std::string name;
  std::string listen = "127.0.0.1:1883";
  std::vector<std::string> allow;  // CIDR; empty: all who can connect
  bool allow_plaintext = false;    // beyond loopback without TLS; needs `allow`
  std::string cert_file;           // PEM; with them it speaks TLS only
  std::string key_file;
  std::string client_ca_file;  // of the certificates that clients need; empty: none
  std::string password_file;   // empty: clients need no user
  std::size_t max_connections = 1000;
  std::size_t max_connections_per_peer = 250;
  std::size_t max_packet_bytes = 320 * 1024;
  std::size_t max_topic_bytes = 1024;
  double max_messages_per_second = 0;  // of one client; 0: as many as can be taken
  Duration connect_timeout = Duration::seconds(10);
  Duration idle_timeout = Duration::hours(1);
  std::vector<RouteOptions> routes;
  bool operator==(const MqttListenerOptions&) const = default;
};

class EventLoop;

// Fails: std::invalid_argument for errors of the configuration.
// Loop and host outlive the source.
std::unique_ptr<Source> make_mqtt_listener_source(MqttListenerOptions options, SourceId id, SourceHost& host,
                                                  EventLoop& loop);

}  // namespace edgetide
