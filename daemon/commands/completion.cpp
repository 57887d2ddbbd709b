#include "daemon/commands/completion.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "config/parts.h"

namespace edgetide {

namespace {

void add_all(const Command& command, std::vector<const Command*>& all) {
  all.push_back(&command);
  for (const Command& inner : command.commands) add_all(inner, all);
}

std::vector<const Command*> all_commands(const Command& root) {
  std::vector<const Command*> all;
  add_all(root, all);
  return all;
}

std::string in_quotes(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + '\'';
}

std::string preset_names() {
  std::string names;
  for (const Preset& preset : built_in_parts().presets) names += (names.empty() ? "" : " ") + std::string(preset.name);
  return names;
}

std::string choices_of(const CommandOption& option) {
  if (option.value == "PRESET") return preset_names();
  std::string words = option.value;
  std::replace(words.begin(), words.end(), '|', ' ');
  return words;
}

// Words that the shell gets from the running gateway, each with what the shell puts around the command.
std::string names_of(const CommandOption& option, std::string_view before, std::string_view after) {
  std::string words;
  for (const std::string& kind : option.kinds_of_names()) {
    words += ' ' + std::string(before) + "edgetide names " + kind + " 2>/dev/null" + std::string(after);
  }
  return words;
}

// "a" | "b": the alternatives of a case, for both Bourne shells.
std::string alternatives(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& text : words) joined += (joined.empty() ? "" : " | ") + in_quotes(text);
  return joined;
}

// The paths of all subcommands, as alternatives of a case.
std::string steps(const std::vector<const Command*>& all) {
  std::vector<std::string> paths;
  for (const Command* command : all) paths.push_back(command->path);
  paths.erase(paths.begin());
  return alternatives(paths);
}

// The command and the option before the cursor.
std::string behind(const Command& command, const CommandOption& option) {
  std::vector<std::string> words;
  for (const std::string& name : option.names) words.push_back(command.path + ' ' + name);
  return alternatives(words);
}

// The arms of a case on "<command> <word before the cursor>": the values that an option can have.
struct ShellWords {
  std::string_view files, choose, before_names, after_names;
};
std::string value_arms(const std::vector<const Command*>& all, const ShellWords& shell) {
  std::string arms;
  for (const Command* command : all) {
    for (const CommandOption& option : command->options) {
      if (option.value.empty()) continue;
      arms += "    " + behind(*command, option) + ") ";
      if (option.is_path()) arms += std::string(shell.files) + "; ";
      if (option.is_choice()) arms += std::string(shell.choose) + ' ' + choices_of(option) + "; ";
      const std::string names = names_of(option, shell.before_names, shell.after_names);
      if (!names.empty()) arms += std::string(shell.choose) + names + "; ";
      arms += "return ;;\n";
    }
  }
  return arms;
}

std::string zsh_entry(std::string name, std::string_view description) {
  for (std::size_t at = 0; (at = name.find(':', at)) != std::string::npos; at += 2) name.insert(at, 1, '\\');
  return in_quotes(name + ':' + std::string(description));
}

std::string fish_option(const Command& command, const CommandOption& option) {
  std::string line = "complete -c edgetide -n " + in_quotes("__edgetide_is_at \"" + command.path + '"');
  for (const std::string& name : option.names)
    line += (name[1] == '-' ? " -l " + name.substr(2) : " -s " + name.substr(1));
  if (option.is_path()) {
    line += " -r -F";
  } else if (!option.value.empty()) {
    line += " -x";
  }
  if (option.is_choice()) line += " -a " + in_quotes(choices_of(option));
  if (const std::string names = names_of(option, "(", ")"); !names.empty()) line += " -a " + in_quotes(names.substr(1));
  return line + " -d " + in_quotes(option.description) + '\n';
}

}  // namespace

std::string bash_completion(const Command& root) {
  const std::vector<const Command*> all = all_commands(root);
  std::string script =
      "# bash completion for edgetide; printed by `edgetide completion bash`\n"
      "_edgetide_choose() {\n"
      "  mapfile -t COMPREPLY < <(compgen -W \"$*\" -- \"$word\")\n"
      "}\n"
      "_edgetide_files() {\n"
      "  compopt -o filenames\n"
      "  mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
      "}\n"
      "_edgetide() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} at=edgetide i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$at ${COMP_WORDS[i]}\" in\n"
      "    " +
      steps(all) +
      ") at+=\" ${COMP_WORDS[i]}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at $before\" in\n" +
      value_arms(all, {"_edgetide_files", "_edgetide_choose", "$(", ")"}) +
      "  esac\n"
      "  case $at in\n";
  for (const Command* command : all) {
    script += "    " + in_quotes(command->path) + ") _edgetide_choose";
    for (const Command& inner : command->commands) script += ' ' + inner.name;
    for (const CommandOption& argument : command->arguments) {
      if (argument.is_choice()) script += ' ' + choices_of(argument);
      script += names_of(argument, "$(", ")");
    }
    for (const CommandOption& option : command->options) script += ' ' + option.names.back();
    script += " ;;\n";
  }
  return script + "  esac\n}\ncomplete -F _edgetide edgetide\n";
}

std::string zsh_completion(const Command& root) {
  const std::vector<const Command*> all = all_commands(root);
  std::string script =
      "#compdef edgetide\n"
      "# zsh completion for edgetide; printed by `edgetide completion zsh`\n"
      "_edgetide() {\n"
      "  local at=edgetide word before=${words[CURRENT-1]}\n"
      "  local -a candidates\n"
      "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "    case \"$at $word\" in\n"
      "    " +
      steps(all) +
      ") at+=\" $word\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$at $before\" in\n" +
      value_arms(all, {"_files", "compadd --", "${(f)\"$(", ")\"}"}) +
      "  esac\n"
      "  case $at in\n";
  for (const Command* command : all) {
    script += "    " + in_quotes(command->path) + ") candidates=(";
    for (const Command& inner : command->commands) script += ' ' + zsh_entry(inner.name, inner.description);
    for (const CommandOption& argument : command->arguments) {
      if (argument.is_choice()) script += ' ' + choices_of(argument);
      script += names_of(argument, "${(f)\"$(", ")\"}");
    }
    for (const CommandOption& option : command->options) {
      script += ' ' + zsh_entry(option.names.back(), option.description);
    }
    script += ") ;;\n";
  }
  return script + "  esac\n  _describe 'command or option' candidates\n}\n_edgetide \"$@\"\n";
}

std::string fish_completion(const Command& root) {
  const std::vector<const Command*> all = all_commands(root);
  std::string script =
      "# fish completion for edgetide; printed by `edgetide completion fish`\n"
      "function __edgetide_is_at\n"
      "  set -l at edgetide\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    if contains -- \"$at $word\"";
  for (std::size_t i = 1; i < all.size(); ++i) script += ' ' + in_quotes(all[i]->path);
  script +=
      "\n"
      "      set at \"$at $word\"\n"
      "    end\n"
      "  end\n"
      "  test \"$at\" = $argv[1]\n"
      "end\n"
      "complete -c edgetide -f\n";
  for (const Command* command : all) {
    const std::string here = "complete -c edgetide -n " + in_quotes("__edgetide_is_at \"" + command->path + '"');
    for (const Command& inner : command->commands) {
      script += here + " -a " + inner.name + " -d " + in_quotes(inner.description) + '\n';
    }
    for (const CommandOption& argument : command->arguments) {
      if (argument.is_choice()) script += here + " -a " + in_quotes(choices_of(argument)) + '\n';
      const std::string names = names_of(argument, "(", ")");
      if (!names.empty()) script += here + " -a " + in_quotes(names.substr(1)) + '\n';
    }
    for (const CommandOption& option : command->options) script += fish_option(*command, option);
  }
  return script;
}

}  // namespace edgetide
