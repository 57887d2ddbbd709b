#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "config/parts.h"
#include "daemon/sources/mqtt_source.h"
#include "tests/config/configuration_file.h"

namespace edgetide {

namespace {

// The password of an MQTT source whose `password` is the text.
std::string with_password(const std::string& text) {
  return "[sources.s]\ntype = \"mqtt\"\nservers = [\"mqtt://localhost\"]\nusername = \"u\"\npassword = " + text +
         "\nroutes = [{ topic = \"{device}\", format = \"json\" }]\n[windows.w]\nsize = \"1m\"\n";
}

std::string password(const std::string& text, bool resolve = true) {
  const Configuration configuration = loaded(with_password(text), LoadOptions{resolve});
  const std::vector<SourceInput>& sources = configuration.options.sources;
  return sources.empty() ? "not loaded" : options_of<MqttOptions>(*sources[0].source)->password;
}

}  // namespace

TEST(SecretReference, credentials_files_and_variables_are_put_in_place) {
  const TemporaryFolder folder;
  folder.write("mqtt", "s3cret\n", 0644);
  folder.write("odd", "a\"b\\${env:X}\n\n", 0600);
  const Variable credentials("CREDENTIALS_DIRECTORY", folder.path("").c_str());
  const Variable set("EDGETIDE_TEST_SET", "from env");
  const Variable unset("EDGETIDE_TEST_UNSET", nullptr);
  EXPECT_EQ(password("'${credential:mqtt}'"), "s3cret");
  EXPECT_EQ(password("'${file:" + folder.path("odd") + "}'"), "a\"b\\${env:X}\n") << "content is not looked at again";
  EXPECT_EQ(password("'<${env:EDGETIDE_TEST_SET}>'"), "<from env>");
  EXPECT_EQ(password("'${env:EDGETIDE_TEST_UNSET:-x:-y}${env:EDGETIDE_TEST_SET:-z}'"), "x:-yfrom env");
  EXPECT_EQ(password("'${env:EDGETIDE_TEST_UNSET:-}'"), "");
  EXPECT_EQ(password("'$${env:X} $5 {y}'"), "${env:X} $5 {y}");
  EXPECT_EQ(password("'${credential_path:mqtt}'"), folder.path("") + "/mqtt");
}

TEST(SecretReference, what_cannot_be_resolved_is_an_error_at_its_place_and_shows_no_content) {
  const TemporaryFolder folder;
  folder.write("open", "hunter2\n", 0640);
  folder.write("binary", std::string("hunter2\0", 8), 0600);
  const Variable credentials("CREDENTIALS_DIRECTORY", folder.path("").c_str());
  const Variable unset("EDGETIDE_TEST_UNSET", nullptr);
  struct Case {
    std::string text;
    std::string expected;
  };
  for (const Case& c :
       {Case{"${credential:none}", "cannot be opened"}, Case{"${credential:../x}", "name of its file"},
        Case{"${credential_path:none}", "cannot be opened"}, Case{"${file:relative}", "absolute path"},
        Case{"${file:" + folder.path("open") + "}", "can be read by others"},
        Case{"${file:" + folder.path("binary") + "}", "is not a text file"},
        Case{"${file:/dev/zero}", "is not a regular file"}, Case{"${file:/}", "is not a regular file"},
        Case{"${env:EDGETIDE_TEST_UNSET}", "the environment has no EDGETIDE_TEST_UNSET"},
        Case{"${env:A B}", "needs the name of a variable"}, Case{"${hunter2}", "unknown reference"},
        Case{"${credental:hunter2}", "did you mean 'credential'?"}, Case{"hunter2${env:A", "${ without }"}}) {
    const std::string errors = errors_of(with_password('\'' + c.text + '\''));
    EXPECT_TRUE(errors.starts_with("edgetide.toml:5:12: error: password: ")) << errors;
    EXPECT_NE(errors.find(c.expected), std::string::npos) << errors;
    EXPECT_EQ(errors.find("hunter2"), std::string::npos) << errors;
    EXPECT_TRUE(errors.ends_with("\n1 error. The configuration was not applied.\n")) << errors;
  }
}

TEST(SecretReference, without_a_credentials_directory_the_error_says_so) {
  const Variable credentials("CREDENTIALS_DIRECTORY", nullptr);
  const std::string errors = errors_of(with_password("'${credential:mqtt}'"));
  EXPECT_NE(errors.find("$CREDENTIALS_DIRECTORY is not set"), std::string::npos) << errors;
}

TEST(SecretReference, unresolved_secrets_are_checked_for_form_and_left_empty) {
  const Variable credentials("CREDENTIALS_DIRECTORY", nullptr);
  const Variable unset("EDGETIDE_TEST_UNSET", nullptr);
  const Variable set("EDGETIDE_TEST_SET", "x");
  EXPECT_EQ(password("'a${credential:mqtt}'", false), "");
  EXPECT_EQ(password("'${file:/nowhere}'", false), "");
  EXPECT_EQ(password("'${env:EDGETIDE_TEST_UNSET}'", false), "");
  EXPECT_EQ(password("'${env:EDGETIDE_TEST_SET}'", false), "x");
  EXPECT_NE(errors_of(with_password("'${fil:/nowhere}'"), LoadOptions{false}).find("did you mean 'file'?"),
            std::string::npos);
  EXPECT_NE(errors_of(with_password("'${file:nowhere}'"), LoadOptions{false}).find("absolute path"), std::string::npos);
}

TEST(SecretReference, every_text_may_be_a_reference_and_an_unresolved_one_breaks_no_check) {
  if (leaves_parts_out()) GTEST_SKIP();
  const std::string text = R"(
[gateway]
id = "${env:EDGETIDE_TEST_X}"
state_directory = "${env:EDGETIDE_TEST_X}"
[log]
level = "${env:EDGETIDE_TEST_X}"
[sources.s]
type = "mqtt"
servers = ["${env:EDGETIDE_TEST_X}"]
keep_alive = "${env:EDGETIDE_TEST_X}"
client_id = "${env:EDGETIDE_TEST_X}"
routes = [{ topic = "${env:EDGETIDE_TEST_X}", format = "number" }]
[sources.t]
type = "tcp"
listen = "${env:EDGETIDE_TEST_X}"
format = "influx"
[windows.w]
size = "1m"
aggregates = ["${env:EDGETIDE_TEST_X}"]
inputs = ["${env:EDGETIDE_TEST_X}"]
[sinks.p]
type = "postgresql"
connection = "${env:EDGETIDE_TEST_X}"
schema = "${env:EDGETIDE_TEST_X}"
outbox = { max_size = "${env:EDGETIDE_TEST_X}" }
)";
  const Variable unset("EDGETIDE_TEST_X", nullptr);
  EXPECT_EQ(errors_of(text, LoadOptions{false}), "");
  const Variable level("EDGETIDE_TEST_LEVEL", "debug");
  EXPECT_EQ(loaded("log.level = '${env:EDGETIDE_TEST_LEVEL}'\nlimits.max_series = 5\n").options.log.level,
            LogLevel::debug);
}

TEST(SecretReference, messages_about_a_resolved_value_show_the_reference_only) {
  const Variable set("EDGETIDE_TEST_SET", "hunter2/{device");
  const std::string errors = errors_of(
      "[sources.s]\ntype = \"mqtt\"\nservers = [\"${env:EDGETIDE_TEST_SET}\"]\n"
      "routes = [{ topic = \"${env:EDGETIDE_TEST_SET}\", format = \"number\" }]\nqos = 1\nkeep_alive = "
      "\"${env:EDGETIDE_TEST_SET}\"\n");
  EXPECT_NE(errors.find("${env:EDGETIDE_TEST_SET}"), std::string::npos) << errors;
  EXPECT_NE(errors.find("topic does not fit"), std::string::npos) << errors;
  EXPECT_EQ(errors.find("hunter2"), std::string::npos) << errors;
}

TEST(SecretReference, line_of_a_password_is_never_shown) {
  if (leaves_parts_out()) GTEST_SKIP();
  for (const std::string line :
       {"password = hunter2", "password = \"hun\\qter2 hunter2\"", "password = 'hunter2' x", "password = ['hunter2']",
        "pasword = 'hunter2'", "password = '''\nhunter2\n", "password = \"\"\"\nhunter2 \\q\"\"\"",
        "tls = { password = 'hunter2' }", "x = 1 # password hunter2", "servers = ['mqtt://u:hunter2@h']",
        "servers = ['mqtt://u:hunter2@h'"}) {
    const std::string errors = errors_of("[sources.s]\ntype = \"mqtt\"\n" + line + '\n');
    EXPECT_NE(errors.find("error"), std::string::npos) << line;
    EXPECT_EQ(errors.find("hunter2"), std::string::npos) << line << '\n' << errors;
  }
  for (const std::string connection :
       {"password=hunter2", "postgresql://u:hunter2@h/db", "host=h sslpassword=hunter2"}) {
    const std::string errors = errors_of(
        "[windows.w]\nsize = \"1m\"\n[sinks.s]\ntype = \"postgresql\"\nconnection = \"" + connection + "\"\n");
    EXPECT_NE(errors.find("edgetide.toml:5:14: error: sinks.s: connection holds a password"), std::string::npos)
        << errors;
    EXPECT_EQ(errors.find("hunter2"), std::string::npos) << errors;
  }
}

TEST(SecretReference, token_is_a_secret_as_a_password_is) {
  for (const std::string line :
       {"token = hunter2", "token = ['hunter2']", "tokn = 'hunter2'", "token = '''\nhunter2\n"}) {
    const std::string errors = errors_of("[metrics]\n" + line + '\n');
    EXPECT_NE(errors.find("error"), std::string::npos) << line;
    EXPECT_EQ(errors.find("hunter2"), std::string::npos) << line << '\n' << errors;
  }
}

TEST(SecretReference, literal_password_in_a_readable_file_is_warned_of) {
  const TemporaryFolder folder;
  const auto warned = [&](const std::string& text, unsigned mode) {
    bool found = false;
    for (const ConfigMessage& message :
         load_configuration(folder.write("c.toml", with_password(text), mode)).warnings) {
      found = found || message.text == "password stands in a file that others may read";
      EXPECT_EQ(to_text(message, "warning").find("hunter2"), std::string::npos);
    }
    return found;
  };
  EXPECT_TRUE(warned("'hunter2'", 0644));
  EXPECT_FALSE(warned("'hunter2'", 0600));
  EXPECT_FALSE(warned("'${env:EDGETIDE_TEST_X:-y}'", 0644));
}

}  // namespace edgetide
