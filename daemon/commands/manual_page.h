// edgetide(1): what the program is, and every command and option from the tree of commands.
//
// Thread: pure.
#pragma once

#include <string>

#include "daemon/commands/command_tree.h"

namespace edgetide {

std::string command_manual(const Command& root);

}  // namespace edgetide
