#include "daemon/sources/frame_buffer.h"

#include <gmock/gmock.h>
#include <string>
#include <vector>

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using namespace std::string_literals;

TEST(FrameBuffer, cuts_any_split_of_the_bytes_into_the_same_lines) {
  const std::string bytes = "one\n\ntwo\nthis line is too long\nthree\nrest";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameBuffer buffer(Framing::newline, 10);
    std::vector<std::string> lines;
    int too_long = 0;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      buffer.append(
          std::string_view(bytes).substr(at, piece), [&](std::string_view line) { lines.emplace_back(line); },
          [&] { ++too_long; });
    }
    EXPECT_THAT(lines, ElementsAre("one", "", "two", "three")) << "pieces of " << piece;
    EXPECT_EQ(too_long, 1);
    EXPECT_TRUE(buffer.partial());
  }
}

struct Cut {
  std::vector<std::string> messages;
  int too_long = 0;
  bool partial = false;
  bool unreported = false;
};

// Cuts the bytes, given in pieces of that size.
Cut cut(Framing framing, const std::string& bytes, std::size_t piece) {
  FrameBuffer buffer(framing, 10);
  Cut result;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    buffer.append(
        std::string_view(bytes).substr(at, piece),
        [&](std::string_view message) { result.messages.emplace_back(message); }, [&] { ++result.too_long; });
  }
  result.partial = buffer.partial();
  result.unreported = buffer.unreported();
  return result;
}

TEST(FrameBuffer, cuts_any_split_of_the_bytes_at_the_lengths_before_the_messages) {
  const std::string bytes = "\0\0\0\x03one"s + "\0\0\0\0"s + "\0\0\0\x0bis too long"s + "\0\0\0\x0aten\nbytes!"s +
                            "\0\0\0\x04rest"s.substr(0, 7);
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Cut result = cut(Framing::length_prefix, bytes, piece);
    EXPECT_THAT(result.messages, ElementsAre("one", "", "ten\nbytes!")) << "pieces of " << piece;
    EXPECT_EQ(result.too_long, 1);
    EXPECT_TRUE(result.partial);
    EXPECT_TRUE(result.unreported);
  }
}

TEST(FrameBuffer, cuts_any_split_of_the_bytes_into_telegrams_and_what_is_between_them) {
  const std::string bytes = "b\r\n!1\r\n\r\n \n/a\nb\n!\n/cut\n/d/e\n!F\r\n/is too\nlong\n!\n/g\n!\nx\n/h";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    const Cut result = cut(Framing::telegram, bytes, piece);
    EXPECT_THAT(result.messages, ElementsAre("b\r\n!1\r\n", "/a\nb\n!\n", "/cut\n", "/d/e\n!F\r\n", "/g\n!\n", "x\n"))
        << "pieces of " << piece;
    EXPECT_EQ(result.too_long, 1);
    EXPECT_TRUE(result.partial);
    EXPECT_TRUE(result.unreported);
  }
}

TEST(FrameBuffer, knows_what_a_stream_leaves_unfinished) {
  struct Case {
    Framing framing;
    std::string bytes;
    bool partial, unreported;
  };
  const Case cases[] = {
      {Framing::newline, "", false, false},
      {Framing::newline, "one\n", false, false},
      {Framing::newline, "on", true, true},
      {Framing::newline, "longer than ten", true, false},  // it has been reported as too long
      {Framing::length_prefix, "", false, false},
      {Framing::length_prefix, "\0\0\0\x03one"s, false, false},
      {Framing::length_prefix, "\0"s, true, true},
      {Framing::length_prefix, "\0\0\0\x03"s, true, true},
      {Framing::length_prefix, "\0\0\0\x03on"s, true, true},
      {Framing::length_prefix, "\xff\xff\xff\xff", true, false},
      {Framing::telegram, "", false, false},
      {Framing::telegram, "/a\n!\n\r\n", false, false},  // the blank line is not the start of a message
      {Framing::telegram, "/a\n!", true, true},
      {Framing::telegram, "/longer than ten", true, false},
  };
  for (const Case& c : cases) {
    const Cut result = cut(c.framing, c.bytes, 1);
    EXPECT_EQ(result.partial, c.partial) << testing::PrintToString(c.bytes);
    EXPECT_EQ(result.unreported, c.unreported) << testing::PrintToString(c.bytes);
  }
}

}  // namespace
}  // namespace edgetide::test
