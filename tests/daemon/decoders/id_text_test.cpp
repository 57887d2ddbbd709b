#include "daemon/decoders/id_text.h"

#include <cstddef>
#include <gtest/gtest.h>
#include <string>
#include <utility>

namespace edgetide {
namespace {

TEST(IdText, printable_utf8_of_up_to_128_bytes_is_an_id) {
  for (const std::string& text :
       {std::string("a"), std::string("kitchen 1"), std::string("urn:dev:ow:10e2073a:"), std::string("tempér°C"),
        std::string("\xF0\x9F\x8C\xA1"), std::string("温度"), std::string("\xC2\xA0"), std::string(128, 'x')}) {
    EXPECT_TRUE(is_id(text)) << text;
  }
}

TEST(IdText, unprintable_and_invalid_utf8_ids_are_refused) {
  const std::string cases[] = {
      "",
      std::string(129, 'x'),
      std::string("a\0b", 3),
      "a\nb",
      "\x1b[31m",
      "\x7f",
      "\xC2\x85",          // C1: next line
      "\xE2\x80\xA8",      // line separator
      "\xE2\x80\xA9",      // paragraph separator
      "\xE2\x80\xAE",      // right-to-left override
      "\xE2\x81\xA6",      // left-to-right isolate
      "\xE2\x80\x8F",      // right-to-left mark
      "\xD8\x9C",          // Arabic letter mark
      "\xC0\x80",          // overlong NUL
      "\xC1\xBF",          // overlong
      "\xE0\x80\xAF",      // overlong '/'
      "\xF0\x80\x80\xAF",  // overlong '/'
      "\xED\xA0\x80",      // surrogate
      "\xF4\x90\x80\x80",  // beyond U+10FFFF
      "\xF5\x80\x80\x80",
      "\xFF",
      "\x80",
      "caf\xE9",   // Latin-1
      "\xE2\x82",  // cut off
      "\xC3",
      "\xC3(",
  };
  for (const std::string& text : cases) EXPECT_FALSE(is_id(text)) << testing::PrintToString(text);
}

TEST(IdText, one_byte_decides_wherever_it_stands) {
  for (std::size_t size = 1; size <= 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, '~');
      for (int byte = 0; byte < 256; ++byte) {
        text[at] = static_cast<char>(byte);
        EXPECT_EQ(is_id(text), byte >= 0x20 && byte < 0x7f) << testing::PrintToString(text);
      }
      text.replace(at, 1, "é");
      EXPECT_TRUE(is_id(text)) << text;
    }
  }
}

TEST(IdText, unit_and_label_value_may_be_empty) {
  EXPECT_TRUE(is_id_or_empty(""));
  EXPECT_FALSE(is_id_or_empty("\n"));
  EXPECT_FALSE(is_id_or_empty(std::string(129, 'x')));
}

TEST(IdText, escaped_text_has_nothing_that_an_id_must_not_have) {
  const std::pair<std::string, std::string> cases[] = {
      {"größer\\", "größer\\"},
      {std::string("a\0b", 3), "a\\x00b"},
      {"\x1b[2J\n\t\x7f", "\\x1b[2J\\x0a\\x09\\x7f"},
      {"\xc2\x9b", "\\xc2\\x9b"},
      {"\xe2\x80\xae!", "\\xe2\\x80\\xae!"},
      {"\xff\xc3(\xe2\x82", "\\xff\\xc3(\\xe2\\x82"},
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
  };
  for (const auto& [text, shown] : cases) {
    EXPECT_EQ(escaped(text), shown);
    EXPECT_TRUE(is_id(escaped(text))) << shown;
  }
}

}  // namespace
}  // namespace edgetide
