// Names of formats whose lines begin with a dotted path and may have tags: "site.lyon.temp", "cpu.load;host=a".
//
// Sensor.  The `sensor` template, which may use {path}, its parts {1}, {2}, ... and the tags besides captures;
//          otherwise {device} or {sensor} of the topic; otherwise the path without its last part (one part: all of it).
// Metric.  The `metric` template likewise; otherwise the last part of the path, the whole path where the topic or the
//          template names the sensor, "value" if the path is the sensor.
// Labels.  The tags, 32 at most.
//
// Thread: immutable but for its buffer; one at a time. Fails: construction by std::invalid_argument, as templates do.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/text_template.h"

namespace edgetide {

class DottedNames {
 public:
  static constexpr std::size_t max_tags = 32;

  DottedNames(const MappingOptions& options, std::span<const std::string> capture_names);

  // Sets sensor, metric and labels; the tags are the batch's labels from `first_label` on. Answers which of them is not
  // an id; empty: all are.
  std::string_view name(std::string_view path, std::size_t first_label, const Message& message, DecodedReading& reading,
                        DecodedBatch& out);

 private:
  std::string_view expand(const TextTemplate& text, std::string_view path, std::span<const LabelView> tags,
                          const Message& message, DecodedBatch& out);

  std::optional<TextTemplate> sensor_;
  std::optional<TextTemplate> metric_;
  std::string scratch_;
};

}  // namespace edgetide
