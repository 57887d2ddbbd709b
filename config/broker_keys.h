// The keys of a table that is about an MQTT broker, of a source or of a sink.
//
// Thread: main. Fails: into the section's report.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/client_id_key.h"
#include "config/key_table.h"
#include "config/parts.h"
#include "config/section.h"
#include "daemon/broker/broker_options.h"

namespace edgetide {

namespace keys {

KeySpec broker_servers();
KeySpec broker_protocol(std::string meaning);
KeySpec broker_username();
KeySpec broker_password();
KeySpec broker_tls();
KeySpec broker_keep_alive();
KeySpec broker_allow_plaintext();
KeyGroup broker_tls_group(std::string_view title, OnReload on_change);

}  // namespace keys

// All of them but the status topic.
void read_broker(const Section& section, const BrokerClient& client, const KeyGroup& tls_keys, BrokerOptions& options);
void read_status_topic(const Section& section, const BrokerClient& client, BrokerOptions& options);

// As ConfiguredSource and ConfiguredSink name them.
std::vector<std::string> sessions_of(const BrokerOptions& options);

// Two sources, or two sinks, must not share a session: brokers would disconnect one for the other without end. Nor a
// status.
std::optional<Clash> broker_clash(const BrokerOptions& earlier, const BrokerOptions& later);

}  // namespace edgetide
