// Completion scripts for shells, from the command tree. Each finds the command that the line names so far, then offers
// its subcommands and options, or the values of the option before the cursor.
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
