#include "daemon/decoders/protobuf.h"

#include <gtest/gtest.h>
#include <sstream>
#include <string>

namespace edgetide {
namespace {

using namespace std::string_literals;

std::string fields_of(std::string_view message) {
  std::ostringstream out;
  ProtobufReader reader(message);
  for (ProtobufField field; reader.next(field);) {
    out << field.number << '=';
    if (field.kind == ProtobufField::Kind::bytes) {
      out << '"' << field.bytes << "\" ";
    } else {
      out << field.integer << ' ';
    }
  }
  if (reader.is_malformed()) out << "malformed";
  return out.str();
}

TEST(Protobuf, fields_are_read_in_their_order) {
  const struct {
    std::string message, expected;
  } cases[] = {
      {"", ""},
      {"\x08\x96\x01"s, "1=150 "},  // the example of the encoding guide
      {"\x12\x07testing"s, "2=\"testing\" "},
      {"\x0a\x00\x0a\x01x"s, "1=\"\" 1=\"x\" "},
      {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s, "1=18446744073709551615 "},
      {"\x08\x80\x00"s, "1=0 "},  // longer than needed
      {"\x0d\x01\x02\x00\x00\x11\x01\0\0\0\0\0\0\x80"s, "1=513 2=9223372036854775809 "},
      {"\xf8\xff\xff\xff\x0f\x01"s, "536870911=1 "},
  };
  for (const auto& c : cases) EXPECT_EQ(fields_of(c.message), c.expected);
}

TEST(Protobuf, what_is_cut_off_or_malformed_ends_the_message) {
  const struct {
    std::string message, expected;
  } cases[] = {
      {"\x08\x01\x08"s, "1=1 malformed"},
      {"\x08\x80"s, "malformed"},
      {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s, "malformed"},  // beyond 64 bits
      {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s, "malformed"},
      {"\x12\x08testing"s, "malformed"},
      {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"s, "malformed"},
      {"\x0d\x01\x02\x03"s, "malformed"},
      {"\x11\x01"s, "malformed"},
      {"\x00\x01"s, "malformed"},                  // field 0
      {"\x80\x80\x80\x80\x10\x01"s, "malformed"},  // a field number beyond 29 bits
      {"\x0b\x0c"s, "malformed"},                  // a group
      {"\x0f"s, "malformed"},                      // no kind
  };
  for (const auto& c : cases) EXPECT_EQ(fields_of(c.message), c.expected);
}

TEST(Protobuf, appended_fields_are_read_back) {
  std::string message;
  append_protobuf(message, 1, std::uint64_t{150});
  append_protobuf(message, 2, "testing");
  append_protobuf(message, 16, ~std::uint64_t{0});
  EXPECT_EQ(message.substr(0, 12), "\x08\x96\x01\x12\x07testing");
  EXPECT_EQ(fields_of(message), "1=150 2=\"testing\" 16=18446744073709551615 ");
}

}  // namespace
}  // namespace edgetide
