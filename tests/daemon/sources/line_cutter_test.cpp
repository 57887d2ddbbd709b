#include "daemon/sources/line_cutter.h"

#include <gmock/gmock.h>
#include <string>
#include <vector>

namespace edgetide::test {
namespace {

using testing::ElementsAre;

TEST(LineCutter, cuts_any_split_of_the_bytes_into_the_same_lines_with_their_offsets) {
  const std::string bytes = "one\n\nten bytes.\nthis line is too long\nthree\nrest";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    LineCutter lines(10, 100);
    std::vector<std::string> found;
    const auto line = [&](std::string_view text, std::uint64_t at) {
      found.push_back(std::to_string(at) + ' ' + std::string(text));
    };
    const auto too_long = [&](std::uint64_t at) { found.push_back(std::to_string(at) + " too long"); };
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      lines.append(std::string_view(bytes).substr(at, piece), line, too_long);
    }
    EXPECT_THAT(found, ElementsAre("100 one", "104 ", "105 ten bytes.", "116 too long", "138 three")) << piece;
    EXPECT_TRUE(lines.partial());
    EXPECT_EQ(lines.next_line(), 144U);
    lines.finish(line, too_long);
    EXPECT_EQ(found.back(), "144 rest");
    EXPECT_EQ(lines.next_line(), 148U);
    lines.finish(line, too_long);
    EXPECT_EQ(found.size(), 6U) << "there is nothing more";
  }
}

}  // namespace
}  // namespace edgetide::test
