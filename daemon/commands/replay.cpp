// `edgetide replay`: runs recorded input through the same pipeline, on a virtual clock that arrivals and ticks advance.
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/replay_run.h"

namespace edgetide {

int replay_command(const ReplayOptions& options) {
  std::ios::sync_with_stdio(false);
  std::ifstream file;
  if (options.input != "-") file.open(options.input);
  if (!file) throw std::runtime_error("cannot read " + options.input);
  std::istream& input = options.input == "-" ? std::cin : file;
  return replay_lines(options, [&](std::string& line) { return static_cast<bool>(std::getline(input, line)); });
}

int replay_lines(const ReplayOptions& options, const LineSource& next_line) {
  const Configuration configuration = load_configuration(options.config, {.resolve_secrets = false});
  std::ofstream file;
  if (options.output != "-") file.open(options.output);
  if (!file) throw std::runtime_error("cannot write " + options.output);
  std::ostream& output = options.output == "-" ? std::cout : file;

  ReplayRun replay(options, configuration.options.pipeline, configuration.options.enrichment, output);
  for (std::string line; next_line(line);) replay.line(line);
  replay.finish();
  if (!output) throw std::runtime_error("cannot write " + options.output);
  if (options.summary.empty()) return exit_fine;
  std::ofstream summary(options.summary);
  summary << replay.summary() << std::flush;
  if (!summary) throw std::runtime_error("cannot write " + options.summary);
  return exit_fine;
}

}  // namespace edgetide
