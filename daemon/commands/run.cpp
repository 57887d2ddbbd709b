#include <cstdint>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/gateway.h"
#include "daemon/service/descriptor_reserve.h"
#include "daemon/service/heap.h"
#include "daemon/service/log.h"
#include "daemon/service/memory_limit.h"

namespace edgetide {

namespace {

// With a random hash seed, so that an outsider cannot choose sensor names or event times that collide in a table.
Configuration load_to_run(const std::string& path, const LoadOptions& load = {}) {
  Configuration configuration = load_configuration(path, load);
  std::random_device random;
  configuration.options.pipeline.hash_seed = static_cast<std::uint64_t>(random()) << 32 | random();
  return configuration;
}

constexpr std::uint64_t rest_bytes = 64 * 1024 * 1024;

std::string in_mib(std::uint64_t bytes) {
  return std::to_string(bytes / (1024 * 1024)) + " MiB";
}

void log_warnings(const Configuration& configuration) {
  for (const ConfigMessage& warning : configuration.warnings) log(LogLevel::warning, to_text(warning, "warning"));
}

// State and checkpoint at once, and the rest of the daemon: measured with tests/hostile/memory.py.
void warn_of_memory(const PipelineOptions& options) {
  const std::uint64_t needed = 2 * std::uint64_t{options.max_memory_bytes} + rest_bytes;
  const std::uint64_t available = memory_limit_bytes();
  if (available >= needed) return;
  log(LogLevel::warning, "limits.memory is " + in_mib(options.max_memory_bytes) + ": the daemon may then take " +
                             in_mib(needed) + ", and may have " + in_mib(available) +
                             ": lower it, or raise MemoryMax= of the service");
}

void warn_of_descriptors(const GatewayOptions& options) {
  std::size_t connections = 0;
  for (const auto& source : options.sources) connections += source.source->traits().max_connections;
  if (connections <= descriptors_for_peers()) return;
  log(LogLevel::warning, "the sources may have " + std::to_string(connections) +
                             " connections (max_connections), and " + std::to_string(descriptors_for_peers()) +
                             " descriptors are there for them: lower it, or raise LimitNOFILE= of the service");
}

GatewayOptions load_again(const std::string& path, const LoadOptions& running) {
  Configuration configuration = load_to_run(path, running);
  log_warnings(configuration);
  warn_of_memory(configuration.options.pipeline);
  warn_of_descriptors(configuration.options);
  return std::move(configuration.options);
}

}  // namespace

int run_command(const RunOptions& options) {
  keep_heap_small();
  block_signals();
  Configuration configuration = load_to_run(options.config);
  start_log(configuration.options.log);
  log_warnings(configuration);
  warn_of_memory(configuration.options.pipeline);
  warn_of_descriptors(configuration.options);
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
