#include <iostream>

#include "config/config.h"
#include "daemon/commands/commands.h"

namespace edgetide {

int check_command(const CheckOptions& options) {
  const Configuration configuration = load_configuration(options.config, {.resolve_secrets = options.environment});
  for (const ConfigMessage& warning : configuration.warnings) std::cerr << to_text(warning, "warning");
  const GatewayOptions& gateway = configuration.options;
  std::cout << options.config << ": fine: " << gateway.pipeline.sources.size() << " sources, "
            << gateway.pipeline.windows.size() << " windows, " << gateway.sinks.size() << " sinks\n";
  return exit_fine;
}

}  // namespace edgetide
