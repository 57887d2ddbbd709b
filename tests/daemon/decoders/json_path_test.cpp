#include "daemon/decoders/json_path.h"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

namespace edgetide {
namespace {

constexpr std::string_view document =
    R"({"a":{"b":1,"c.d":2},"list":[{"v":3},{"v":4},5],"x:0":{"tC":6},"s1":{"t":7},"s2":{"t":8},"grid":[[9,10],[11]]})";

std::string matches(std::string_view text) {
  JsonParser parser;
  const JsonParsed parsed = parser.parse(document);
  std::string found, trail;
  JsonPath(text).for_each(*parsed.root, trail, [&](JsonValue value, std::string_view at) {
    if (!found.empty()) found += ' ';
    found += value.is(JsonKind::number) ? std::to_string(*value.integer()) : "?";
    if (!at.empty()) found.append("@").append(at);
  });
  return found;
}

TEST(JsonPath, leads_to_values) {
  const struct {
    const char* path;
    const char* found;
  } cases[] = {
      {"a.b", "1"},
      {"a.\"c.d\"", "2"},
      {"\"x:0\".tC", "6"},
      {"x:0.tC", "6"},
      {"list[0].v", "3"},
      {"list[2]", "5"},
      {"list[3]", ""},
      {"list[*].v", "3@list[0].v 4@list[1].v"},
      {"*.t", "7@s1.t 8@s2.t"},
      {"*[0].v", "3@list[0].v"},
      {"*[*]", "?@list[0] ?@list[1] 5@list[2] ?@grid[0] ?@grid[1]"},
      {"grid[*][0]", "9@grid[0][0] 11@grid[1][0]"},
      {"grid[0][*]", "9@grid[0][0] 10@grid[0][1]"},
      {"", "?"},
      {"nothing", ""},
      {"a.b.c", ""},
      {"list.v", ""},
      {"a[0]", ""},
  };
  for (const auto& c : cases) EXPECT_EQ(matches(c.path), c.found) << c.path;
}

TEST(JsonPath, single_path_finds_its_value) {
  JsonParser parser;
  const JsonParsed parsed = parser.parse(document);
  EXPECT_EQ(JsonPath("grid[1][0]").find(*parsed.root)->integer(), 11);
  EXPECT_FALSE(JsonPath("grid[1][1]").find(*parsed.root));
  EXPECT_TRUE(JsonPath("a.b").single());
  EXPECT_FALSE(JsonPath("a.*").single());
  EXPECT_FALSE(JsonPath("a[*]").single());
  EXPECT_EQ(JsonPath("a.\"c.d\"[3]").last_name(), "c.d");
  EXPECT_EQ(JsonPath("[3]").last_name(), "");
}

TEST(JsonPath, bad_path_is_refused_with_a_reason) {
  const struct {
    const char* path;
    const char* reason;
  } cases[] = {
      {"a..b", "path 'a..b' has an empty name"},
      {".a", "path '.a' has an empty name"},
      {"a.", "path 'a.' has an empty name"},
      {"a[", "path 'a[' has a '[' that is not closed"},
      {"a[x]", "path 'a[x]' has '[x]': write [*] or a number such as [0]"},
      {"a[]", "path 'a[]' has '[]': write [*] or a number such as [0]"},
      {"a[-1]", "path 'a[-1]' has '[-1]': write [*] or a number such as [0]"},
      {"a[99999999999999999999]",
       "path 'a[99999999999999999999]' has '[99999999999999999999]': write [*] or a number such as [0]"},
      {"a[0]b", "path 'a[0]b' needs '.' or '[' behind ']' and behind a quoted name"},
      {"\"a\"b", "path '\"a\"b' needs '.' or '[' behind ']' and behind a quoted name"},
      {"\"a", "path '\"a' has a quote that is not closed"},
      {"\"\"", "path '\"\"' has an empty name"},
      {"a.t*", "path 'a.t*' has 't*': quote names with special characters; '*' stands alone"},
  };
  for (const auto& c : cases) {
    try {
      const JsonPath path(c.path);
      ADD_FAILURE() << c.path << " was taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_STREQ(error.what(), c.reason);
    }
  }
}

}  // namespace
}  // namespace edgetide
