#include <cstdint>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/gateway.h"
#include "daemon/service/log.h"

namespace edgetide {

namespace {

// With a random hash seed, so that an outsider cannot choose sensor names or event times that collide in a table.
Configuration load_to_run(const std::string& path, const LoadOptions& load = {}) {
  Configuration configuration = load_configuration(path, load);
  std::random_device random;
  configuration.options.pipeline.hash_seed = static_cast<std::uint64_t>(random()) << 32 | random();
  return configuration;
}

void log_warnings(const Configuration& configuration) {
  for (const ConfigMessage& warning : configuration.warnings) log(LogLevel::warning, to_text(warning, "warning"));
}

GatewayOptions load_again(const std::string& path, const LoadOptions& running) {
  Configuration configuration = load_to_run(path, running);
  log_warnings(configuration);
  return std::move(configuration.options);
}

}  // namespace

int run_command(const RunOptions& options) {
  block_signals();
  Configuration configuration = load_to_run(options.config);
  start_log(configuration.options.log);
  log_warnings(configuration);
  const LoadOptions running{.running_id = configuration.options.id,
                            .running_state_directory = configuration.options.state_directory};
  Gateway gateway(std::move(configuration.options), [&] { return load_again(options.config, running); });
  gateway.run();
  if (options.summary.empty()) return exit_fine;
  std::ofstream file(options.summary);
  file << gateway.summary() << std::flush;
  if (!file) throw std::runtime_error("cannot write the summary to " + options.summary);
  return exit_fine;
}

}  // namespace edgetide
