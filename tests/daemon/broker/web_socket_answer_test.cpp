#include "daemon/broker/web_socket_answer.h"

#include <gmock/gmock.h>

namespace edgetide::test {
namespace {

const std::string good = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

TEST(WebSocketAnswer, library_gets_it_once_it_is_whole) {
  for (const std::size_t piece : {good.size(), std::size_t{1}}) {
    WebSocketAnswer answer;
    for (std::size_t at = 0; at < good.size(); at += piece) {
      EXPECT_FALSE(answer.is_whole());
      EXPECT_GT(answer.wanted(), 0);
      EXPECT_TRUE(answer.take(std::string_view(good).substr(at, piece)));
    }
    EXPECT_TRUE(answer.is_whole());
    EXPECT_EQ(answer.wanted(), 0);
    char bytes[100];
    EXPECT_EQ(answer.give(bytes, 12), 12);
    EXPECT_FALSE(answer.is_given());
    EXPECT_EQ(answer.give(bytes + 12, 80), good.size() - 12);
    EXPECT_EQ(std::string(bytes, good.size()), good);
    EXPECT_TRUE(answer.is_given());
  }
}

TEST(WebSocketAnswer, what_the_library_would_keep_is_refused) {
  const std::string endless = "HTTP/1.1 101 " + std::string(2000, 'x');
  for (const std::string& sent : {std::string("HTTP/1.1 502 Bad Gateway\r\n\r\n"), std::string("HTTP/1.0 101 \r\n\r\n"),
                                  std::string("\r\n\r\n"), good + '\x82', endless}) {
    WebSocketAnswer answer;
    bool is_taken = true;
    for (std::size_t at = 0; is_taken && at < sent.size();) {
      const std::size_t wanted = answer.wanted();
      if (wanted == 0) break;
      is_taken = answer.take(std::string_view(sent).substr(at, wanted));
      at += wanted;
    }
    EXPECT_FALSE(is_taken) << sent.substr(0, 20);
  }
}

}  // namespace
}  // namespace edgetide::test
