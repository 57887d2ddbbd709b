// The keys of a table that is about brokers of Kafka, of a source or of a sink.
//
// Thread: main. Fails: into the section's report.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "config/key_table.h"
#include "config/section.h"
#include "daemon/broker/kafka_broker_options.h"

namespace edgetide {

inline constexpr std::size_t max_kafka_group_id_bytes = 255;  // also of a transactional id of ours

namespace keys {

KeySpec kafka_servers();
// username, password, mechanism, tls, allow_plaintext
std::vector<KeySpec> kafka_login();
KeyGroup kafka_tls_group(std::string_view title, OnReload on_change);

}  // namespace keys

// All of them but the client's name. `kind` is "source" or "sink".
void read_kafka_broker(const Section& section, std::string_view kind, const KeyGroup& tls_keys,
                       KafkaBrokerOptions& options);

// Printable and without blanks and placeholders, as the names of groups and transactions must be.
bool is_kafka_id(std::string_view id);

}  // namespace edgetide
