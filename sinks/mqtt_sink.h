// Rows to an MQTT broker, with Eclipse Paho C++: a message per row, or an array of the rows of a topic
// (row_messages.h).
//
// At least once: a row counts as delivered when the PUBACK of its message has come. What was sent and not confirmed
//   before a connection was lost, or this process died, is sent again, in its order, with the same key (gateway,
//   window, series, start) and the same revision. So a receiver that keeps the row of the greatest revision of each
//   key has what the windows gave.
//     our crash              nothing is lost: the outbox has what is not confirmed. All of it is sent again.
//     the broker's crash     what it has confirmed is the broker's to keep: mosquitto has its queues in memory only,
//                            unless `persistence` is on. It keeps nothing for a topic without a subscriber.
//     QoS 0                  a row counts as delivered when it was handed to the network; what was on its way is lost.
// Refused rows: one whose topic no broker accepts, whose message is larger than `max_payload_bytes` or the broker's
//   Maximum Packet Size, or that an MQTT 5 broker refuses for what it is. The others go on. A topic that we may not
//   publish to, or a quota, is tried again and refuses no row. A broker of MQTT 3.1.1 confirms what it does not allow
//   as if it had taken it; with MQTT 5 mosquitto says so.
// Status:  where there is a `status_topic`, retained "online" when it has connected, and "offline" at its end, from the
//          broker (last will) where the connection is lost.
// Contract: sinks/sink.h. `deliver` blocks for as long as the broker goes on confirming, and 20 s after it stops.
// Thread:  the worker's; the library's threads only put answers into a list.
// Never:   waits, logs or throws in a callback; reconnects by itself.
// Limit:   `max_in_flight` messages that are not confirmed, or the broker's Receive Maximum if that is less.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "daemon/broker/broker_options.h"
#include "sinks/row_messages.h"
#include "sinks/sink.h"

namespace edgetide {

struct MqttSinkOptions : BrokerOptions {
  std::string topic;  // a template (row_topic.h)
  RowPayload payload = RowPayload::json;
  int qos = 1;
  bool retain = false;
  std::size_t max_in_flight = 100;
  double max_publishes = 0;  // per second; 0: no limit
  std::size_t max_payload_bytes = 128 * 1024;
  std::size_t max_topic_levels = 100;
  bool operator==(const MqttSinkOptions&) const = default;
};

// So few rows a delivery that it takes some seconds at the rate.
SinkTraits mqtt_sink_traits(const MqttSinkOptions& options = {});

// Fails: std::invalid_argument for options that the configuration refuses.
std::unique_ptr<Sink> make_mqtt_sink(MqttSinkOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs);

}  // namespace edgetide
