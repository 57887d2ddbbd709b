#include "sinks/kafka_record.h"

#include <utility>

#include "sinks/row_json.h"

namespace edgetide {

KafkaRecordMaker::KafkaRecordMaker(KafkaTopic topic, std::string gateway)
    : topic_(std::move(topic)), gateway_(std::move(gateway)) {}

std::string KafkaRecordMaker::make(const WindowSchema& window, const SinkRow& row, std::span<const double> values,
                                   EpochId id, KafkaRecordText& record) const {
  if (std::string reason = topic_.expand(window, *row.series, record.topic); !reason.empty()) return reason;
  record.key = row.series->sensor;
  if (!row.series->grouped) (record.key += '/') += row.series->metric;
  record.payload.clear();
  append_gateway_row_json(record.payload, gateway_, window, row, values, id.epoch);
  record.payload.pop_back();  // its brace
  ((record.payload += ",\"run\":") += std::to_string(id.run)) += '}';
  return {};
}

}  // namespace edgetide
