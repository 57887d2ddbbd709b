// The settings of a client of librdkafka that say how brokers are reached, for the source and the sink.
//
// Owns:    a KafkaConf its settings, until a client takes them.
// Thread:  one at a time. A connect without TLS is checked on the library's threads.
// Security: without TLS no address beyond loopback is connected to, whatever a broker says is its own, unless
//          `allow_plaintext`. With it, host names are checked.
// Fails:   std::runtime_error with the library's reason for a setting that it does not take.
// See:     librdkafka 2.0.2, CONFIGURATION.md
#pragma once

#include <librdkafka/rdkafka.h>
#include <memory>
#include <string>

#include "daemon/broker/kafka_broker_options.h"

namespace edgetide {

template <auto destroy>
struct KafkaDestroy {
  template <class Thing>
  void operator()(Thing* thing) const noexcept {
    destroy(thing);
  }
};
using KafkaConf = std::unique_ptr<rd_kafka_conf_t, KafkaDestroy<rd_kafka_conf_destroy>>;
using KafkaList = std::unique_ptr<rd_kafka_topic_partition_list_t, KafkaDestroy<rd_kafka_topic_partition_list_destroy>>;
using KafkaEvent = std::unique_ptr<rd_kafka_event_t, KafkaDestroy<rd_kafka_event_destroy>>;
using KafkaError = std::unique_ptr<rd_kafka_error_t, KafkaDestroy<rd_kafka_error_destroy>>;

void set_kafka(rd_kafka_conf_t* conf, const char* key, const std::string& value);

// Servers, names, security, keep-alive, and the log in the queue of events.
KafkaConf make_kafka_conf(const KafkaBrokerOptions& options);

// A client of these settings, whose log goes into its main queue. Fails: std::runtime_error.
rd_kafka_t* make_kafka_client(rd_kafka_type_t type, KafkaConf conf);

}  // namespace edgetide
