// The credentials that systemd gives to the service: what LoadCredential= and its like say in edgetide.service and in
// its drop-ins, for `edgetide check`, which systemd gives none.
//
// Thread: main. Blocks: reads files. Fails: never; what cannot be read says nothing.
// Limit:  1 MiB per file.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace edgetide {

struct UnitCredentials {
  bool has_unit = false;
  bool has_more = false;  // a folder or a pattern of them: names that are not known here may be there
  // By name; empty: it is there, and what it says cannot be read here.
  std::map<std::string, std::string> paths = {};
};

// Below the folder `root`: "" is this machine.
UnitCredentials read_unit_credentials(const std::string& root);

// Adds what the text of one unit file says, behind those that were read before.
void add_unit_credentials(std::string_view text, UnitCredentials& to);

}  // namespace edgetide
