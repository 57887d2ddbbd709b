// The record that a row is sent as: its topic, key and payload.
//
//   key      the series, "SENSOR/METRIC", or the text of a group, "site=lyon,line=2": rows of a series are in one
//            partition, in their order
//   payload  the object of row_json.h behind the gateway's id, and the run: {"gateway":"gw","window":"minute",...,
//            "epoch":7,"run":1}; kafka_row.schema.json says it in JSON Schema
//
// A receiver replaces what it has of the same gateway, window, series and start by the row of the greatest revision.
//
// Owns:    its strings. Thread: one owner at a time; pure.
// Fails:   a row whose topic Kafka cannot have has a reason.
#pragma once

#include <span>
#include <string>

#include "sinks/kafka_topic.h"
#include "sinks/row_batch.h"

namespace edgetide {

struct KafkaRecordText {
  std::string topic, key, payload;
};

class KafkaRecordMaker {
 public:
  KafkaRecordMaker(KafkaTopic topic, std::string gateway);

  // Sets `record`. Returns why the row cannot be sent; empty: it can.
  std::string make(const WindowSchema& window, const SinkRow& row, std::span<const double> values, EpochId id,
                   KafkaRecordText& record) const;

 private:
  const KafkaTopic topic_;
  const std::string gateway_;
};

}  // namespace edgetide
