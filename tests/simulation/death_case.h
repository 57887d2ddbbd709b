// How a daemon dies in a simulation, and under which durability nothing may be lost by it.
#pragma once

#include "daemon/storage/journal_options.h"

namespace edgetide::test {

enum class Death { kill, power_cut };

struct DeathCase {
  Durability durability;
  Death death;
  const char* name;
};
// What only a kill leaves whole, and what a power cut does too.
inline constexpr DeathCase death_cases[] = {{Durability::crash, Death::kill, "killed, durability crash"},
                                            {Durability::power, Death::kill, "killed, durability power"},
                                            {Durability::power, Death::power_cut, "power cut, durability power"}};

}  // namespace edgetide::test
