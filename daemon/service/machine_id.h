// A short name of this machine, for ids that two gateways with the same host name must not share: made from what the
// system knows it by, the machine id of its installation and, where there is one, the serial number of its board.
//
// Thread: any. Blocks: reads two small files. Fails: never; empty if the system has neither.
#pragma once

#include <string>

namespace edgetide {

// Eight hexadecimal digits, the same at every call and for every program version. The ids themselves cannot be read
// from it.
std::string short_machine_id();

// `root` instead of "/", for tests.
std::string short_machine_id(const std::string& root);

}  // namespace edgetide
