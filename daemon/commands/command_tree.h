// The commands and options of `edgetide` as data, for completions and the manual page: both are generated from the
// command line.
//
// The name of a value gives its kind: "FILE" and "DIR" are paths, "text|json" is one of these words, "PRESET" is the
// name of a preset, "WINDOW", "SENSOR", "SOURCE", "SINK" and "SOURCE/WINDOW" those of the running gateway, others are
// free.
// Thread: pure.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace edgetide {

struct CommandOption {
  std::vector<std::string> names;  // "-c", "--config"
  std::string value;               // empty: a flag
  std::string description;
  std::string standard;  // the default, if `--help` shows it

  bool is_path() const { return value == "FILE" || value == "DIR"; }
  // What the running gateway is asked for: `edgetide names KIND`; empty: nothing.
  std::vector<std::string> kinds_of_names() const;
  bool is_choice() const { return value == "PRESET" || value.find('|') != std::string::npos; }
};

struct Command {
  std::string path;  // "edgetide quarantine list"
  std::string name;  // "list"
  std::string description;
  std::vector<CommandOption> options;
  std::vector<CommandOption> arguments;  // by position; one name each
  std::vector<Command> commands;
  std::string examples;  // lines
};

Command command_tree(const CLI::App& app, const std::string& parent = {});

}  // namespace edgetide
