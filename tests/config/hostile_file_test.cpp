// Configurations that are no files, that never end, that nest without end, and that would write to the terminal.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "config/config.h"
#include "config/toml_depth.h"
#include "tests/config/configuration_file.h"

namespace edgetide {
namespace {

void expect_has(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << part << "\nis not in\n" << text.substr(0, 2000);
}

std::string repeated(const std::string& part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

std::string fifo(const TemporaryFolder& folder, const std::string& name) {
  std::string path = folder.path(name);
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  return path;
}

TEST(HostileFile, deep_nesting_is_an_error_at_its_place) {
  const int deep = 10'000;
  const struct {
    std::string text;
    std::string where;
  } cases[] = {
      {"a = " + repeated("[", deep), ":1:69: error: nested deeper than 64 levels"},
      {"\n" + repeated("[", deep), ":2:65: error: nested deeper than 64 levels"},
      {"a" + repeated(".a", deep) + " = 1", ":1:130: error: nested deeper"},
      {"[a" + repeated(".a", deep) + "]", ":1:129: error: nested deeper"},
      {"[[a" + repeated(".a", deep) + "]]", ":1:128: error: nested deeper"},
      {"x = " + repeated("{a=", deep), ":1:197: error: nested deeper"},
      {"x = {" + repeated("a.", deep) + "a = 1}", ":1:133: error: nested deeper"},
      {repeated("\"a\" . ", deep) + "a = 1", "error: nested deeper"},
      {repeated("a.'b#'.", deep) + "a = 1", "error: nested deeper"},
      {"x = [ # [\n" + repeated("[\n", deep), ":65:1: error: nested deeper"},
      {repeated("a.", 60) + "x = { " + repeated("a.", 60) + "x = 1 }", "error: nested deeper"},
  };
  for (const auto& c : cases) expect_has(errors_of(c.text + '\n'), c.where);
}

TEST(HostileFile, brackets_and_dots_in_strings_and_comments_are_not_levels) {
  const std::string dots = repeated(".", 200), open = repeated("[{", 200);
  for (const std::string& text :
       {"# " + dots + open, "a = \"" + dots + open + "\"", "a = '" + dots + open + "'",
        "a = \"\"\"\n" + dots + open + "\"\"\"", "a = '''" + open + "\n''" + dots + "'''", "a = \"\\\"" + open + "\"",
        "a = [" + repeated("1.5, ", 200) + "]", repeated("a = [1.5]\n", 200),
        "a = [\n" + repeated("{ b = 1.5 },\n", 200) + "]", repeated("[a.b.c]\nd.e = 1\n", 200)}) {
    EXPECT_FALSE(find_too_deep(text)) << text;
  }
}

TEST(HostileFile, what_is_not_a_regular_file_is_not_waited_for) {
  const TemporaryFolder folder;
  const std::string pipe = fifo(folder, "pipe");
  const auto errors = [&](const std::string& text) {
    return errors_of_file(folder.write("edgetide.toml", text), folder.path(""));
  };
  const auto began = std::chrono::steady_clock::now();
  for (const std::string& path : {pipe, std::string("/dev/zero"), std::string("/dev/tty"), folder.path("")}) {
    expect_has(errors_of_file(path, "?"), "error: is not a regular file");
    expect_has(errors("include = [\"" + path + "\"]\n"), "edgetide.toml:1:12: error: include: ");
    expect_has(errors("[tables.t]\nfile = \"" + path + "\"\n"), "edgetide.toml:2:8: error: tables.t: ");
    expect_has(errors("gateway.id = \"${file:" + path + "}\"\n"), "edgetide.toml:1:14: error: id: ");
    expect_has(errors("[sources.s]\ntype = \"mqtt\"\nservers = [\"mqtts://b\"]\ntls = { ca = \"" + path +
                      "\" }\nroutes = [{ topic = \"a\", format = \"number\", sensor = \"s\", metric = \"m\" }]\n"),
               "edgetide.toml:4:14: error: sources.s.tls: ca is not a regular file");
  }
  if (!leaves_parts_out())
    expect_has(errors("[sinks.s]\ntype = \"sqlite\"\npath = \"" + pipe + "\"\n"),
               "edgetide.toml:3:8: error: sinks.s: path is not a regular file");
  const Variable credentials("CREDENTIALS_DIRECTORY", folder.path("").c_str());
  expect_has(errors("gateway.id = \"${credential:pipe}\"\n"), "is not a regular file");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST(HostileFile, messages_quote_no_secret) {
  const TemporaryFolder folder;
  const std::string file = folder.write("secret", "HIDDENVALUE\n");
  ::chmod(file.c_str(), 0600);
  const std::string reference = "${file:" + file + "}";
  for (const std::string& text :
       {"[sources.s]\ntype = \"unix\"\nlisten = \"/a\"\nformat = \"influx\"\ntable = \"" + reference + "\"\n",
        "[sources.s]\ntype = \"unix\"\nlisten = \"/a\"\nformat = \"influx\"\ntimezone = \"" + reference + "\"\n",
        std::string("[tables.t]\nfile = \"https://u:HIDDENVALUE@h/t.csv\"\n"),
        std::string("[windows.w]\nsize = \"1m\"\ninputs = [\"https://u:HIDDENVALUE@h\"]\n"),
        std::string("[windows.w]\nsize = \"1m\"\naggregates = [\"token=HIDDENVALUE\"]\n"),
        std::string("\"https://u:HIDDENVALUE@h\" = 1\n"), std::string("[windows.\"api_key=HIDDENVALUE\"]\n")}) {
    const std::string errors = errors_of_file(folder.write("edgetide.toml", text), folder.path(""));
    EXPECT_NE(errors, "") << text;
    EXPECT_EQ(errors.find("HIDDENVALUE"), std::string::npos) << errors;
  }
}

TEST(HostileFile, file_without_end_is_an_error) {
  const TemporaryFolder folder;
  const std::string huge = folder.write("huge", "");
  std::filesystem::resize_file(huge, 1ULL << 40);
  expect_has(errors_of_file(huge, folder.path("")), "error: is larger than 1024 KiB");
  expect_has(errors_of_file(folder.write("a.toml", "gateway.id = \"${file:" + huge + "}\"\n"), folder.path("")),
             "a.toml:1:14: error: id: huge is larger than 64 KiB");
  expect_has(errors_of_file(folder.write("a.toml", "[tables.t]\nfile = \"huge\"\n"), folder.path("")),
             "a.toml:2:8: error: tables.t: huge: is larger than 16384 KiB");
}

TEST(HostileFile, no_message_has_a_control_character) {
  const TemporaryFolder folder;
  folder.write("t.csv", "sensor,scale\na,\x1b[2J\n");
  for (const std::string& text : std::vector<std::string>{
           "\"x\\u001b[2J\" = 1", "[windows.\"a\\u0007b\"]\nsize = \"1m\"", "log.level = \"\\u001b]0;owned\\u0007\"",
           "log.level = \"\\u009b31m\"", "[windows.w]\nsize = \"1m\"\naggregates = [\"\\u202ea\"]", "x = \"\x1b[2J\"",
           "# \x1b[2J\nlog.level = 1 # \x1b[2J",
           "x = 1 # \xc2\x9b\nlog.level = 2 # \xc2\x9b"
           "31m \xe2\x80\xae",
           "include = [\"a\\u001bb.toml\"]", "[sources.s]\ntype = \"\\u001b\"", "[tables.t]\nfile = \"t.csv\"",
           "gateway.id = \"${file:/a\\u001bb}\"", "[sources.s]\ntype = \"mqtt\"\nservers = [\"tcp://\\u001b[1m\"]",
           "x = \"\\u000d\"\nwindows = \"a\\rb\"", "gateway.id = \"${\\u001b}\""}) {
    const std::string errors = errors_of_file(folder.write("edgetide.toml", text + '\n'), folder.path(""));
    EXPECT_NE(errors, "") << text;
    for (const char* refused : {"\x1b", "\x07", "\r", "\xc2\x9b", "\xe2\x80\xae"}) {
      EXPECT_EQ(errors.find(refused), std::string::npos) << text << '\n' << errors;
    }
  }
  const std::string path = folder.write("a\x1b[2J.toml", "x = 1\n");
  EXPECT_EQ(errors_of_file(path, folder.path("")).find('\x1b'), std::string::npos);
}

TEST(HostileFile, letters_beyond_ascii_are_shown_as_they_are) {
  expect_has(errors_of("log.level = \"größer\"\n"), "größer");
}

TEST(HostileFile, secrets_of_any_name_are_never_shown) {
  for (const std::string line : {"token = 'hunter2'",
                                 "api_key = 'hunter2'",
                                 "apikey = hunter2",
                                 "secret = \"hunter2",
                                 "API-Key = 'hunter2' x",
                                 "servers = ['tcp://h?token=hunter2']",
                                 "servers = ['mqtt://h/?access_token=hunter2']",
                                 "client_secret = ['hunter2']",
                                 "qos = 'Bearer hunter2'",
                                 "servers = ['https://hunter2@h']",
                                 "servers = ['https://u:hunter2@h/x']",
                                 "token = '''\nhunter2\n'''",
                                 "token = [\n'a',\n'hunter2' x",
                                 "secret = [\n'hunter2',\n'b'\nhunter2]",
                                 "secret = \"\"\"\nhunter2 \\q\"\"\"",
                                 "Passwort = 'hunter2'",
                                 "passphrase = 'hunter2'",
                                 "pass_phrase = 'hunter2'",
                                 "pwd = 'hunter2'",
                                 "Authorization = 'Basic hunter2'",
                                 "private-key = 'hunter2'",
                                 "aws_access_key_id = 'hunter2'",
                                 "tls_psk = 'hunter2'",
                                 "keep_alive = 'token=hunter2'",
                                 "retained = 'secret hunter2'",
                                 "protocol = 'api_key=hunter2'",
                                 "client_id = 'token={hunter2}'"}) {
    const std::string errors = errors_of("[sources.s]\ntype = \"mqtt\"\n" + line + '\n');
    expect_has(errors, "error");
    EXPECT_EQ(errors.find("hunter2"), std::string::npos) << line << '\n' << errors;
  }
}

TEST(HostileFile, connection_to_another_machine_without_full_tls_is_an_error) {
  if (leaves_parts_out()) GTEST_SKIP();
  const std::string sink = "[windows.w]\nsize = \"1m\"\n[sinks.d]\ntype = \"postgresql\"\n";
  const auto errors = [&](const std::string& more) { return errors_of(sink + more + '\n'); };
  expect_has(errors("connection = \"host=db.example sslmode=require\""),
             "edgetide.toml:5:14: error: sinks.d: sslmode=require does not check who answers at host db.example, who "
             "would get the password and the rows");
  expect_has(errors("connection = \"host=db.example sslmode=require\""),
             "write sslmode=verify-full, or set allow_plaintext = true");
  expect_has(errors("connection = \"postgresql://a,b/x?sslmode=prefer\""), "5:14: error: sinks.d: sslmode=prefer");
  expect_has(errors("connection = \"service=plant sslmode=disable\""), "answers at service plant");
  expect_has(errors("connection = \"host=db sslrootcert=/dev/zero\""), "sslrootcert: /dev/zero is not a regular file");
  EXPECT_EQ(errors("connection = \"host=db\""), "");
  EXPECT_EQ(errors("connection = \"host=db sslmode=verify-full\""), "");
  EXPECT_EQ(errors("connection = \"host=db sslmode=require\"\nallow_plaintext = true"), "");
  EXPECT_EQ(errors("connection = \"host=127.0.0.1 sslmode=disable\""), "");
  const Variable host("PGHOST", "db.example");
  expect_has(errors("connection = \"sslmode=require\""), "answers at host db.example of PGHOST");
}

// Bounded work: each of these took seconds to minutes.
TEST(HostileFile, mistakes_without_end_are_the_first_hundred) {
  const auto lines = [](int count, const std::function<std::string(int)>& line) {
    std::string text;
    for (int i = 0; i < count; ++i) text += line(i);
    return text;
  };
  const auto keys = [&](int count) {
    return lines(count, [](int i) { return "key_" + std::to_string(i) + " = 1\n"; });
  };
  const struct {
    const char* name;
    std::string text;
  } cases[] = {
      {"unknown keys of the top", keys(9'000)},
      {"more of them than a table may have", keys(60'000)},
      {"unknown keys of a table", "[gateway]\n" + keys(9'000)},
      {"unknown keys on one line",
       "gateway = {" + lines(9'000, [](int i) { return "key_" + std::to_string(i) + " = 1, "; }) + "x = 1}"},
      {"unknown tables", lines(9'000, [](int i) { return "[table_" + std::to_string(i) + "]\n"; })},
      {"time zones",
       lines(9'000, [](int i) { return "[windows.w" + std::to_string(i) + "]\ntimezone = \"Europe/Berlim\"\n"; })},
      {"inputs that there are not",
       lines(5'000, [](int i) { return "[sources.s" + std::to_string(i) + "]\n"; }) + "[windows.w]\ninputs = [" +
           lines(50'000, [](int i) { return "\"t" + std::to_string(i) + "\", "; }) + "]\n"},
      {"files that are not there",
       "include = [" + lines(50'000, [](int i) { return "\"" + std::to_string(i) + ".toml\", "; }) + "]\n"},
  };
  for (const auto& [name, text] : cases) {
    SCOPED_TRACE(name);
    const std::string errors = errors_of(text);
    EXPECT_LE(std::count(errors.begin(), errors.end(), '\n'), 3 * 100 + 1);
    EXPECT_LE(errors.size(), 100'000U);
    expect_has(errors, "The configuration was not applied.");
  }
  expect_has(errors_of(keys(101)), "100 errors, and there are more. ");
  expect_has(errors_of(keys(60'000)), "a table has more than 10000 keys");
  EXPECT_EQ(errors_of(keys(97)).find("and there are more"), std::string::npos);
}

TEST(HostileFile, control_characters_in_names_and_paths_are_errors_at_their_place) {
  const struct {
    std::string text;
    std::string message;
  } cases[] = {
      {R"(include = ["\u001b[31m*"])", R"(:1:12: error: include: "\x1b[31m*" has a control character)"},
      {"[gateway]\nstate_directory = \"/var/\\u001bc\"",
       R"(:2:19: error: state_directory: "/var/\x1bc" has a control)"},
      {"[gateway]\nid = \"a\\nb\"", R"(:2:6: error: id: "a\x0ab" has a control)"},
      {"[sources.a]\ntype = \"mqtt\"\nservers = [\"tcp://127.0.0.1\\u0007\"]",
       R"(:3:12: error: servers: "tcp://127.0.0.1\x07")"},
      {"[sinks.a]\ntype = \"postgresql\"\ntable = \"t\\u009b31m\"", R"(table: "t\xc2\x9b31m" has a control character)"},
      {"[sources.\"\\u001b\"]\ntype = \"tcp\"", R"(the key '\x1b' has a control character)"},
      {"[sources.states]\ntype = \"\\u001b\"", R"(type: "\x1b" has a control character)"},
      {"[windows.a.metric]\nsource = [\"\\u202eb\"]", R"(source: "\xe2\x80\xaeb" has a control character)"},
  };
  for (const auto& [text, message] : cases) {
    const std::string errors = errors_of(text + '\n');
    expect_has(errors, message);
    EXPECT_EQ(errors.find('\x1b'), std::string::npos) << errors;
  }
  const Variable variable("EDGETIDE_TEST_TEXT", "a\x1b[31m");
  expect_has(errors_of("[gateway]\nstate_directory = \"/${env:EDGETIDE_TEST_TEXT}\"\n"),
             R"(state_directory: "/${env:EDGETIDE_TEST_TEXT}" has a control character)");
}

TEST(HostileFile, tables_that_are_none_are_answered_with_what_is_meant) {
  const std::pair<const char*, const char*> cases[] = {
      {"credential", "secrets have no table; write \"${credential:NAME}\""},
      {"credentials", "secrets have no table"},
      {"outputs", "did you mean 'sinks'?"},
      {"source", "did you mean 'sources'?"},
      {"window", "did you mean 'windows'?"},
      {"logging", "did you mean 'log'?"},
      {"limit", "did you mean 'limits'?"}};
  for (const auto& [name, hint] : cases) expect_has(errors_of('[' + std::string(name) + "]\nx = 1\n"), hint);
}

}  // namespace
}  // namespace edgetide
