// The messages that a batch of rows is published as: their topics and payloads, and which rows each of them has.
//
//   json         a row is an object, as in row_json.h, behind the gateway's id: {"gateway":"gw","window":"minute",...}
//   json_array   the rows of one topic in an array, as many as the size of a payload allows
//   influx       a row is a line of line_protocol_encoder.h, with the tag `gateway`
//   senml        a row is a pack of SenML (senml_pack.h)
//
// Each row says all that a receiver needs to replace what it has of the same gateway, window, series and start by the
// one of the greatest revision: also start, state, revision and epoch.
//
// Order:   by the first row of a message; the rows of one topic stay in their order.
// Owns:    its buffers; the messages own what they hold.
// Thread:  one owner at a time; pure.
// Fails:   never; a row that cannot be published is in `rejected`, with its reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "pipeline/enum_word.h"
#include "sinks/row_encoder.h"
#include "sinks/row_topic.h"
#include "sinks/sink.h"

namespace edgetide {

enum class RowPayload { json, json_array, influx, senml };
inline constexpr EnumWord<RowPayload> row_payload_words[] = {{RowPayload::json, "json"},
                                                             {RowPayload::json_array, "json_array"},
                                                             {RowPayload::influx, "influx"},
                                                             {RowPayload::senml, "senml"}};

struct RowMessage {
  std::string topic;
  std::string payload;
  std::vector<std::uint32_t> rows;  // of the batch, counted over its windows
};

struct RowMessages {
  std::vector<RowMessage> messages;
  std::vector<RejectedRow> rejected;
  std::vector<std::uint32_t> rejected_rows;  // the same, as positions in the batch
};

class RowMessageMaker {
 public:
  RowMessageMaker(RowTopic topic, RowPayload payload, const std::string& gateway, std::vector<WindowSchema> inputs);

  struct Limits {
    std::size_t max_payload_bytes = 0;
    std::size_t max_bytes = 0;  // of topic and payload
  };
  RowMessages make(const RowBatch& batch, Limits limits);

 private:
  struct PlacedRow {
    const WindowSchema& window;
    const SinkRow& row;
    std::span<const double> values;
    EpochId epoch;
    std::uint32_t position;  // in the batch
  };
  std::string append_payload(const PlacedRow& row);
  void append_line(const PlacedRow& row);
  std::size_t room() const;
  std::string add(const PlacedRow& row, RowMessages& out);
  void add_to_array(std::uint32_t position, RowMessages& out);

  const RowTopic topic_;
  const RowPayload payload_;
  const std::string gateway_;
  const std::vector<WindowSchema> inputs_;
  const std::unique_ptr<RowEncoder> encoder_;  // of influx
  // Of the batch at hand:
  Limits limits_;
  std::string lines_;  // of influx, and where they end
  std::vector<std::size_t> line_ends_;
  std::unordered_map<std::string, std::size_t> arrays_;  // by topic: the message that may get another row
  // Of the row at hand:
  std::string topic_text_, payload_text_;
};

// A row of the batch, which the broker has refused.
RejectedRow rejected_row(const RowBatch& batch, const std::vector<WindowSchema>& inputs, std::size_t row,
                         std::string reason);

}  // namespace edgetide
