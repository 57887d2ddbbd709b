// Protocol Buffers on the wire, without a schema: the fields of one message, one after the other, and their encoding.
//
// Owns:   a field's bytes point into the message.
// Thread: one at a time.
// Fails:  a message that is cut off or malformed ends early and says so; groups, which are deprecated, are malformed.
// See: https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace edgetide {

struct ProtobufField {
  enum class Kind : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };  // as on the wire
  std::uint32_t number = 0;
  Kind kind = Kind::varint;
  std::uint64_t integer = 0;    // the bits of those that are not bytes
  std::string_view bytes = {};  // a string, bytes or a message
};

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  // False at the end, and where the message cannot be read further.
  bool next(ProtobufField& field) noexcept;
  bool is_malformed() const noexcept { return is_malformed_; }

 private:
  bool take_varint(std::uint64_t& number) noexcept;
  bool take_fixed(std::size_t size, std::uint64_t& number) noexcept;
  bool take_bytes(std::string_view& bytes) noexcept;
  bool take_value(ProtobufField& field) noexcept;

  std::string_view rest_;
  bool is_malformed_ = false;
};

// Append one field to a message.
void append_protobuf(std::string& message, std::uint32_t number, std::uint64_t varint);
void append_protobuf(std::string& message, std::uint32_t number, std::string_view bytes);

}  // namespace edgetide
