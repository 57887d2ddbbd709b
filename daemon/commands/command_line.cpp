#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <map>

#include "config/config.h"
#include "daemon/commands/commands.h"

namespace edgetide {

namespace {

constexpr const char* default_config = "/etc/edgetide/edgetide.toml";

struct CommandOptions {
  std::string config = default_config;
  RunOptions run;
  ReplayOptions replay;
  SchemaOptions schema;
};

void add_config(CLI::App& command, CommandOptions& options) {
  command.add_option("-c,--config", options.config, "configuration file")->capture_default_str();
}

void add_run(CLI::App& app, CommandOptions& options) {
  CLI::App& run = *app.add_subcommand("run", "Run until SIGTERM (the default)");
  add_config(run, options);
  run.add_option("--summary", options.run.summary, "write the counters to FILE as JSON when stopped")
      ->type_name("FILE");
}

void add_replay(CLI::App& app, CommandOptions& options) {
  static const std::map<std::string, OutputMode> modes = {
      {"append", OutputMode::append}, {"complete", OutputMode::complete}, {"update", OutputMode::update}};
  CLI::App& replay = *app.add_subcommand("replay", "Run recorded readings on a virtual clock");
  add_config(replay, options);
  replay.add_option("-i,--input", options.replay.input, "JSON Lines, - for standard input")->capture_default_str();
  replay.add_option("-o,--output", options.replay.output, "JSON Lines, - for standard output")->capture_default_str();
  replay.add_option("--mode", options.replay.mode, "append, update (default) or complete")
      ->transform(CLI::CheckedTransformer(modes).description(""))
      ->type_name("MODE");
  replay.add_option("--summary", options.replay.summary, "write the counters to FILE as JSON")->type_name("FILE");
  replay.add_flag("--flush", options.replay.flush, "close every window at the end of input");
  replay.add_flag("--strict", options.replay.strict, "stop at the first line that is no reading");
  replay.add_flag("--numeric-time", options.replay.numeric_time, "times as integers in microseconds");
}

void add_schema(CLI::App& app, CommandOptions& options) {
  CLI::App& schema = *app.add_subcommand("schema", "Print the tables and views as SQL");
  add_config(schema, options);
  schema.add_option("--sink", options.schema.sink, "one sink only")->type_name("NAME");
}

void build(CLI::App& app, CommandOptions& options) {
  app.set_version_flag("--version", version_text(), "print version and build features");
  app.require_subcommand(0, 1);
  app.footer(
      "Examples:\n"
      "  edgetide check --config /etc/edgetide/edgetide.toml\n"
      "  edgetide replay --config edgetide.toml --input yesterday.jsonl --flush");
  add_config(app, options);
  add_run(app, options);
  CLI::App& check = *app.add_subcommand("check", "Check the configuration, all errors at once");
  add_config(check, options);
  add_replay(app, options);
  add_schema(app, options);
}

int dispatch(const CLI::App& app, CommandOptions& options) {
  if (app.got_subcommand("check")) return check_command(options.config);
  if (app.got_subcommand("replay")) {
    options.replay.config = options.config;
    return replay_command(options.replay);
  }
  if (app.got_subcommand("schema")) {
    options.schema.config = options.config;
    return schema_command(options.schema);
  }
  options.run.config = options.config;
  return run_command(options.run);
}

}  // namespace

int command_line(int argc, char** argv) {
  CLI::App app("edgetide: sensor readings in, event-time windows, aggregate rows out");
  CommandOptions options;
  build(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_fine : exit_usage;
  }
  try {
    return dispatch(app, options);
  } catch (const ConfigErrors& errors) {
    std::cerr << errors.what();
    return exit_configuration;
  } catch (const std::exception& error) {
    std::cerr << "edgetide: " << error.what() << '\n';
    return exit_failed;
  }
}

}  // namespace edgetide
