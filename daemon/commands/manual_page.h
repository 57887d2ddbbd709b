// The manual page edgetide(1): a description, then every command and option from the command tree.
//
// Thread: pure.
#pragma once

#include <string>

#include "daemon/commands/command_tree.h"

namespace edgetide {

std::string command_manual(const Command& root);

}  // namespace edgetide
