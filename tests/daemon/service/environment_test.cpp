#include "daemon/service/environment.h"

#include <cstdlib>
#include <gtest/gtest.h>

namespace edgetide {
namespace {

TEST(Environment, hidden_proxies_are_seen_by_those_only_who_name_them) {
  for (const char* const name : {"http_proxy", "https_proxy", "ALL_PROXY", "EDGETIDE_TEST_OTHER"}) {
    ::setenv(name, name, 1);
  }
  hide_proxies();
  for (const char* const name : {"http_proxy", "https_proxy", "ALL_PROXY"}) {
    EXPECT_EQ(std::getenv(name), nullptr) << name;
    EXPECT_EQ(environment_variable(name), name);
  }
  EXPECT_STREQ(std::getenv("EDGETIDE_TEST_OTHER"), "EDGETIDE_TEST_OTHER");
  EXPECT_EQ(environment_variable("EDGETIDE_TEST_OTHER"), "EDGETIDE_TEST_OTHER");
  ::unsetenv("EDGETIDE_TEST_OTHER");
  EXPECT_EQ(environment_variable("EDGETIDE_TEST_OTHER"), std::nullopt);
}

}  // namespace
}  // namespace edgetide
