// Completion scripts for shells, from the tree of commands. Each finds the command that the line so far names, then
// offers its commands and options, or what may stand behind the option before the cursor.
//
// Thread: pure.
#pragma once

#include <string>

#include "daemon/commands/command_tree.h"

namespace edgetide {

std::string bash_completion(const Command& root);
std::string zsh_completion(const Command& root);
std::string fish_completion(const Command& root);

}  // namespace edgetide
