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

#include "daemon/broker/broker_options.h"
#include "daemon/decoders/route.h"
#include "daemon/sources/source.h"
#include "pipeline/time.h"

namespace edgetide {

struct MqttOptions : BrokerOptions {
  std::string name;
  bool clean_start = false;
  Duration session_expiry = Duration::days(1);
  int qos = 1;
  bool use_retained = false;
  std::string share;  // group of a shared subscription; empty: none
  std::vector<RouteOptions> routes;
  bool operator==(const MqttOptions&) const = default;
};

std::unique_ptr<Source> make_mqtt_source(MqttOptions options, SourceId id, SourceHost& host);

}  // namespace edgetide
