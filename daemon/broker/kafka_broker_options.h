// How brokers of Kafka are reached, by a source or by a sink.
//
// Thread: plain values.
#pragma once

#include <string>
#include <vector>

#include "pipeline/enum_word.h"

namespace edgetide {

enum class SaslMechanism { plain, scram_sha_256, scram_sha_512 };
inline constexpr EnumWord<SaslMechanism> sasl_mechanism_words[] = {{SaslMechanism::plain, "PLAIN"},
                                                                   {SaslMechanism::scram_sha_256, "SCRAM-SHA-256"},
                                                                   {SaslMechanism::scram_sha_512, "SCRAM-SHA-512"}};

struct KafkaBrokerOptions {
  std::vector<std::string> servers;  // "host:port"
  std::string client_id;
  std::string username;
  std::string password;  // secret: given to librdkafka only
  SaslMechanism mechanism = SaslMechanism::plain;
  bool tls = false;
  std::string ca, cert, key;  // files; without `ca` the system's
  bool allow_plaintext = false;
  bool operator==(const KafkaBrokerOptions&) const = default;
};

}  // namespace edgetide
