#include "daemon/service/password_hash.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace edgetide::test {
namespace {

// As mosquitto_passwd 2.0.11 has written it for "secret".
constexpr const char* of_mosquitto =
    "$7$101$J9cDy2xGWVZ8JhUT$HorIhtAiL9DyhmXZwsYGLDhhoxpYspm4DzFkhNEUOmORhu44nO+6OyBs3lzY4sk/ARgjZOmeVoZcHDgRPhWC0Q==";

TEST(PasswordHash, of_mosquitto_passwd_matches_its_password_alone) {
  const auto hash = PasswordHash::parse(of_mosquitto);
  ASSERT_TRUE(hash);
  EXPECT_TRUE(hash->matches("secret"));
  for (const char* const other : {"", "Secret", "secret ", "secre"}) EXPECT_FALSE(hash->matches(other)) << other;
}

TEST(PasswordHash, of_a_password_is_another_each_time_and_matches) {
  const std::string one = hash_password("pass:wörd", 10), other = hash_password("pass:wörd", 10);
  EXPECT_NE(one, other);
  for (const std::string& text : {one, other}) {
    const auto hash = PasswordHash::parse(text);
    ASSERT_TRUE(hash) << text;
    EXPECT_TRUE(hash->matches("pass:wörd"));
    EXPECT_FALSE(hash->matches("pass:word"));
  }
}

TEST(PasswordHash, what_is_not_one_is_refused) {
  const std::string good = of_mosquitto;
  const std::string salt_and_hash = good.substr(good.find("$J9") + 1);
  ASSERT_TRUE(PasswordHash::parse("$7$101$" + salt_and_hash));
  const std::vector<std::string> bad = {"",
                                        "secret",
                                        "$7$",
                                        "$6$101$" + salt_and_hash,
                                        "$7$0$" + salt_and_hash,
                                        "$7$x$" + salt_and_hash,
                                        "$7$1000001$" + salt_and_hash,
                                        "$7$-1$" + salt_and_hash,
                                        "$7$101$$" + salt_and_hash,
                                        "$7$101$J9cDy2xGWVZ8JhUT$",
                                        "$7$101$J9cDy2xGWVZ8JhUT$AAAA",
                                        good.substr(0, good.size() - 1),
                                        good + "A",
                                        "$7$101$J9c\xff" + salt_and_hash.substr(4)};
  for (const std::string& text : bad) EXPECT_FALSE(PasswordHash::parse(text)) << text;
}

TEST(PasswordDigests, are_of_this_process_alone) {
  const PasswordDigests one, other;
  EXPECT_TRUE(is_same_digest(one.of("a"), one.of("a")));
  EXPECT_FALSE(is_same_digest(one.of("a"), one.of("b")));
  EXPECT_FALSE(is_same_digest(one.of("a"), other.of("a")));
}

}  // namespace
}  // namespace edgetide::test
