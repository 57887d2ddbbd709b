// How an MQTT broker is reached, by a source or by a sink.
//
// Thread: plain values.
#pragma once

#include <string>
#include <vector>

#include "pipeline/time.h"

namespace edgetide {

struct TlsOptions {
  std::string ca;    // file; empty: the system's
  std::string cert;  // file, with `key` for client authentication
  std::string key;
  std::string alpn;  // the protocol to ask for; empty: none
  bool operator==(const TlsOptions&) const = default;
};

struct BrokerOptions {
  std::vector<std::string> servers;  // mqtt://host:1883, mqtts://host:8883, ws://, wss://
  int protocol = 5;                  // 5, or 3 for 3.1.1
  std::string client_id;
  std::string username;
  std::string password;  // secret: handed to Paho only, never logged
  TlsOptions tls;
  Duration keep_alive = Duration::seconds(60);
  std::string status_topic;      // retained "online" and "offline"; empty: none
  bool allow_plaintext = false;  // plain TCP to other than loopback
  bool operator==(const BrokerOptions&) const = default;
};

}  // namespace edgetide
