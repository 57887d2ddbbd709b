#include "config/unit_credentials.h"

#include <gtest/gtest.h>
#include <string>

#include "tests/config/configuration_file.h"

namespace edgetide {

namespace {

std::string with_credential(const std::string& name) {
  return "[sources.s]\ntype = \"mqtt\"\nservers = [\"mqtt://localhost\"]\nusername = \"u\"\npassword = "
         "\"${credential:" +
         name +
         "}\"\nroutes = [{ topic = \"{device}\", format = \"json\" }]\n[windows.w]\nsize = \"1m\"\n[sinks.o]\ntype = "
         "\"stdout\"\n";
}

// Errors, or warnings where there are none.
std::string checked(const std::string& name, const UnitCredentials& unit) {
  const Variable credentials("CREDENTIALS_DIRECTORY", nullptr);
  const LoadOptions options{.unit = &unit};
  const std::string errors = errors_of(with_credential(name), options);
  if (!errors.empty()) return errors;
  std::string warnings;
  for (const ConfigMessage& message : loaded(with_credential(name), options).warnings) {
    warnings += to_text(message, "warning");
  }
  return warnings;
}

}  // namespace

TEST(UnitCredentials, unit_and_its_drop_ins_are_read_as_systemd_does) {
  const TemporaryFolder folder;
  folder.write("lib/systemd/system/edgetide.service",
               "[Unit]\nLoadCredential=no:/no\n[Service]\nLoadCredential=first:/a\nLoadCredential=second:/b\n");
  folder.write("etc/systemd/system/edgetide.service.d/20-more.conf",
               "[Service]\n# LoadCredential=comment:/c\nLoadCredential = \\\n  third:/c\nSetCredential=fourth:text\n");
  folder.write("etc/systemd/system/edgetide.service.d/10-none.conf", "[Service]\nLoadCredential=\n");
  folder.write("lib/systemd/system/edgetide.service.d/20-more.conf", "[Service]\nLoadCredential=hidden:/h\n");
  folder.write("lib/systemd/system/edgetide.service.d/30-other.conf",
               "[Service]\nLoadCredentialEncrypted=fifth:/e.cred\nLoadCredential=sixth:relative\n");
  const UnitCredentials unit = read_unit_credentials(folder.path("").substr(0, folder.path("").size() - 1));
  EXPECT_TRUE(unit.has_unit);
  EXPECT_FALSE(unit.has_more);
  const std::map<std::string, std::string> expected = {{"third", "/c"}, {"fourth", ""}, {"fifth", ""}, {"sixth", ""}};
  EXPECT_EQ(unit.paths, expected);
  const TemporaryFolder empty;
  EXPECT_FALSE(read_unit_credentials(empty.path("")).has_unit);
}

TEST(UnitCredentials, credentials_that_are_not_in_the_environment_are_those_of_the_unit) {
  const TemporaryFolder folder;
  const std::string file = folder.write("mqtt", "s3cret\n");
  const UnitCredentials unit{.has_unit = true, .paths = {{"mqtt", file}, {"gone", "/nowhere/gone"}, {"sealed", ""}}};
  EXPECT_EQ(checked("mqtt", unit), "");
  EXPECT_EQ(checked("sealed", unit), "");
  EXPECT_NE(checked("gone", unit)
                .find("edgetide.toml:5:12: error: password: credential 'gone': the file of its "
                      "LoadCredential=, /nowhere/gone, does not exist"),
            std::string::npos);
  const std::string unnamed = checked("none", unit);
  EXPECT_NE(unnamed.find("5:12: error: password: credential 'none': edgetide.service has no LoadCredential= for it"),
            std::string::npos)
      << unnamed;
  EXPECT_NE(unnamed.find("LoadCredential=none:/etc/edgetide/credentials/none"), std::string::npos) << unnamed;
  EXPECT_EQ(checked("none", {.has_unit = true, .has_more = true}), "");
}

TEST(UnitCredentials, without_the_service_credentials_are_a_warning) {
  const std::string warnings = checked("mqtt", {});
  EXPECT_NE(warnings.find("edgetide.toml:5:12: warning: password: credential 'mqtt' is for the service, and "
                          "edgetide.service is not installed here, so it is not checked"),
            std::string::npos)
      << warnings;
  EXPECT_NE(warnings.find("--no-environment"), std::string::npos) << warnings;
}

TEST(UnitCredentials, names_that_a_fragment_does_not_define_are_no_errors) {
  if (leaves_parts_out()) GTEST_SKIP();
  const std::string text =
      "[sources.s]\ntype = \"unix\"\nlisten = \"/run/edgetide/x.sock\"\nformat = \"influx\"\ntable = \"other\"\n"
      "[sinks.d]\ntype = \"sqlite\"\ninputs = [\"minute\"]\nretention = { minute = \"30d\" }\n";
  EXPECT_NE(errors_of(text), "");
  const Configuration configuration = loaded(text, {.fragment = true});
  EXPECT_EQ(configuration.options.sinks.size(), 1U);
  EXPECT_TRUE(configuration.warnings.empty());
  EXPECT_NE(errors_of(text + "colour = 1\n", {.fragment = true}), "") << "other mistakes are errors";
}

TEST(UnitCredentials, file_that_includes_a_fragment_is_found) {
  const TemporaryFolder folder;
  const std::string main_file = folder.write("edgetide.toml", "include = [\"conf.d/*.toml\"]\n");
  const std::string part = folder.write("conf.d/plant.toml", "[windows.w]\nsize = \"1m\"\n");
  const std::string other = folder.write("conf.d/plant.txt", "[windows.w]\nsize = \"1m\"\n");
  EXPECT_EQ(includer_of(part), main_file);
  EXPECT_EQ(includer_of(other), "");
  EXPECT_EQ(includer_of(main_file), "");
}

}  // namespace edgetide
