#include "daemon/decoders/sparkplug_payload.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "daemon/decoders/number_text.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

// Of sparkplug_b.proto.
enum PayloadField : std::uint32_t { payload_timestamp = 1, payload_metrics = 2, payload_seq = 3, payload_uuid = 4 };
enum MetricField : std::uint32_t {
  metric_name = 1,
  metric_alias = 2,
  metric_timestamp = 3,
  metric_datatype = 4,
  metric_is_null = 7,
  metric_int_value = 10,
  metric_long_value = 11,
  metric_float_value = 12,
  metric_double_value = 13,
  metric_boolean_value = 14,
  metric_string_value = 15,
  metric_bytes_value = 16,
  metric_extension_value = 19,
};
enum DataType : std::uint64_t {
  int8 = 1,
  int64 = 4,
  uint8 = 5,
  uint64 = 8,
  float_type = 9,
  double_type = 10,
  boolean_type = 11,
  string_type = 12,
  text_type = 14
};

using FieldKind = ProtobufField::Kind;

constexpr std::uint64_t bits_of(std::uint64_t datatype) noexcept {
  return std::uint64_t{8} << (datatype <= int64 ? datatype - int8 : datatype - uint8);
}

// Signed values are in unsigned fields. Those of 8 and 16 bits come as they are, or with their sign extended.
std::optional<std::int64_t> signed_integer(std::uint64_t field, std::uint64_t bits) noexcept {
  const auto unused = static_cast<int>(64 - bits);
  const std::int64_t number = static_cast<std::int64_t>(field << unused) >> unused;
  const auto extended = static_cast<std::uint64_t>(number);
  const bool fits = field <= (~std::uint64_t{0} >> unused);
  if (fits || field == extended || (number < 0 && field == static_cast<std::uint32_t>(extended))) return number;
  return std::nullopt;
}

FieldKind kind_of_value(std::uint32_t field) noexcept {
  if (field == metric_float_value) return FieldKind::fixed32;
  if (field == metric_double_value) return FieldKind::fixed64;
  return field >= metric_string_value ? FieldKind::bytes : FieldKind::varint;
}

// False: the field is of another kind than it must be.
bool take_value(const ProtobufField& field, SparkplugMetric& metric) noexcept {
  using Kind = SparkplugMetric::Kind;
  if (field.kind != kind_of_value(field.number)) return false;
  metric.integer = field.integer;
  metric.text = field.bytes;
  switch (field.number) {
    case metric_int_value:
      metric.integer = static_cast<std::uint32_t>(field.integer);
      metric.kind = Kind::int_value;
      break;
    case metric_long_value:
      metric.kind = Kind::long_value;
      break;
    case metric_float_value:
      metric.real = shortest_of(std::bit_cast<float>(static_cast<std::uint32_t>(field.integer)));
      metric.kind = Kind::real;
      break;
    case metric_double_value:
      metric.real = std::bit_cast<double>(field.integer);
      metric.kind = Kind::real;
      break;
    case metric_boolean_value:
      metric.kind = Kind::boolean;
      break;
    default:
      metric.kind = field.number == metric_string_value ? Kind::text : Kind::other;
  }
  return true;
}

bool take_field(const ProtobufField& field, SparkplugMetric& metric) noexcept {
  const bool is_number = field.kind == FieldKind::varint;
  switch (field.number) {
    case metric_name:
      metric.name = field.bytes;
      return field.kind == FieldKind::bytes;
    case metric_alias:
      metric.alias = field.integer;
      return is_number;
    case metric_timestamp:
      metric.timestamp = field.integer;
      return is_number;
    case metric_datatype:
      metric.datatype = field.integer;
      return is_number;
    case metric_is_null:
      metric.is_null = field.integer != 0;
      return is_number;
    default:
      if (field.number < metric_int_value || field.number > metric_extension_value) return true;
      return take_value(field, metric);
  }
}

}  // namespace

std::optional<SparkplugMetric> sparkplug_metric(std::string_view bytes) noexcept {
  SparkplugMetric metric;
  ProtobufReader reader(bytes);
  for (ProtobufField field; reader.next(field);) {
    if (!take_field(field, metric)) return std::nullopt;
  }
  if (reader.is_malformed()) return std::nullopt;
  return metric;
}

std::optional<SparkplugPayload> sparkplug_payload(std::string_view bytes) noexcept {
  SparkplugPayload payload;
  ProtobufReader reader(bytes);
  for (ProtobufField field; reader.next(field);) {
    const bool is_number = field.kind == FieldKind::varint, is_bytes = field.kind == FieldKind::bytes;
    if (field.number == payload_timestamp && is_number) {
      payload.timestamp = field.integer;
    } else if (field.number == payload_seq && is_number) {
      payload.seq = field.integer;
    } else if (field.number == payload_uuid && is_bytes) {
      payload.is_compressed = field.bytes == "SPBV1.0_COMPRESSED";
    } else if (field.number <= payload_uuid && field.number != payload_metrics) {
      return std::nullopt;
    } else if (field.number == payload_metrics && !is_bytes) {
      return std::nullopt;
    }
  }
  if (reader.is_malformed()) return std::nullopt;
  return payload;
}

std::variant<ValueOfText, Refusal> SparkplugValues::value(const SparkplugMetric& metric,
                                                          std::uint64_t datatype) const noexcept {
  using Kind = SparkplugMetric::Kind;
  switch (metric.kind) {
    case Kind::int_value:
    case Kind::long_value:
      return integer(metric, datatype);
    case Kind::real:
      return ValueOfText{metric.real};
    case Kind::boolean:
      return ValueOfText{reader_.boolean(metric.integer != 0)};
    case Kind::text:
      return text(metric.text, datatype);
    case Kind::other:
      return Refusal::unsupported;
    case Kind::none:
      break;
  }
  return Refusal::bad_number;
}

std::variant<ValueOfText, Refusal> SparkplugValues::integer(const SparkplugMetric& metric,
                                                            std::uint64_t datatype) const noexcept {
  const std::uint64_t field = metric.integer;
  if (datatype == sparkplug_unknown) return Refusal::unknown_alias;
  if (datatype <= int64) {
    const auto number = signed_integer(field, bits_of(datatype));
    if (!number) return Refusal::bad_number;
    return ValueOfText{static_cast<double>(*number), is_inexact(*number)};
  }
  if (datatype <= uint64) {
    if (field > ~std::uint64_t{0} >> (64 - bits_of(datatype))) return Refusal::bad_number;
    return ValueOfText{static_cast<double>(field), is_inexact(field)};
  }
  if (datatype == boolean_type && field <= 1) return ValueOfText{reader_.boolean(field == 1)};
  return datatype <= boolean_type || datatype == string_type ? Refusal::bad_number : Refusal::unsupported;
}

// As text in JSON without `values`.
std::variant<ValueOfText, Refusal> SparkplugValues::text(std::string_view text, std::uint64_t datatype) const noexcept {
  const bool is_text = datatype == sparkplug_unknown || datatype == string_type || datatype == text_type;
  const bool has_leading_zero = text.size() > 1 && text[0] == '0' && is_digit(text[1]);
  if (!is_text || has_leading_zero || (!coerce_strings_ && exact_number(text))) return Refusal::unsupported;
  const auto read = reader_.read(text, {});
  const auto* const refusal = std::get_if<Refusal>(&read);
  return refusal != nullptr && *refusal == Refusal::bad_number ? Refusal::unsupported : read;
}

double shortest_of(float number) noexcept {
  if (!std::isfinite(number)) return static_cast<double>(number);
  std::array<char, 32> digits{};
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  double shortest = 0;
  std::from_chars(digits.data(), end, shortest);
  return shortest;
}

void append_metric(std::string& payload, std::string_view name, std::optional<std::uint64_t> alias,
                   std::uint64_t datatype) {
  std::string metric;
  append_protobuf(metric, metric_name, name);
  if (alias) append_protobuf(metric, metric_alias, *alias);
  append_protobuf(metric, metric_datatype, datatype);
  append_protobuf(payload, payload_metrics, metric);
}

std::string rebirth_request(std::optional<std::uint64_t> timestamp) {
  std::string metric, payload;
  append_protobuf(metric, metric_name, "Node Control/Rebirth");
  if (timestamp) append_protobuf(metric, metric_timestamp, *timestamp);
  append_protobuf(metric, metric_datatype, std::uint64_t{boolean_type});
  append_protobuf(metric, metric_boolean_value, std::uint64_t{1});
  if (timestamp) append_protobuf(payload, payload_timestamp, *timestamp);
  append_protobuf(payload, payload_metrics, metric);
  return payload;
}

}  // namespace edgetide
