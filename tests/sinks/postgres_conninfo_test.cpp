#include "sinks/postgres_conninfo.h"

#include <fstream>
#include <gmock/gmock.h>

namespace edgetide::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string conninfo(const PostgresOptions& options) {
  const auto made = postgres_hosts(options);
  if (const auto* const error = std::get_if<ConninfoError>(&made)) return "error: " + error->reason;
  std::string text;
  for (const PostgresHost& host : std::get<PostgresHosts>(made).hosts) text += host.conninfo;
  return text;
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

using Variables = std::vector<std::pair<const char*, const char*>>;

// Sets variables of libpq until the end of the scope.
class Environment {
 public:
  explicit Environment(Variables variables) : variables_(std::move(variables)) {
    for (const auto& [name, value] : variables_) setenv(name, value, 1);
  }
  ~Environment() {
    for (const auto& [name, value] : variables_) unsetenv(name);
  }

 private:
  const Variables variables_;
};

TEST(PostgresConninfo, connection_that_leaves_this_machine_checks_who_answers) {
  struct Case {
    const char* connection;
    Variables environment;
    bool leaves;
  };
  const Case cases[] = {
      {"", {}, false},
      {"host=/run/postgresql", {}, false},
      {"host=@abstract", {}, false},
      {"host=localhost", {}, false},
      {"host=127.0.0.1 hostaddr=127.0.0.2", {}, false},
      {"host=::1", {}, false},
      {"postgresql:///x?host=/run/x", {}, false},
      {"postgresql://[::1]/x", {}, false},
      {"host=localhost,/run/x,127.3.4.5", {}, false},
      {"host=db", {}, true},
      {"postgresql://db/x", {}, true},
      {"host=192.168.1.4", {}, true},
      {"host=0.0.0.0", {}, true},
      {"host=127.0.0.1.example", {}, true},
      {"host=localhost.example", {}, true},
      {"host=::ffff:10.0.0.1", {}, true},
      {"hostaddr=10.0.0.1", {}, true},
      {"host=localhost hostaddr=10.0.0.1", {}, true},
      {"host=db hostaddr=127.0.0.1", {}, false},
      {"host=localhost,db", {}, true},
      {"host=,db", {}, true},
      {"postgresql://localhost,db:5433/x", {}, true},
      {"host=localhost,db hostaddr=127.0.0.1,", {}, true},
      {"service=plant", {}, true},
      {"host=localhost service=plant", {}, true},  // it may have a hostaddr
      {"hostaddr=127.0.0.1 service=plant", {}, false},
      {"host=localhost", {{"PGSERVICE", "plant"}}, true},
      {"", {{"PGHOST", "db"}}, true},
      {"", {{"PGHOST", "/run/x"}}, false},
      {"host=localhost", {{"PGHOST", "db"}}, false},
      {"host=localhost", {{"PGHOSTADDR", "10.0.0.1"}}, true},
      {"hostaddr=127.0.0.1", {{"PGHOSTADDR", "10.0.0.1"}}, false},
      {"dbname=x", {{"PGHOSTADDR", "10.0.0.1"}}, true},
  };
  for (const Case& c : cases) {
    const Environment environment(c.environment);
    const std::string made = conninfo(options(c.connection));
    if (c.leaves) {
      EXPECT_THAT(made, AllOf(HasSubstr("sslmode='verify-full' "), HasSubstr("gssencmode='disable' "),
                              HasSubstr("ssl_min_protocol_version='TLSv1.2' ")))
          << c.connection;
    } else {
      EXPECT_THAT(made, Not(HasSubstr("sslmode="))) << c.connection;
    }
  }
}

TEST(PostgresConninfo, less_than_full_tls_is_refused_unless_plain_text_is_allowed) {
  for (const char* text :
       {"host=db sslmode=disable", "host=db sslmode=prefer", "host=db sslmode=require", "host=db sslmode=verify-ca",
        "host=db sslmode=''", "host=db sslmode=VERIFY-FULL", "postgresql://db/x?sslmode=require",
        "postgresql://db/x?ssl=true", "host=db requiressl=1",
        "host=db sslmode=verify-full ssl_min_protocol_version=TLSv1.1", "host=db ssl_min_protocol_version=''"}) {
    PostgresOptions written = options(text);
    EXPECT_THAT(conninfo(written), HasSubstr("error: ssl")) << text;
    written.allow_plaintext = true;
    EXPECT_THAT(conninfo(written), Not(HasSubstr("error"))) << text;
  }
  EXPECT_THAT(conninfo(options("host=localhost sslmode=disable")), HasSubstr("sslmode='disable'"));
  EXPECT_THAT(conninfo(options("host=db ssl_min_protocol_version=tlsv1.3")), HasSubstr("='tlsv1.3'"));
}

std::vector<std::string> names_of(const std::string& connection) {
  PostgresOptions written = options(connection);
  written.allow_plaintext = true;
  const auto made = postgres_hosts(written);
  std::vector<std::string> names;
  for (const PostgresHost& host : std::get<PostgresHosts>(made).hosts) names.push_back(host.name);
  return names;
}

TEST(PostgresConninfo, list_of_hosts_is_taken_apart_as_libpq_does) {
  using Names = std::vector<std::string>;
  const Names whole = {"the server"};
  EXPECT_EQ(names_of("host=a,b,c"), (Names{"a:5432", "b:5432", "c:5432"}));
  EXPECT_EQ(names_of("host=a,b port=1"), (Names{"a:1", "b:1"}));
  EXPECT_EQ(names_of("host=a,b port=1,"), (Names{"a:1", "b"}));
  EXPECT_EQ(names_of("postgresql://a:1,[::1]:2/x"), (Names{"a:1", "::1:2"}));
  EXPECT_EQ(names_of("hostaddr=10.0.0.1,10.0.0.2 port=1,2"), (Names{"10.0.0.1:1", "10.0.0.2:2"}));
  EXPECT_EQ(names_of("host=a,b hostaddr=10.0.0.1, port=1"), (Names{"a:1", "b:1"}));
  for (const char* one : {"host=a", "", "host=a,b port=1,2,3", "host=a,b hostaddr=10.0.0.1"}) {
    EXPECT_EQ(names_of(one), whole) << one;
  }
  {
    const Environment environment(Variables{{"PGHOST", "a,b"}, {"PGPORT", "1,2"}});
    EXPECT_EQ(names_of("dbname=x"), (Names{"a:1", "b:2"}));
  }
  const std::string folder = testing::TempDir();
  std::ofstream(folder + "/pg_service.conf") << "[plant]\nhost=a,b\nport=1,2\nhostaddr=10.0.0.1,10.0.0.2\n";
  const std::string file = folder + "/pg_service.conf";
  const Environment environment(Variables{{"PGSERVICEFILE", file.c_str()}});
  EXPECT_EQ(names_of("service=plant"), (Names{"a:1", "b:2"}));
  EXPECT_THAT(conninfo(options("service=plant")), HasSubstr("hostaddr='10.0.0.2' "));
}

TEST(PostgresConninfo, libpq_is_not_asked_to_judge_the_server) {
  struct Case {
    const char* word;
    WantedServer wanted;
  };
  for (const Case& c :
       {Case{"", WantedServer::read_write}, Case{"target_session_attrs=read-write", WantedServer::read_write},
        Case{"target_session_attrs=any", WantedServer::any},
        Case{"target_session_attrs=read-only", WantedServer::read_only},
        Case{"target_session_attrs=primary", WantedServer::primary},
        Case{"target_session_attrs=standby", WantedServer::standby},
        Case{"target_session_attrs=prefer-standby", WantedServer::any}}) {
    const Environment environment(Variables{{"PGTARGETSESSIONATTRS", "read-only"}});
    const auto made = postgres_hosts(options(c.word));
    const auto& hosts = std::get<PostgresHosts>(made);
    EXPECT_EQ(hosts.wanted, c.wanted) << c.word;
    EXPECT_THAT(hosts.hosts.at(0).conninfo, HasSubstr("target_session_attrs='any' ")) << c.word;
  }
  EXPECT_THAT(conninfo(options("target_session_attrs=best")), HasSubstr("error: target_session_attrs=best"));
}

TEST(PostgresConninfo, longest_connect_bounds_what_is_written) {
  for (const char* written : {"", "connect_timeout=0", "connect_timeout=-1", "connect_timeout=60"}) {
    const auto made = postgres_hosts(options(written), Duration::seconds(4));
    EXPECT_THAT(std::get<PostgresHosts>(made).hosts.at(0).conninfo, HasSubstr("connect_timeout='4' ")) << written;
  }
  const auto made = postgres_hosts(options("connect_timeout=3"), Duration::seconds(4));
  EXPECT_THAT(std::get<PostgresHosts>(made).hosts.at(0).conninfo, HasSubstr("connect_timeout='3' "));
}

// libpq itself would wait, with nothing to interrupt it.
TEST(PostgresConninfo, files_that_are_not_regular_are_refused) {
  for (const char* keyword : {"sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile"}) {
    EXPECT_THAT(conninfo(options(std::string("host=db ") + keyword + "=/dev/zero")),
                HasSubstr("error: " + std::string(keyword) + ": /dev/zero is not a regular file"));
  }
  const Environment environment(Variables{{"PGSSLROOTCERT", "/dev/zero"}});
  EXPECT_THAT(conninfo(options("host=db")), HasSubstr("error: PGSSLROOTCERT: /dev/zero is not a regular file"));
}

}  // namespace
}  // namespace edgetide::test
