#include <iostream>

#include "config/config.h"
#include "daemon/commands/commands.h"

namespace edgetide {

int check_command(const std::string& config) {
  const Configuration configuration = load_configuration(config);
  for (const ConfigMessage& warning : configuration.warnings) std::cerr << to_text(warning, "warning");
  const GatewayOptions& options = configuration.options;
  std::cout << config << ": fine: " << options.pipeline.sources.size() << " sources, "
            << options.pipeline.windows.size() << " windows, " << options.sinks.size() << " sinks\n";
  return exit_fine;
}

}  // namespace edgetide
