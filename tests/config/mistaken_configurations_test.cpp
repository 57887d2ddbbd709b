// Mistakes that people make, each with the sentence that says what to do about it.
#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "config/glob_check.h"
#include "config/toml_hint.h"
#include "tests/config/configuration_file.h"

namespace edgetide {

namespace {

struct Mistake {
  std::string text;
  std::string location;  // "2:8: error"
  std::string sentence;
  std::string hint = {};  // behind the carets; "": there is none
};

std::string messages_of(const std::string& text) {
  const std::string errors = errors_of(text);
  return errors.empty() ? warnings_of(text) : errors;
}

// As it is printed: the hint stands behind the carets of the same message.
bool has_message(const std::string& messages, const Mistake& mistake) {
  const std::string head = "edgetide.toml:" + mistake.location + ": ";
  for (std::size_t at = messages.find(head); at != std::string::npos; at = messages.find(head, at + 1)) {
    const std::size_t end = std::min(messages.find("edgetide.toml:", at + 1), messages.size());
    const std::string message = messages.substr(at, end - at);
    const bool has_sentence = message.substr(0, message.find('\n')).find(mistake.sentence) != std::string::npos;
    const std::size_t carets = message.find("^ ");
    const bool has_hint = mistake.hint.empty() ||
                          (carets != std::string::npos && message.find(mistake.hint, carets) != std::string::npos) ||
                          message.find("\n      " + mistake.hint) != std::string::npos;
    if (has_sentence && has_hint) return true;
  }
  return false;
}

void expect_messages(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) {
    const std::string messages = messages_of(mistake.text);
    EXPECT_TRUE(has_message(messages, mistake))
        << "expected: " << mistake.location << ": " << mistake.sentence << " (" << mistake.hint << ")\nfound:\n"
        << messages << "in:\n"
        << mistake.text;
  }
}

const std::string one_window = "[windows.w]\nsize = \"1m\"\n";

std::string from_broker(const std::string& keys) {
  return "[sources.m]\ntype = \"mqtt\"\nservers = [\"mqtt://localhost\"]\n" + keys + '\n' + one_window;
}
std::string by_route(const std::string& keys) {
  return from_broker("routes = [{ " + keys + " }]");
}
std::string into_sink(const std::string& keys) {
  return one_window + "[sinks.d]\n" + keys + '\n';
}
std::string into_postgres(const std::string& connection) {
  return into_sink("type = \"postgresql\"\nconnection = \"" + connection + '"');
}

}  // namespace

TEST(MistakenConfigurations, what_is_missing_is_named_with_its_choices) {
  if (leaves_parts_out()) GTEST_SKIP();
  expect_messages({
      {"[sources.s]\nlisten = \"127.0.0.1:1\"", "1:10: error", "sources.s: type is missing", "type = one of \"mqtt\""},
      {into_sink("mode = \"append\""), "3:8: error", "sinks.d: type is missing", "\"postgresql\""},
      {"[windows.w]", "1:10: error", "windows.w: size is missing"},
      {by_route("topic = \"a/{device}\""), "4:11: error", "sources.m.routes: format is missing",
       "format = one of \"json\""},
      {"[sources.s]\ntype = \"udp\"\nlisten = \"127.0.0.1:1\"", "1:10: error", "sources.s: format is missing",
       "\"influx\""},
      {from_broker(""), "1:10: error", "sources.m: routes is missing"},
      {"[sinks.d]\ntype = \"stdout\"", "1:8: error", "sinks.d: there is no window", "add a [windows.NAME]"},
      {one_window, "1:10: warning", "windows.w: there is no sink, so no row is kept", "add a [sinks.NAME]"},
      {one_window + "[windows.v]\nsize = \"1h\"\n[sinks.d]\ntype = \"stdout\"\ninputs = [\"v\"]", "1:10: warning",
       "windows.w: no sink takes its rows"},
  });
}

TEST(MistakenConfigurations, aggregates_of_other_systems_are_named_as_they_are_here) {
  expect_messages({
      {one_window + "aggregates = [\"average\"]", "3:15: error", "unknown aggregate 'average'", "write \"avg\""},
      {one_window + "aggregates = [\"meen\"]", "3:15: error", "unknown aggregate 'meen'", "did you mean 'mean'?"},
      {one_window + "aggregates = [\"meadian\"]", "3:15: error", "unknown aggregate 'meadian'",
       "did you mean 'median'?"},
      {one_window + "aggregates = [\"Std\"]", "3:15: error", "unknown aggregate 'Std'", "write \"stddev\""},
      {one_window + "aggregates = [\"percentile\"]", "3:15: error", "unknown aggregate", "write \"p95\""},
      {one_window + "aggregates = [\"wibble\"]", "3:15: error", "unknown aggregate 'wibble'",
       "one of count, sum, min, max, avg"},
      {one_window + "aggregates = [\"p0.95\"]", "3:15: warning", "is 'p95' meant?"},
      {one_window + "aggregates = \"avg\"", "3:14: error", "aggregates is a string, not a list of strings, [\"...\"]"},
  });
}

TEST(MistakenConfigurations, lines_that_are_no_toml_say_what_was_meant) {
  expect_messages({
      {"[sources.s]\ntype = mqtt\n", "2:8: error", "in a TOML", "a string stands in quotes: \"mqtt\""},
      {"[windows.w]\nsize = 1m\n", "2:9: error", "in a TOML", "a string stands in quotes: \"1m\""},
      {"[sources.s]\ntype = \u201Cmqtt\u201D\n", "2:8: error", "in a TOML", "write straight quotes, \" or '"},
      {"[windows.w]\nsize = \"1m\n", "2:11: error", "in a TOML string", "the closing quote is missing"},
      {"[windows.w\nsize = \"1m\"\n", "1:11: error", "in a TOML table header", "the closing bracket is missing"},
      {"[windows.w]\nsize: \"1m\"\n", "2:5: error", "in a TOML", "write key = value"},
      {"[windows.w]\nsize =\n", "2:7: error", "in a TOML", "the value is missing"},
      {"[windows.w]\nsize = \"1m\"\nemit_empty = True\n", "3:14: error", "in a TOML", "write true"},
      {"[windows.w]\nsize = \"1m\"\ninputs = [a, b]\n", "3:11: error", "in a TOML", "a string stands in quotes: \"a\""},
  });
}

TEST(MistakenConfigurations, tables_in_other_brackets_are_recognised) {
  expect_messages({
      {"[[sinks]]\ntype = \"stdout\"", "1:1: error", "sinks is a list, not a table", "write [sinks.NAME]"},
      {"[[windows]]\nsize = \"1m\"", "1:1: error", "windows is a list, not a table", "write [windows.NAME]"},
      {"[sinks]\ntype = \"stdout\"", "2:8: error", "sinks.type is not a table", "its table needs a name: [sinks.NAME]"},
      {"[[log]]\nlevel = \"info\"", "1:1: error", "log is a list, not a table", "write [log]"},
      {"[sources.m]\ntype = \"mqtt\"\nservers = [\"mqtt://localhost\"]\n[sources.m.routes]\ntopic = \"a\"\n",
       "4:1: error", "routes is a table, not a list of tables", "write [[sources.m.routes]]"},
      {"[sink.d]\ntype = \"stdout\"", "1:2: error", "unknown key 'sink' at the top level", "did you mean 'sinks'?"},
      {"[outputs.d]\ntype = \"stdout\"", "1:2: error", "unknown key 'outputs'", "did you mean 'sinks'?"},
  });
}

TEST(MistakenConfigurations, patterns_of_other_systems_are_warned_of) {
  expect_messages({
      {by_route("topic = \"sensors/*/{device}\", format = \"number\""), "4:21: warning",
       "'*' stands for itself, a name that no topic has as a rule", "write + for any one level"},
      {by_route("topic = \"sensors/:device\", format = \"number\", sensor = \"a\""), "4:21: warning",
       "':device' stands for itself", "write {name}"},
      {by_route("topic = \"a/<device>\", format = \"number\", sensor = \"a\""), "4:21: warning", "'<device>'",
       "write {name}"},
      {by_route("topic = \"a/#/{device}\", format = \"number\""), "4:21: error", "'#' must be the last level"},
      {one_window + "match = { sensor = \"^boiler\" }", "3:20: warning",
       "\"^boiler\" is a glob, in which only * and ? stand for something else",
       "regular expressions are not read here"},
      {one_window + "match = { metric = [\"temp\", \"(a|b)\"] }", "3:29: warning", "\"(a|b)\" is a glob"},
      {by_route("topic = \"{device}\", format = \"json\", ignore = [\"\\\\d+\"]"), "4:60: warning", "is a glob"},
      {by_route("topic = \"{device}\", format = \"json\", values = [\"$.temperature\"]"), "4:60: warning",
       "\"$.temperature\" begins with a member that is called '$'",
       "paths begin at the top of the message: leave out $."},
      {by_route("topic = \"{device}\", format = \"json\", time = { path = \"$.ts\" }"), "4:66: warning",
       "\"$.ts\" begins"},
      {by_route("topic = \"{device}\", format = \"json\", each = \"$[*]\", sensor = { path = \"id\" }"),
       "4:57: warning", "\"$[*]\" begins"},
  });
}

TEST(MistakenConfigurations, files_and_folders_that_are_missing_are_warned_of) {
  if (leaves_parts_out()) GTEST_SKIP();
  const std::string secure =
      "[sources.m]\ntype = \"mqtt\"\nservers = [\"mqtts://localhost\"]\nroutes = [{ topic = "
      "\"{device}\", format = \"number\" }]\n";
  expect_messages({
      {secure + "tls = { ca = \"/nowhere/ca.pem\" }", "5:14: warning",
       "sources.m.tls: ca: /nowhere/ca.pem does not exist"},
      {secure + "tls = { ca = \"ca.pem\" }", "5:14: warning", "ca: ca.pem is looked for where the daemon is started",
       "write an absolute path"},
      {"[sources.s]\ntype = \"spool\"\nfolder = \"/nowhere/in\"\nformat = \"influx\"", "3:10: warning",
       "sources.s: folder: /nowhere/in does not exist"},
      {"[sources.s]\ntype = \"unix\"\nlisten = \"/nowhere/x.sock\"\nformat = \"influx\"", "3:10: warning",
       "sources.s: listen: the folder /nowhere does not exist", "the service has /run/edgetide"},
      {"[metrics]\nlisten = \"127.0.0.1:9464\"\ncert_file = \"/nowhere/c\"\nkey_file = \"/nowhere/k\"", "3:13: warning",
       "metrics: cert_file: /nowhere/c does not exist"},
      {into_postgres("host=db.example dbname=a user=b sslrootcert=/nowhere/ca.pem"), "5:14: warning",
       "connection: sslrootcert=/nowhere/ca.pem does not exist"},
      {"[tables.a]\nfile = \"none.csv\"", "2:8: error", "tables.a: "},
  });
}

TEST(MistakenConfigurations, connections_say_which_keyword_is_meant) {
  if (leaves_parts_out()) GTEST_SKIP();
  expect_messages({
      {into_postgres("host=/tmp database=plant user=a"), "5:14: error", "invalid connection option \"database\"",
       "write dbname="},
      {into_postgres("host=/tmp dbnam=plant user=a"), "5:14: error", "invalid connection option",
       "did you mean 'dbname'?"},
      {into_postgres("host=db dbname=a user=b sslmode=disable"), "5:14: error",
       "sslmode=disable does not check who answers", "write sslmode=verify-full, or set allow_plaintext = true"},
      {into_postgres("plant"), "5:14: error", "connection is neither keywords (host=db dbname=plant) nor a URI"},
      {from_broker("routes = []"), "4:10: error", "routes is empty; nothing would be read"},
      {"[sources.m]\ntype = \"mqtt\"\nservers = [\"tcp://localhost\"]\n", "3:12: error",
       "is not the address of an MQTT server", "write mqtt://localhost"},
      {"[sources.m]\ntype = \"mqtt\"\nservers = [\"mqtt://broker\"]\n", "3:12: error",
       "would send everything readable over the network", "use mqtts://, or set allow_plaintext = true"},
  });
}

TEST(MistakenConfigurations, globs_are_not_taken_for_expressions) {
  for (const char* const glob :
       {"a*", "temp.*", "DS18B20.Temperature", "*", "?", "a-b_c", "plant/{x}", "a(1)", "5$ x"}) {
    EXPECT_FALSE(is_expression(glob)) << glob;
  }
  for (const char* const expression : {"^a", "a$", ".*a", "a.+", "(a|b)", "\\d+", "[^a]", "[0-9]", "(?i)a"}) {
    EXPECT_TRUE(is_expression(expression)) << expression;
  }
}

TEST(MistakenConfigurations, hints_of_lines_that_may_hold_a_secret_repeat_none_of_their_words) {
  EXPECT_EQ(toml_hint("password = hunter2", false), "a string stands in quotes");
  EXPECT_EQ(toml_hint("password = \"hunter2", false), "the closing quote is missing");
  const std::string errors = errors_of("[sources.m]\npassword = hunter2\n");
  EXPECT_EQ(errors.find("hunter2"), std::string::npos) << errors;
}

TEST(MistakenConfigurations, right_lines_have_no_hint) {
  for (const char* const line : {"a = \"x\"", "a = 1 # not \u201Cthis\u201D", "[a.b]", "[[a]]", "a = [1, 2, \"x\"]",
                                 "a = true", "a = { b = \"c\", d = 1.5 }", "a = 1979-05-27T07:32:00Z", "# comment", "",
                                 "]", "\"quoted key\" = 1", "  \"element\",", "a = 'x=\"y'"}) {
    EXPECT_EQ(toml_hint(line, true), "") << line;
  }
}

}  // namespace edgetide
