// The names of SenML, "urn:dev:ow:10e2073a01080063:voltage": a base name and a name, put together.
//
// Parts.   The device is a URN ("urn:dev:TYPE:ID", otherwise "urn:NID:NSS") or what stands before the last ':' or '/';
//          the metric is the rest, without the separator, which behind a URN may be '_' too. A name that is all device
//          has its unit as the pack has it for the metric ("lat"), or "value" without one.
//              urn:dev:ow:10e2073a01080063:voltage     urn:dev:ow:10e2073a01080063     voltage
//              urn:dev:mac:0024befffe804ff1_hum/1      urn:dev:mac:0024befffe804ff1    hum/1
//              urn:dev:ow:10e2073a01080063, in "Cel"   urn:dev:ow:10e2073a01080063     Cel
//              /3303/0/5700                            /3303/0                         5700
//              pump-7                                  pump-7                          value
// Sensor.  The `sensor` template, which may use {name}, {device}, {metric}, {bn} and {n} besides captures, which go
//          before these; otherwise {device} or {sensor} of the topic; otherwise the device.
// Metric.  The `metric` template likewise; otherwise the metric, or the whole name where the topic or the template
//          names the sensor, since only that tells the devices of one pack apart. There a name of one part is the
//          metric.
//
// See:    RFC 8428, 4.5.1; RFC 9039. Thread: immutable but for its buffers; one at a time.
// Fails:  construction by std::invalid_argument, as templates do.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/text_template.h"

namespace edgetide {

// All valid as long as the batch.
struct SenmlName {
  std::string_view base = {}, own = {};  // as the pack has them
  std::string_view whole = {};
};

// Letters, digits and "-:./_", a letter, a digit or (as LwM2M writes paths) a '/' first.
bool is_senml_name(std::string_view name) noexcept;

class SenmlNames {
 public:
  SenmlNames(const MappingOptions& options, std::span<const std::string> capture_names)
      : sensor_(sensor_template(options, capture_names)), metric_(metric_of_route(options, capture_names)) {}

  // Sets sensor and metric. False: one of them is not an id.
  bool set(const SenmlName& name, std::string_view unit, const Message& message, DecodedReading& reading,
           DecodedBatch& out);

 private:
  std::optional<TextTemplate> sensor_;
  std::optional<TextTemplate> metric_;
  std::string scratch_;
};

}  // namespace edgetide
