// Where the control socket of a running gateway is: control.sock in $RUNTIME_DIRECTORY, which systemd sets, else in the
// state directory.
//
// Thread: any. Fails: never.
#pragma once

#include <cstdlib>
#include <string>

namespace edgetide {

inline constexpr const char* default_runtime_directory = "/run/edgetide";
inline constexpr const char* default_state_directory = "/var/lib/edgetide";

inline std::string control_socket_path(const std::string& state_directory) {
  const char* const folders = std::getenv("RUNTIME_DIRECTORY");
  if (folders == nullptr || *folders == '\0') return state_directory + "/control.sock";
  const std::string list = folders;  // of all that the unit has
  return list.substr(0, list.find(':')) + "/control.sock";
}

}  // namespace edgetide
