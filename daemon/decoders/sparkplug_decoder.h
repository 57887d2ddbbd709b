// Sparkplug B: the births, data and deaths of edge nodes and their devices, as spBv1.0/GROUP/NDATA/NODE.
//
// Sensor.  The `sensor` template, which may use {group}, {node} and {device} besides captures; otherwise {device} or
//          {sensor} of the topic; otherwise "group/node/device". What is the node's own is "group/node", also where the
//          template names a {device}.
// Metric.  The `metric` template, which may use {metric} too; otherwise the name of the metric.
// Values.  Integers by their data type, which births say; floats as they are; booleans and text by the rules of states
//          (value_text.h). Null gives no reading. Data sets, templates, arrays, bytes, times and other text are refused
//          (`unsupported`), as is a compressed payload. bdSeq and the metrics of Node Control and Device Control are
//          no readings.
// Time.    The metric's, otherwise the payload's, otherwise the arrival time. Historical values keep theirs.
// Births.  Their values are readings, also when a node sends them again. An alias whose birth was not seen is refused
//          (`unknown_alias`), and so are integers whose type is not known; then, when messages are missing (`seq`) and
//          before the first birth after a death or a restart, the node is asked for its births. How often, and which
//          births are known: sparkplug_nodes.h. The one route must take all messages of a node, or some seem missing.
// Deaths.  Are no readings; that of a former session of the node (bdSeq) is ignored.
//
// See: Sparkplug 3.0.0, https://sparkplug.eclipse.org/specification/
// Thread, Fails: see decoder.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/message_output.h"
#include "daemon/decoders/sparkplug_nodes.h"
#include "daemon/decoders/sparkplug_payload.h"
#include "daemon/decoders/sparkplug_topic.h"
#include "daemon/decoders/text_template.h"

namespace edgetide {

class SparkplugDecoder final : public Decoder {
 public:
  // What a state may add to the journal, on average, for each message; a larger state is kept less often.
  static constexpr std::size_t state_bytes_per_message = 4096;

  SparkplugDecoder(const MappingOptions& options, std::span<const std::string> capture_names);
  void decode(const Message& message, DecodedBatch& out) override;
  void restore_state(std::string_view bytes) override;
  bool passes_over(std::string_view topic) const override;

 private:
  // The message that is being decoded.
  struct Current {
    const Message& message;
    const SparkplugTopic& topic;
    const SparkplugPayload& payload;
    std::string_view sensor;
    const SparkplugPlace* place;  // what is known of the node or device; nothing: none
  };
  void take_birth(const Current& current);
  void take_death(const Current& current);
  void take_sequence(const Current& current, DecodedBatch& out);
  void take_values(Current current, MessageOutput& output);
  std::optional<Fault> take_metric(const SparkplugMetric& metric, std::size_t offset, const Current& current,
                                   MessageOutput& output);
  void give_time(const SparkplugMetric& metric, const SparkplugPayload& payload, DecodedReading& reading) const;
  std::string_view sensor_of(const Current& current, DecodedBatch& out);
  std::string_view metric_of(const Current& current, std::string_view name, DecodedBatch& out);
  void ask_for_births(const Current& current, DecodedBatch& out);
  void keep_state(const Message& message, DecodedBatch& out);
  void notice_once(bool& has_noticed, const std::string& text, DecodedBatch& out);

  std::optional<TextTemplate> sensor_;
  std::optional<TextTemplate> metric_;
  SparkplugValues values_;
  TimeFormat time_format_;
  SparkplugNodes nodes_;
  std::string scratch_;
  std::size_t state_bytes_ = 0;  // of the last one
  std::size_t messages_since_state_ = 0;
  bool has_unknown_alias_ = false;  // the message that is being decoded, of a birth that may be asked for
  bool has_noticed_gap_ = false;
  bool has_noticed_limit_ = false;
};

extern const Format sparkplug_format;

}  // namespace edgetide
