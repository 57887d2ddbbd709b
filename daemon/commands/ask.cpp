// `edgetide status`, `sensors`, `why`, `sink take`, `quarantine apply` and `tap`: ask the running gateway and print
// its answer.
#include <iostream>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/monitor/control_client.h"
#include "daemon/monitor/control_socket_path.h"

namespace edgetide {

std::vector<std::string> control_sockets(const AskOptions& options) {
  if (!options.socket.empty()) return {options.socket};
  const std::string packaged = std::string(default_runtime_directory) + "/control.sock";
  try {
    const std::string folder = load_configuration(options.config, {.resolve_secrets = false}).options.state_directory;
    std::vector<std::string> sockets = {control_socket_path(folder)};
    if (folder == default_state_directory) sockets.push_back(packaged);
    return sockets;
  } catch (const ConfigErrors&) {
    // The service keeps running with the configuration it has read, and this user may not be allowed to read the file.
    if (options.config == default_config) return {packaged};
    throw;
  }
}

int ask_command(const AskOptions& options, std::vector<std::string> words) {
  words.emplace_back(options.format == ListFormat::text ? "text" : "json");
  ControlClient client(control_sockets(options), words);
  for (std::string text = client.more(); !text.empty(); text = client.more()) {
    std::cout << text << std::flush;
    if (!std::cout) return exit_failed;
  }
  return exit_fine;
}

}  // namespace edgetide
