#include <gtest/gtest.h>

#include "tests/config/configuration_file.h"

namespace edgetide {

namespace {

std::string source(const std::string& name) {
  return "[sources." + name + "]\ntype = \"unix\"\nlisten = \"/run/" + name + "\"\nformat = \"influx\"\n";
}

std::string errors_in(const TemporaryFolder& folder) {
  return errors_of_file(folder.path("edgetide.toml"), folder.path(""));
}

}  // namespace

TEST(Include, files_are_read_in_byte_order_and_merged_behind_the_main_file) {
  const TemporaryFolder folder;
  folder.write("edgetide.toml",
               "include = [\"conf.d/*.toml\", \"more.toml\"]\n" + source("main") + "[time]\noldest = \"1d\"\n");
  folder.write("conf.d/20.toml", source("b"));
  folder.write("conf.d/10.toml", source("a") + "[time]\nmax_future = \"1m\"\n");
  folder.write("conf.d/Z.toml", source("z"));
  folder.write("conf.d/.hidden.toml", "nonsense");
  folder.write("conf.d/notes.txt", "nonsense");
  folder.write("more.toml", "[windows.minute]\nsize = \"1m\"\n");
  ASSERT_EQ(errors_in(folder), "");
  const GatewayOptions options = load_configuration(folder.path("edgetide.toml")).options;
  std::string names;
  for (const SourceOptions& read : options.pipeline.sources) names += read.name + ' ';
  EXPECT_EQ(names, "main a b z ");
  EXPECT_EQ(options.pipeline.sources[0].time.oldest, Duration::days(1));
  EXPECT_EQ(options.pipeline.sources[0].time.max_future, Duration::minutes(1));
  ASSERT_EQ(options.pipeline.windows.size(), 1U);
}

TEST(Include, glob_without_a_match_or_a_folder_is_fine) {
  EXPECT_EQ(errors_of("include = [\"conf.d/*.toml\", \"*.none\"]\n"), "");
}

TEST(Include, named_file_that_is_missing_is_an_error_at_its_name) {
  EXPECT_EQ(errors_of("include = [\"a.toml\"]\n"),
            "edgetide.toml:1:12: error: include: a.toml: cannot be opened: No such file or directory\n"
            "    1 | include = [\"a.toml\"]\n"
            "      |            ^^^^^^^^\n"
            "1 error. The configuration was not applied.\n");
}

TEST(Include, what_stands_twice_is_an_error_that_names_both_places) {
  const TemporaryFolder folder;
  folder.write("edgetide.toml",
               "include = [\"a.toml\"]\n[time]\noldest = \"1d\"\n" + source("x") + "[log]\nlevel = 1\n");
  folder.write("a.toml", "config_version = 1\n[time]\noldest = \"2d\"\n" + source("x"));
  EXPECT_EQ(errors_in(folder),
            "edgetide.toml:9:9: error: log: level is a whole number, not one of \"trace\", \"debug\", \"info\", "
            "\"warning\", \"error\"\n"
            "    9 | level = 1\n"
            "      |         ^\n"
            "a.toml:3:1: error: time.oldest is defined twice\n"
            "    3 | oldest = \"2d\"\n"
            "      | ^^^^^^ first in edgetide.toml:3\n"
            "a.toml:4:10: error: sources.x is defined twice\n"
            "    4 | [sources.x]\n"
            "      |          ^ first in edgetide.toml:4\n"
            "3 errors. The configuration was not applied.\n");
}

TEST(Include, included_file_may_not_include) {
  const TemporaryFolder folder;
  folder.write("edgetide.toml", "include = [\"a.toml\"]\n");
  folder.write("a.toml", "include = [\"b.toml\"]\n");
  EXPECT_EQ(errors_in(folder),
            "a.toml:1:1: error: include is allowed in the main file only\n"
            "    1 | include = [\"b.toml\"]\n"
            "      | ^^^^^^^\n"
            "1 error. The configuration was not applied.\n");
}

TEST(Include, file_is_read_once_and_a_glob_in_a_folder_is_refused) {
  const TemporaryFolder folder;
  folder.write("edgetide.toml", "include = [\"*.toml\", \"*/x.toml\"]\n");
  const std::string errors = errors_in(folder);
  EXPECT_NE(errors.find("edgetide.toml:1:12: error: include: edgetide.toml is included twice\n"), std::string::npos)
      << errors;
  EXPECT_NE(errors.find("edgetide.toml:1:22: error: include: '*' is allowed in the last part of a path only\n"),
            std::string::npos)
      << errors;
}

TEST(Include, errors_of_an_included_file_carry_its_name) {
  const TemporaryFolder folder;
  folder.write("edgetide.toml", "include = [\"conf.d/30.toml\"]\nlog = 1\n");
  folder.write("conf.d/30.toml",
               "[windows.quarter]\nsize = \"15m\"\n[sinks.cloud]\ntype = \"stdout\"\ninputs = [\"quater\"]\n");
  EXPECT_EQ(errors_in(folder),
            "edgetide.toml:2:7: error: log is a whole number, not a table\n"
            "    2 | log = 1\n"
            "      |       ^\n"
            "conf.d/30.toml:5:11: error: sinks.cloud: input 'quater' is not a window\n"
            "    5 | inputs = [\"quater\"]\n"
            "      |           ^^^^^^^^ did you mean 'quarter'?  (defined in 30.toml:1)\n"
            "2 errors. The configuration was not applied.\n");
}

}  // namespace edgetide
