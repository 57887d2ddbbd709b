#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "config/manual_page.h"
#include "daemon/commands/command_tree.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/completion.h"
#include "daemon/commands/examples.h"
#include "daemon/commands/manual_page.h"
#include "daemon/recovery/recovery.h"
#include "daemon/service/environment.h"
#include "pipeline/pipeline.h"
#include "pipeline/refusal.h"

namespace edgetide {

namespace {

struct CommandOptions {
  std::string config = default_config;
  RunOptions run;
  CheckOptions check;
  BackupOptions backup;
  ReplayOptions replay;
  SchemaOptions schema;
  DecodeOptions decode;
  std::string preset;
  LearnOptions learn;
  PasswordOptions password;
  CheckpointShowOptions checkpoint_show;
  QuarantineListOptions quarantine_list;
  QuarantineReplayOptions quarantine_replay;
  AskOptions ask;
  std::string sensors = "all";
  std::string window;
  std::string sensor;
  std::string tapped;
  std::string sink;  // to take
  std::string names;
  std::string late_since;
  std::string shell;
  std::string manual;
};

void add_config(CLI::App& command, CommandOptions& options) {
  command.add_option("-c,--config", options.config, "configuration file; " + options.config)->type_name("FILE");
}

void add_run(CLI::App& app, CommandOptions& options) {
  CLI::App& run = *app.add_subcommand("run", "Run the gateway until SIGTERM (the default)");
  add_config(run, options);
  run.add_option("--summary", options.run.summary, "write the counters to FILE as JSON when stopped")
      ->type_name("FILE");
}

void add_check(CLI::App& app, CommandOptions& options) {
  CLI::App& check = *app.add_subcommand("check", "Check the configuration and print all errors");
  add_config(check, options);
  check.add_flag_callback(
      "--no-environment", [&options] { options.check.environment = false; },
      "check the files only: no secrets, no connections");
  check.add_flag("--fragment", options.check.fragment, "FILE is a part of a configuration");
  check.add_flag("--against-state", options.check.against_state, "also print which windows would lose their state");
}

void add_backup(CLI::App& app, CommandOptions& options) {
  CLI::App& backup = *app.add_subcommand("backup", "Copy the state directory while the gateway runs");
  add_config(backup, options);
  backup.add_option("folder", options.backup.folder, "where to; it is made, or is empty")->required()->type_name("DIR");
}

void add_replay(CLI::App& app, CommandOptions& options) {
  static const std::map<std::string, OutputMode> modes = {
      {"append", OutputMode::append}, {"complete", OutputMode::complete}, {"update", OutputMode::update}};
  CLI::App& replay = *app.add_subcommand("replay", "Replay recorded readings on a virtual clock");
  add_config(replay, options);
  replay.add_option("-i,--input", options.replay.input, "readings as JSON Lines, - for standard input")
      ->capture_default_str()
      ->type_name("FILE");
  replay.add_option("-o,--output", options.replay.output, "rows as JSON Lines, - for standard output")
      ->capture_default_str()
      ->type_name("FILE");
  replay.add_option("--mode", options.replay.mode, "which rows are written (default update)")
      ->transform(CLI::CheckedTransformer(modes).description(""))
      ->type_name("append|update|complete");
  replay.add_option("--summary", options.replay.summary, "write the counters to FILE as JSON")->type_name("FILE");
  replay.add_flag("--flush", options.replay.flush, "close all windows at the end of the input");
  replay.add_flag("--strict", options.replay.strict, "stop at the first invalid line");
  replay.add_flag("--numeric-time", options.replay.numeric_time, "write times as integers in microseconds");
}

void add_schema(CLI::App& app, CommandOptions& options) {
  CLI::App& schema = *app.add_subcommand("schema", "Print the SQL that creates the tables and views");
  add_config(schema, options);
  schema.add_option("--sink", options.schema.sink, "only for this sink")->type_name("SINK");
  schema.add_flag("--setup", options.schema.setup, "what the server's administrator runs first");
}

void add_format(CLI::App& command, ListFormat& format, const std::string& description) {
  static const std::map<std::string, ListFormat> formats = {{"text", ListFormat::text}, {"json", ListFormat::json}};
  command.add_option("--format", format, description)
      ->transform(CLI::CheckedTransformer(formats).description(""))
      ->type_name("text|json");
}

void add_decode(CLI::App& app, CommandOptions& options) {
  CLI::App& decode = *app.add_subcommand("decode", "Show what the configuration makes of one message");
  add_config(decode, options);
  decode.add_option("--topic", options.decode.topic, "the topic it comes with; none: as over a socket")
      ->type_name("TOPIC");
  decode.add_option("--source", options.decode.source, "the source; else the first with a route for it")
      ->type_name("SOURCE");
  decode.add_option("--arrival", options.decode.arrival, "when it arrived, in RFC 3339 (default now)")
      ->type_name("TIME");
  add_format(decode, options.decode.format, "output format; json is input for edgetide replay (default text)");
  decode.add_option("file", options.decode.input, "the message, - for standard input")
      ->capture_default_str()
      ->type_name("FILE");
  add_config(*app.add_subcommand("test", "Try the [[tests]] of the configuration"), options);
  CLI::App& presets = *app.add_subcommand("presets", "List the presets, or print one as TOML");
  presets.add_option("name", options.preset, "the preset")->type_name("PRESET");
}

void add_learn(CLI::App& app, LearnOptions& options) {
  CLI::App& learn = *app.add_subcommand("learn", "Listen at a broker, print a configuration");
  learn.add_option("--server", options.server, "the broker")->capture_default_str()->type_name("URL");
  learn.add_option("--topic", options.topic, "what to subscribe to")->capture_default_str()->type_name("FILTER");
  learn.add_option("--seconds", options.seconds, "for how long, 1 to 86400")
      ->capture_default_str()
      ->check(CLI::Range(1, 86'400).description(""))
      ->type_name("N");
  learn.add_option("--username", options.username, "user name for the broker")->type_name("NAME");
  learn.add_option("--password-file", options.password_file, "file with its password")->type_name("FILE");
  learn.add_option("--ca", options.ca, "file with the certificates to trust, else the system's")->type_name("FILE");
}

void add_checkpoint(CLI::App& app, CommandOptions& options) {
  CLI::App& checkpoint = *app.add_subcommand("checkpoint", "Inspect the state that a restart begins with");
  checkpoint.require_subcommand(1);
  CLI::App& show = *checkpoint.add_subcommand("show", "Print the contents of the newest intact checkpoint");
  add_config(show, options);
  show.add_option("--state-directory", options.checkpoint_show.state_directory,
                  "the state directory, instead of the configured one")
      ->type_name("DIR");
  add_format(show, options.checkpoint_show.format, "output format (default text)");
}

CLI::App& add_question(CLI::App& app, const char* name, const char* description, CommandOptions& options) {
  CLI::App& question = *app.add_subcommand(name, description);
  add_config(question, options);
  question.add_option("--socket", options.ask.socket, "path of the control socket")->type_name("FILE");
  return question;
}

// Of readings and of messages.
std::vector<std::string> quarantine_reasons() {
  std::vector<std::string> reasons = {std::string(name_of(Quarantined::Reason::late_dropped))};
  for (const EnumWord<Refusal>& one : refusal_words) reasons.emplace_back(one.word);
  return reasons;
}

void add_quarantine_list(CLI::App& quarantine, CommandOptions& options) {
  QuarantineListOptions& to = options.quarantine_list;
  CLI::App& list = *quarantine.add_subcommand("list", "List them, oldest first");
  add_config(list, options);
  add_format(list, to.format, "output format, one line each (default text)");
  list.add_option("--reason", to.reason, "only those with this reason, such as late_dropped")
      ->check(CLI::IsMember(quarantine_reasons()).description(""))
      ->type_name("REASON");
  list.add_option("--sensor", to.sensor, "only sensors that match this pattern with * and ?")->type_name("GLOB");
  list.add_option("--limit", to.limit, "only the newest N")->type_name("N");
}

void add_quarantine(CLI::App& app, CommandOptions& options) {
  CLI::App& quarantine = *app.add_subcommand("quarantine", "Work with late readings and refused messages");
  quarantine.require_subcommand(1);
  add_quarantine_list(quarantine, options);
  CLI::App& replay = *quarantine.add_subcommand("replay", "Decode and run them through the windows again");
  add_config(replay, options);
  replay.add_option("-o,--output", options.quarantine_replay.output, "rows as JSON Lines, - for standard output")
      ->capture_default_str()
      ->type_name("FILE");
  add_config(*quarantine.add_subcommand("export", "Print them as input for edgetide replay"), options);
  CLI::App& apply = add_question(quarantine, "apply", "Add late readings to the rows of their windows", options);
  add_format(apply, options.ask.format, "output format (default text)");
  apply.add_option("--sensor", options.sensor, "only sensors that match this pattern with * and ?")->type_name("GLOB");
  apply.add_option("--since", options.late_since, "only event times from this one on (RFC 3339)")->type_name("TIME");
}

// Commands that ask the running gateway.
void add_questions(CLI::App& app, CommandOptions& options) {
  add_format(add_question(app, "status", "Show the status of the running gateway", options), options.ask.format,
             "output format (default text)");
  add_question(app, "top", "Live view; press q to quit", options);

  CLI::App& sensors = add_question(app, "sensors", "List the sensors, one per line", options);
  add_format(sensors, options.ask.format, "output format (default text)");
  const auto only = [&](const char* flag, const char* choice, const char* description) {
    return sensors.add_flag_callback(
        flag, [&options, choice] { options.sensors = choice; }, description);
  };
  CLI::Option* const late = only("--late", "late", "only sensors with late readings, most first");
  CLI::Option* const silent = only("--silent", "silent", "only silent sensors, longest silence first");
  CLI::Option* const skewed = only("--skewed", "skewed", "only sensors with bad times or clock skew");
  late->excludes(silent)->excludes(skewed);
  silent->excludes(skewed);

  CLI::App& why = add_question(app, "why", "Explain why the windows of a sensor are still open", options);
  add_format(why, options.ask.format, "output format (default text)");
  why.add_option("window", options.window, "name of the window")->required()->type_name("WINDOW");
  why.add_option("sensor", options.sensor, "SENSOR, SENSOR/METRIC, or a group as in its rows")
      ->required()
      ->type_name("SENSOR");

  CLI::App& sink = *app.add_subcommand("sink", "Decide about a sink of the running gateway");
  sink.require_subcommand(1);
  CLI::App& take = add_question(sink, "take", "Take the sink back from another instance", options);
  add_format(take, options.ask.format, "output format (default text)");
  take.add_option("name", options.sink, "name of the sink")->required()->type_name("SINK");

  CLI::App& tap = add_question(app, "tap", "Print readings or rows as they pass", options);
  add_format(tap, options.ask.format, "output format (default text)");
  tap.add_option("name", options.tapped, "name of a source or window")->required()->type_name("SOURCE/WINDOW");
}

void add_password(CLI::App& app, PasswordOptions& options) {
  CLI::App& password = *app.add_subcommand("password", "Make a line for the password_file of a source");
  password.add_option("--prefix", options.topic_prefix, "what the topics of the user begin with; none: all topics")
      ->type_name("PREFIX");
  password.add_option("user", options.user, "name of the user; the password is read from standard input")
      ->required()
      ->type_name("USER");
}

// Files that packages install; `--help` does not list them.
void add_printed(CLI::App& app, CommandOptions& options) {
  CLI::App& completion = *app.add_subcommand("completion", "Print the completion script for a shell")->group("");
  completion.add_option("shell", options.shell, "the shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}).description(""))
      ->type_name("bash|zsh|fish");
  CLI::App& names = add_question(app, "names", "Print names of the running gateway", options);
  names.group("");
  names.add_option("kind", options.names, "of what")
      ->required()
      ->check(CLI::IsMember({"sources", "windows", "sinks", "sensors"}).description(""))
      ->type_name("sources|windows|sinks|sensors");
  CLI::App& manual = *app.add_subcommand("manual", "Print a manual page")->group("");
  manual.add_option("page", options.manual, "the page")
      ->required()
      ->check(CLI::IsMember({"edgetide.1", "edgetide.toml.5"}).description(""))
      ->type_name("edgetide.1|edgetide.toml.5");
}

std::string printed_text(const CLI::App& app, const CommandOptions& options) {
  const Command root = command_tree(app);
  if (app.got_subcommand("manual")) {
    return options.manual == "edgetide.1" ? command_manual(root) : configuration_manual();
  }
  if (options.shell == "bash") return bash_completion(root);
  return options.shell == "zsh" ? zsh_completion(root) : fish_completion(root);
}

int dispatch_quarantine(const CLI::App& quarantine, CommandOptions& options) {
  if (quarantine.got_subcommand("export")) return quarantine_export_command(options.config);
  if (quarantine.got_subcommand("replay")) {
    options.quarantine_replay.config = options.config;
    return quarantine_replay_command(options.quarantine_replay);
  }
  options.quarantine_list.config = options.config;
  return quarantine_list_command(options.quarantine_list);
}

// Without the blank lines at the end, behind the usage and before the commands: what is left fits a terminal of 24
// lines.
class HelpText final : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
    while (text.ends_with("\n\n")) text.pop_back();
    for (const char* const gap : {"\n\nOptions:", "\n\nSubcommands:"}) {
      if (const std::size_t at = text.find(gap); at != text.npos) text.erase(at, 1);
    }
    return text;
  }
};

void add_examples(CLI::App& app, const std::string& path) {
  if (const std::string examples = examples_of(path); !examples.empty()) app.footer("Examples:\n" + examples);
  for (CLI::App* inner : app.get_subcommands({})) add_examples(*inner, path + ' ' + inner->get_name());
}

void build(CLI::App& app, CommandOptions& options) {
  app.formatter(std::make_shared<HelpText>());
  app.set_version_flag("--version", version_text(), "print the version and the build features");
  app.require_subcommand(0, 1);
  add_config(app, options);
  add_run(app, options);
  add_check(app, options);
  add_backup(app, options);
  add_checkpoint(app, options);
  add_replay(app, options);
  add_quarantine(app, options);
  add_schema(app, options);
  add_decode(app, options);
  add_learn(app, options.learn);
  add_password(app, options.password);
  add_questions(app, options);
  add_printed(app, options);
  add_examples(app, app.get_name());
  app.get_help_ptr()->group("");  // behind the subcommands, which would inherit it; their page has one line more
}

// Nothing: the command does not ask the running gateway.
std::optional<int> dispatch_question(const CLI::App& app, CommandOptions& options) {
  options.ask.config = options.config;
  if (app.got_subcommand("status")) return ask_command(options.ask, {"status"});
  if (app.got_subcommand("sensors")) return ask_command(options.ask, {"sensors", options.sensors});
  if (app.got_subcommand("why")) return ask_command(options.ask, {"why", options.window, options.sensor});
  if (app.got_subcommand("sink")) return ask_command(options.ask, {"sink", "take", options.sink});
  if (app.got_subcommand("quarantine") && app.get_subcommand("quarantine")->got_subcommand("apply"))
    return ask_command(options.ask, {"quarantine", "apply", options.sensor, options.late_since});
  if (app.got_subcommand("tap")) return ask_command(options.ask, {"tap", options.tapped});
  if (app.got_subcommand("names")) return ask_command(options.ask, {"names", options.names});
  if (app.got_subcommand("top")) return top_command(options.ask);
  return std::nullopt;
}

int dispatch(const CLI::App& app, CommandOptions& options) {
  if (const auto status = dispatch_question(app, options)) return *status;
  if (app.got_subcommand("check")) {
    options.check.config = options.config;
    return check_command(options.check);
  }
  if (app.got_subcommand("backup")) {
    options.backup.config = options.config;
    return backup_command(options.backup);
  }
  if (app.got_subcommand("checkpoint")) {
    options.checkpoint_show.config = options.config;
    return checkpoint_show_command(options.checkpoint_show);
  }
  if (app.got_subcommand("replay")) {
    options.replay.config = options.config;
    return replay_command(options.replay);
  }
  if (app.got_subcommand("quarantine")) return dispatch_quarantine(*app.get_subcommand("quarantine"), options);
  if (app.got_subcommand("schema")) {
    options.schema.config = options.config;
    return schema_command(options.schema);
  }
  if (app.got_subcommand("decode")) {
    options.decode.config = options.config;
    return decode_command(options.decode);
  }
  if (app.got_subcommand("test")) return test_command(options.config);
  if (app.got_subcommand("learn")) return learn_command(options.learn);
  if (app.got_subcommand("password")) return password_command(options.password);
  if (app.got_subcommand("presets")) return presets_command(options.preset);
  if (app.got_subcommand("completion") || app.got_subcommand("manual")) {
    std::cout << printed_text(app, options) << std::flush;
    return std::cout ? exit_fine : exit_failed;
  }
  options.run.config = options.config;
  return run_command(options.run);
}

}  // namespace

int command_line(int argc, char** argv) {
  hide_proxies();
  CLI::App app("edgetide: aggregates sensor readings in event-time windows and stores the rows", "edgetide");
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
  } catch (const StateRefused& error) {
    std::cerr << "edgetide: " << error.what() << '\n';
    return exit_configuration;
  } catch (const std::exception& error) {
    std::cerr << "edgetide: " << error.what() << '\n';
    return exit_failed;
  }
}

}  // namespace edgetide
