// The keys of sinks that are not stores: what they become, and what is refused with its place.
#include <gtest/gtest.h>
#include <string>

#include "config/parts.h"
#include "tests/config/configuration_file.h"
#if EDGETIDE_POSTGRESQL
#include "sinks/postgres_sink.h"
#endif
#if EDGETIDE_EXEC
#include "sinks/exec_sink.h"
#endif
#if EDGETIDE_HTTP_SINK
#include "sinks/http_sink.h"
#endif

namespace edgetide {
namespace {

std::string sink_of(const std::string& type, const std::string& keys) {
  return "[windows.w]\nsize = \"1m\"\n[sinks.s]\ntype = \"" + type + "\"\n" + keys + '\n';
}

struct BadKeys {
  std::string keys;
  std::string message;
};

[[maybe_unused]] void expect_errors(const std::string& type, const std::vector<BadKeys>& cases) {
  for (const BadKeys& bad : cases) {
    const std::string errors = errors_of(sink_of(type, bad.keys));
    EXPECT_NE(errors.find(bad.message), std::string::npos) << "expected: " << bad.message << "\nfound:\n" << errors;
  }
}

#if EDGETIDE_POSTGRESQL

TEST(PostgresqlKeys, mistakes_in_partitions_and_retention_are_reported) {
  expect_errors(
      "postgresql",
      {
          {"partition_by = \"1h\"", "partition_by is \"1h\", it must be at least 1d"},
          {"partition_by = \"36h\"", "5:16: error: sinks.s: partition_by is 36h, it must be whole days"},
          {"partition_by = \"2y\"", "it must be whole days, up to 366d"},
          {"retention = \"30d\"", "retention"},
          {"retention = { v = \"30d\" }", "5:15: error: sinks.s: retention: 'v' is not a window of this sink"},
          {"retention = { w = 30 }", "5:19: error: sinks.s: retention: w is 30, it must be a duration from 1h"},
          {"retention = { w = \"1m\" }", "w is \"1m\", it must be a duration from 1h to 100y, such as \"30d\""},
          {"retention = { all = \"3d\" }\n[windows.all]\ntype = \"running\"",
           "retention: all is a running window: its rows never end"},
      });
}

TEST(PostgresqlKeys, partitions_and_retention_reach_the_options) {
  const GatewayOptions gateway =
      loaded(sink_of("postgresql", "partition_by = \"1w\"\nretention = { w = \"2y\" }")).options;
  const PostgresPartitions& partitions = options_of<PostgresOptions>(*gateway.sinks.at(0).store)->partitions;
  EXPECT_EQ(partitions.days, 7);
  EXPECT_EQ(partitions.retention, (Retention{{"w", Duration::days(730)}}));
  EXPECT_EQ(options_of<PostgresOptions>(*loaded(sink_of("postgresql", "")).options.sinks.at(0).store)->partitions,
            PostgresPartitions());
}

#endif

#if EDGETIDE_HTTP_SINK

TEST(HttpSinkKeys, mistakes_are_reported) {
  const Variable word("EDGETIDE_TEST_WORD", "word");
  const std::string url = "url = \"https://a/x\"\n", local = "url = \"http://127.0.0.1:1/\"\n";
  expect_errors(
      "http",
      {
          {"", "url is missing"},
          {"url = \"a.example\"", "5:7: error: sinks.s: url is not an address of http:// or https://"},
          {"url = \"https://user:word@a/\"", "user and password are keys"},
          {"url = \"http://a.example/\"", "use https://, or allow_plaintext = true"},
          {"url = \"https://a/write?precision=ms\"\nencoding = \"influx\"", "are in nanoseconds"},
          {url + "encoding = \"xml\"", "is not one of"},
          {url + "headers = { \"a b\" = \"c\" }", "'a b' is not a name of a header"},
          {url + "headers = { a = \"b\\r\\nc: d\" }", "the value of a is empty or has control characters"},
          {url + "headers = { a = 1 }", "a is not a text in quotes"},
          {url + "headers = { Content-Length = \"1\" }", "Content-Length is written by the sink"},
          {url + "token = \"t\"\nheaders = { authorization = \"x\" }", "Authorization is written by token or username"},
          {url + "token = \"\"", "token is empty"},
          {url + "token = \"a\\nb\"", "token is empty or has control characters"},
          {url + "username = \"u\"", "username and password belong together"},
          {url + "username = \"u\"\npassword = \"p\"\ntoken = \"t\"", "exclude each other"},
          {url + "tls = { cert = \"/c\" }", "cert and key come together"},
          {url + "proxy = \"proxy:3128\"", "proxy is not an address of a proxy"},
          {local + "proxy = \"http://192.0.2.2:3128\"", "proxy would get everything readable over the network"},
          {local + "proxy = \"https://proxy.example\"", "proxy would get everything readable over the network"},
          {local + "proxy = \"http://u:${env:EDGETIDE_TEST_WORD}@proxy:3128\"", "proxy would get everything readable"},
          {"url = \"http://a.example/\"\nproxy = \"http://127.0.0.1:3128\"", "url would send everything readable"},
          {url + "proxy = \"http://u:p@proxy:3128\"", "write ${credential:NAME} in its place"},
          {url + "max_rows = 0", "must be at least 1"},
      });
}

TEST(HttpSinkKeys, proxy_that_reads_nothing_or_is_allowed_to_is_fine) {
  for (const std::string keys : {"url = \"https://a/x\"\nproxy = \"http://192.0.2.2:3128\"",
                                 "url = \"http://127.0.0.1:1/\"\nproxy = \"http://localhost:3128\"",
                                 "url = \"http://127.0.0.1:1/\"\nproxy = \"http://192.0.2.2:3128\"\n"
                                 "allow_plaintext = true"}) {
    EXPECT_EQ(errors_of(sink_of("http", keys)), "") << keys;
  }
}

TEST(HttpSinkKeys, no_secret_is_shown) {
  const Variable word("EDGETIDE_TEST_WORD", "s3 cret");
  for (const std::string keys : {"url = \"https://a/${env:EDGETIDE_TEST_WORD}\"",
                                 "url = \"https://a/x\"\nproxy = \"http://u:${env:EDGETIDE_TEST_WORD}@proxy:3128/x\"",
                                 "url = \"https://a/x\"\nproxy = \"http://u:s3 cret@proxy:3128/x\""}) {
    const std::string errors = errors_of(sink_of("http", keys));
    EXPECT_NE(errors, "") << keys;
    EXPECT_EQ(errors.find("s3 cret"), std::string::npos) << errors;
  }
}

TEST(HttpSinkKeys, keys_reach_the_options) {
  const GatewayOptions gateway =
      loaded(sink_of("http",
                     "url = \"http://[::1]:8086/api/v2/write?precision=ns\"\nencoding = \"influx\"\n"
                     "token = \"t\"\ngzip = true\nmax_rows = 7\nmax_bytes = \"2KiB\"\ntimeout = \"3s\"\n"
                     "method = \"PUT\"\nheaders = { X-A = \"b\" }\nproxy = \"http://[::1]:3128\""))
          .options;
  const auto& options = *options_of<HttpSinkOptions>(*gateway.sinks.at(0).store);
  EXPECT_EQ(options.encoding, HttpEncoding::influx);
  EXPECT_EQ(options.token, "t");
  EXPECT_TRUE(options.gzip && options.put && options.shows_redirects);
  EXPECT_EQ(options.timeout, Duration::seconds(3));
  EXPECT_EQ(options.headers, (std::vector<HttpHeader>{{"X-A", "b"}}));
  EXPECT_EQ(options.proxy, "http://[::1]:3128");
  EXPECT_EQ(gateway.sinks[0].store->traits().max_rows, 7U);
  EXPECT_EQ(gateway.sinks[0].store->traits().max_bytes, 2048U);
}

#endif

#if EDGETIDE_EXEC

TEST(ExecSinkKeys, mistakes_are_reported) {
  expect_errors("exec", {{"", "command is missing"},
                         {"command = []", "command is empty; it needs a program"},
                         {"command = \"cat -\"", "command"},
                         {"command = [\"\"]", "5:12: error: sinks.s: command: the name of the program is empty"},
                         {"command = [\"./cat\"]", "command: \"./cat\" is a relative path"},
                         {"command = [\"/no/such/program\"]", "\"/no/such/program\" is not a program that can be run"},
                         {"command = [\"no-such-program\"]", "\"no-such-program\" is not a program that can be run"},
                         {"command = [\"/etc\"]", "\"/etc\" is not a program that can be run"},
                         {"command = [\"cat\", \"a\\u0000b\"]", "an argument has a NUL character"}});
}

TEST(ExecSinkKeys, program_is_found_in_the_path_of_commands) {
  const GatewayOptions gateway = loaded(sink_of("exec", "command = [\"cat\", \"-\"]")).options;
  const auto& options = *options_of<ExecOptions>(*gateway.sinks.at(0).store);
  EXPECT_TRUE(options.command.program.ends_with("bin/cat")) << options.command.program;
  EXPECT_EQ(options.command.arguments, (std::vector<std::string>{"cat", "-"}));
}

#endif

}  // namespace
}  // namespace edgetide
