#include "daemon/commands/command_tree.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "daemon/commands/examples.h"

namespace edgetide {

namespace {

CommandOption to_option(const CLI::Option& from) {
  CommandOption option;
  for (const std::string& name : from.get_snames()) option.names.push_back("-" + name);
  for (const std::string& name : from.get_lnames()) option.names.push_back("--" + name);
  if (option.names.empty()) option.names.push_back(from.get_name());
  if (from.get_items_expected_max() > 0) option.value = from.get_type_name();
  option.description = from.get_description();
  option.standard = from.get_default_str();
  return option;
}

}  // namespace

std::vector<std::string> CommandOption::kinds_of_names() const {
  std::vector<std::string> kinds;
  for (const auto& [word, kind] :
       {std::pair{"SOURCE", "sources"}, {"WINDOW", "windows"}, {"SINK", "sinks"}, {"SENSOR", "sensors"}}) {
    if (value == word || (value == "SOURCE/WINDOW" && value.find(word) != value.npos)) kinds.emplace_back(kind);
  }
  return kinds;
}

Command command_tree(const CLI::App& app, const std::string& parent) {
  Command command;
  command.name = app.get_name();
  command.path = parent.empty() ? command.name : parent + ' ' + command.name;
  command.description = app.get_description();
  command.examples = examples_of(command.path);
  for (const CLI::Option* option : app.get_options()) {
    (option->get_positional() ? command.arguments : command.options).push_back(to_option(*option));
  }
  // `--help` does not list a command without a group.
  const auto is_shown = [](const CLI::App* inner) { return !inner->get_group().empty(); };
  for (const CLI::App* inner : app.get_subcommands(is_shown)) {
    command.commands.push_back(command_tree(*inner, command.path));
  }
  return command;
}

}  // namespace edgetide
