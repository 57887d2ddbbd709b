// Readings from an MQTT broker, with Eclipse Paho C++. QoS 1 messages are acknowledged when the message callback
// returns, so they are accepted (journaled) inside it.
//
// In:      PUBLISH packets on Paho's receive thread (one per process); decoded and accepted there.
// Thread:  Paho's receive thread for messages; one connection thread per source, named "mqtt-<name>", connects,
//          subscribes, ends what former routes left in the session, and waits for the next try. Commands come from the
//          gateway's main thread.
// Never:   no blocking MQTT call, no exception and no log in a callback; no consumer queue; no automatic reconnect.
// Fails:   see source.h. The broker being away is not a failure: see reconnect_pace.h.
// Limit:   max_payload_bytes per message; v5 announces it as Maximum Packet Size.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/decoders/route.h"
#include "daemon/sources/source.h"
#include "pipeline/time.h"

namespace edgetide {

struct TlsOptions {
  std::string ca;    // file; empty: the system's
  std::string cert;  // file, with `key` for client authentication
  std::string key;
  std::string alpn;  // the protocol to ask for; empty: none
  bool operator==(const TlsOptions&) const = default;
};

struct MqttOptions {
  std::string name;
  std::vector<std::string> servers;  // mqtt://host:1883, mqtts://host:8883, ws://, wss://
  int protocol = 5;                  // 5, or 3 for 3.1.1
  std::string client_id;
  std::string username;
  std::string password;  // secret: handed to Paho only, never logged
  TlsOptions tls;
  Duration keep_alive = Duration::seconds(60);
  bool clean_start = false;
  Duration session_expiry = Duration::days(1);
  int qos = 1;
  bool use_retained = false;
  std::string share;             // group of a shared subscription; empty: none
  std::string status_topic;      // retained "online" and "offline"; empty: none
  bool allow_plaintext = false;  // plain TCP to other than loopback
  std::vector<RouteOptions> routes;
  bool operator==(const MqttOptions&) const = default;
};

std::unique_ptr<Source> make_mqtt_source(MqttOptions options, SourceId id, SourceHost& host);

}  // namespace edgetide
