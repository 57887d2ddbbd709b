#include "daemon/decoders/protobuf.h"

#include "pipeline/varint.h"

namespace edgetide {

namespace {

constexpr unsigned kind_bits = 3;
constexpr std::uint64_t max_field_number = (1U << 29) - 1;

void append_tag(std::string& message, std::uint32_t number, ProtobufField::Kind kind) {
  put_varint(message, std::uint64_t{number} << kind_bits | static_cast<std::uint64_t>(kind));
}

}  // namespace

bool ProtobufReader::next(ProtobufField& field) noexcept {
  if (rest_.empty() || is_malformed_) return false;
  std::uint64_t tag = 0;
  is_malformed_ = !take_varint(tag) || tag >> kind_bits == 0 || tag >> kind_bits > max_field_number;
  if (is_malformed_) return false;
  field.number = static_cast<std::uint32_t>(tag >> kind_bits);
  field.kind = static_cast<ProtobufField::Kind>(tag & ((1U << kind_bits) - 1));
  is_malformed_ = !take_value(field);
  return !is_malformed_;
}

bool ProtobufReader::take_value(ProtobufField& field) noexcept {
  switch (field.kind) {
    case ProtobufField::Kind::varint:
      return take_varint(field.integer);
    case ProtobufField::Kind::fixed64:
      return take_fixed(8, field.integer);
    case ProtobufField::Kind::fixed32:
      return take_fixed(4, field.integer);
    case ProtobufField::Kind::bytes:
      return take_bytes(field.bytes);
  }
  return false;
}

bool ProtobufReader::take_varint(std::uint64_t& number) noexcept {
  number = 0;
  for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    number |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return shift < 63 || byte <= 1;
  }
  return false;
}

bool ProtobufReader::take_fixed(std::size_t size, std::uint64_t& number) noexcept {
  if (rest_.size() < size) return false;
  number = 0;
  for (std::size_t i = size; i > 0; --i) number = number << 8 | static_cast<unsigned char>(rest_[i - 1]);
  rest_.remove_prefix(size);
  return true;
}

bool ProtobufReader::take_bytes(std::string_view& bytes) noexcept {
  std::uint64_t size = 0;
  if (!take_varint(size) || size > rest_.size()) return false;
  bytes = rest_.substr(0, static_cast<std::size_t>(size));
  rest_.remove_prefix(static_cast<std::size_t>(size));
  return true;
}

void append_protobuf(std::string& message, std::uint32_t number, std::uint64_t varint) {
  append_tag(message, number, ProtobufField::Kind::varint);
  put_varint(message, varint);
}

void append_protobuf(std::string& message, std::uint32_t number, std::string_view bytes) {
  append_tag(message, number, ProtobufField::Kind::bytes);
  put_text(message, bytes);
}

}  // namespace edgetide
