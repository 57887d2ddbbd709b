// The payload of Sparkplug B: metrics with a name or its alias, a value of a data type, and a time.
//
// Owns:   nothing; views point into the payload. Thread: pure.
// Fails:  nothing for what is not such a message. A metric that is malformed does not affect the others.
// See: Sparkplug 3.0.0, chapter 6; sparkplug_b.proto of Eclipse Tahu.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "daemon/decoders/protobuf.h"
#include "daemon/decoders/value_text.h"
#include "pipeline/refusal.h"

namespace edgetide {

inline constexpr std::uint64_t sparkplug_unknown = 0;  // of data types: the metric does not say

struct SparkplugMetric {
  std::string_view name;  // empty: only the alias is there
  std::optional<std::uint64_t> alias = {};
  std::optional<std::uint64_t> timestamp = {};  // ms
  std::uint64_t datatype = sparkplug_unknown;
  bool is_null = false;
  enum class Kind : std::uint8_t { none, int_value, long_value, real, boolean, text, other } kind = Kind::none;
  std::uint64_t integer = 0;
  double real = 0;
  std::string_view text = {};
};

std::optional<SparkplugMetric> sparkplug_metric(std::string_view bytes) noexcept;

// Without its metrics, which may stand before or behind the rest.
struct SparkplugPayload {
  std::optional<std::uint64_t> timestamp;  // ms
  std::optional<std::uint64_t> seq;
  bool is_compressed = false;  // the payload is in `body`
};

std::optional<SparkplugPayload> sparkplug_payload(std::string_view bytes) noexcept;

// Calls take(bytes) for each metric. Requires: sparkplug_payload has read it.
template <typename Take>
void for_each_metric(std::string_view payload, Take&& take) {
  constexpr std::uint32_t metrics = 2;
  ProtobufReader reader(payload);
  for (ProtobufField field; reader.next(field);) {
    if (field.number == metrics && field.kind == ProtobufField::Kind::bytes) take(field.bytes);
  }
}

// The value of a metric whose data type is known. unknown_alias where it is not and would be needed, bad_number for one
// that does not fit its type, unsupported for what is not a number: data sets, templates, bytes, times, other text.
class SparkplugValues {
 public:
  explicit SparkplugValues(const MappingOptions& options) : reader_(options), coerce_strings_(options.coerce_strings) {}
  std::variant<ValueOfText, Refusal> value(const SparkplugMetric& metric, std::uint64_t datatype) const noexcept;

 private:
  std::variant<ValueOfText, Refusal> integer(const SparkplugMetric& metric, std::uint64_t datatype) const noexcept;
  std::variant<ValueOfText, Refusal> text(std::string_view text, std::uint64_t datatype) const noexcept;

  ValueReader reader_;
  bool coerce_strings_;
};

// What a birth says of a metric, as a field of a payload; append_metric's counterpart is sparkplug_metric.
void append_metric(std::string& payload, std::string_view name, std::optional<std::uint64_t> alias,
                   std::uint64_t datatype);

// A command "Node Control/Rebirth". `timestamp`: ms, of the message that made it necessary, where it has one.
std::string rebirth_request(std::optional<std::uint64_t> timestamp);

// The number of its shortest decimal text: 21.4F, which is 21.3999996 as a double, is 21.4.
double shortest_of(float number) noexcept;

}  // namespace edgetide
