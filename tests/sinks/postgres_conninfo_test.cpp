#include "sinks/postgres_conninfo.h"

#include <gmock/gmock.h>

namespace edgetide::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string conninfo(const PostgresOptions& options) {
  const auto made = postgres_conninfo(options);
  const auto* text = std::get_if<std::string>(&made);
  return text != nullptr ? *text : "error: " + std::get<ConninfoError>(made).reason;
}

PostgresOptions options(const std::string& connection) {
  PostgresOptions options;
  options.connection = connection;
  options.user = "edgetide";
  return options;
}

TEST(PostgresConninfo, keywords_and_uri_mean_the_same) {
  const std::string keywords = conninfo(options("host=db.plant port=5433 dbname=plant sslmode=verify-full"));
  EXPECT_EQ(keywords, conninfo(options("postgresql://db.plant:5433/plant?sslmode=verify-full")));
  EXPECT_THAT(keywords, AllOf(HasSubstr("host='db.plant' "), HasSubstr("port='5433' "), HasSubstr("dbname='plant' "),
                              HasSubstr("user='edgetide' "), HasSubstr("application_name='edgetide' ")));
}

TEST(PostgresConninfo, user_and_password_are_found_in_both_forms) {
  struct Case {
    const char* text;
    const char* user;
    bool password;
  };
  for (const Case& c :
       {Case{"", "", false}, Case{"host=db user=edge dbname=x", "edge", false},
        Case{"user = 'a b'  host=db", "a b", false}, Case{"user='it\\'s'", "it's", false},
        Case{"password=x user=u", "u", true}, Case{"application_name=user=x", "", false},
        Case{"postgresql://", "", false}, Case{"postgres://u:p@h/db", "u", true},
        Case{"postgresql://h/db?user=u&sslmode=require", "u", false}, Case{"postgresql://h?password=p", "", true},
        Case{"postgresql://a%40b@h", "a@b", false}, Case{"postgresql:///db?host=/run/x%2fy&user=v", "v", false}}) {
    auto parsed = parse_conninfo(c.text);
    ASSERT_TRUE(std::holds_alternative<ConninfoKeywords>(parsed)) << c.text;
    auto& keywords = std::get<ConninfoKeywords>(parsed);
    EXPECT_EQ(keywords["user"], c.user) << c.text;
    EXPECT_EQ(keywords.contains("password"), c.password) << c.text;
  }
  for (const char* text : {"sensors", "=x", "host", "host=a user", "user='open", "mysql://h", "database=plant"}) {
    EXPECT_TRUE(std::holds_alternative<ConninfoError>(parse_conninfo(text))) << text;
  }
}

TEST(PostgresConninfo, what_the_user_wrote_wins_over_our_defaults) {
  const std::string text = conninfo(options("user=other connect_timeout=3 application_name=gw7"));
  EXPECT_THAT(text, AllOf(HasSubstr("user='other' "), HasSubstr("connect_timeout='3' "),
                          HasSubstr("application_name='gw7' "), Not(HasSubstr("'edgetide'"))));
}

TEST(PostgresConninfo, password_is_quoted) {
  PostgresOptions with_password = options("dbname=x");
  with_password.password = R"(a'b\c d)";
  EXPECT_THAT(conninfo(with_password), HasSubstr(R"(password='a\'b\\c d' )"));
}

TEST(PostgresConninfo, user_that_is_not_given_is_left_to_libpq) {
  PostgresOptions without_user = options("dbname=x");
  without_user.user.clear();
  EXPECT_THAT(conninfo(without_user), Not(HasSubstr("user='")));
}

TEST(PostgresConninfo, time_limits_are_in_the_units_of_libpq) {
  PostgresOptions limits = options("dbname=x");
  limits.connect_timeout = Duration::milliseconds(100);
  limits.statement_timeout = Duration::seconds(7);
  EXPECT_THAT(conninfo(limits), AllOf(HasSubstr("connect_timeout='2' "), HasSubstr("tcp_user_timeout='7000' ")));
}

}  // namespace
}  // namespace edgetide::test
