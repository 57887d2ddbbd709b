#include <fstream>
#include <stdexcept>
#include <utility>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/gateway.h"
#include "daemon/log.h"

namespace edgetide {

int run_command(const RunOptions& options) {
  block_signals();
  Configuration configuration = load_configuration(options.config);
  start_log(configuration.options.log);
  for (const ConfigMessage& warning : configuration.warnings) log(LogLevel::warning, to_text(warning, "warning"));
  Gateway gateway(std::move(configuration.options));
  gateway.run();
  if (options.summary.empty()) return exit_fine;
  std::ofstream file(options.summary);
  file << gateway.summary() << std::flush;
  if (!file) throw std::runtime_error("cannot write the summary to " + options.summary);
  return exit_fine;
}

}  // namespace edgetide
