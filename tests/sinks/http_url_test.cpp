#include "sinks/http_url.h"

#include <gtest/gtest.h>

namespace edgetide {
namespace {

TEST(HttpUrl, takes_an_address_apart) {
  const struct {
    const char* text;
    const char* server;
    const char* path;
    const char* query;
  } cases[] = {
      {"http://localhost", "http://localhost", "", ""},
      {"https://db.example:8086/api/v2/write?org=o&bucket=b", "https://db.example:8086", "/api/v2/write",
       "org=o&bucket=b"},
      {"http://[::1]:80?x", "http://[::1]:80", "", "x"},
      {"https://a/b?c?d/e", "https://a", "/b", "c?d/e"},
  };
  for (const auto& one : cases) {
    const std::optional<HttpUrl> url = parse_http_url(one.text);
    ASSERT_TRUE(url) << one.text;
    EXPECT_EQ(url->server(), one.server);
    EXPECT_EQ(url->path, one.path);
    EXPECT_EQ(url->query, one.query);
  }
}

TEST(HttpUrl, other_texts_are_none) {
  for (const char* text :
       {"", "http://", "https:///x", "ftp://a", "HTTP://a", "a:80", "http://a:", "http://a:0", "http://a:70000",
        "http://a:b", "http://u@a", "http://u:p@a/x", "http://a/b c", "http://a/\xC3\xA4", "http://a/#b",
        "http://a\r\nX: y", "http://[::1", "http://[x]", "http://::1/"}) {
    EXPECT_FALSE(parse_http_url(text)) << text;
  }
}

TEST(HttpUrl, parameters_are_found_by_their_whole_name) {
  const HttpUrl url = parse_http_url("http://a/?bucket=b&precision=ms&org&x=1&x=2").value();
  EXPECT_EQ(url.parameter("precision"), "ms");
  EXPECT_EQ(url.parameter("org"), "");
  EXPECT_EQ(url.parameter("x"), "1");
  EXPECT_FALSE(url.parameter("prec"));
  EXPECT_FALSE(parse_http_url("http://a")->parameter("precision"));
}

}  // namespace
}  // namespace edgetide
