#include "config/postgres_connection.h"

#include <gtest/gtest.h>

namespace edgetide {

TEST(PostgresConnection, user_and_password_are_found_in_both_forms) {
  struct Case {
    const char* text;
    const char* user;
    bool password;
  };
  for (const Case& c :
       {Case{"", "", false}, Case{"dbname=sensors", "", false}, Case{"host=db user=edge dbname=x", "edge", false},
        Case{"user = 'a b'  host=db", "a b", false}, Case{"user='it\\'s'", "it's", false},
        Case{"user=a\\ b", "a b", false}, Case{"password=x user=u", "u", true}, Case{"host=''", "", false},
        Case{"application_name=user=x", "", false}, Case{"postgresql://", "", false},
        Case{"postgresql://u@h/db", "u", false}, Case{"postgres://u:p@h/db", "u", true},
        Case{"postgresql://h/db?user=u&sslmode=require", "u", false}, Case{"postgresql://h?password=p", "", true},
        Case{"postgresql://a%40b@h", "a@b", false}, Case{"postgresql:///db?host=/run/x%2fy&user=v", "v", false},
        Case{"postgresql://u%4", "", false}, Case{"postgresql://u%4@h", "u%4", false}}) {
    const auto connection = parse_postgres_connection(c.text);
    ASSERT_TRUE(connection) << c.text;
    EXPECT_EQ(connection->user, c.user) << c.text;
    EXPECT_EQ(connection->has_password, c.password) << c.text;
  }
}

TEST(PostgresConnection, other_texts_are_no_connections) {
  for (const char* text : {"sensors", "=x", "host", "host=a user", "user='open", "mysql://h"}) {
    EXPECT_FALSE(parse_postgres_connection(text)) << text;
  }
}

}  // namespace edgetide
