#include <iostream>
#include <stdexcept>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/outbox/row_selection.h"

namespace edgetide {

int schema_command(const SchemaOptions& options) {
  const GatewayOptions gateway = load_configuration(options.config, {.resolve_secrets = false}).options;
  bool found = false, has_setup = false;
  for (const SinkOptions& sink : gateway.sinks) {
    if (!options.sink.empty() && sink.name != options.sink) continue;
    found = true;
    const std::string statements =
        options.setup ? sink.store->setup() : sink.store->ddl(schemas_of(gateway.pipeline.windows, sink));
    has_setup = has_setup || !statements.empty();
    if (!statements.empty()) std::cout << "-- sink " << sink.name << '\n' << statements << '\n';
  }
  if (!options.sink.empty() && !found) throw std::runtime_error("no sink is called '" + options.sink + "'");
  if (options.setup && !has_setup) {
    throw std::runtime_error(options.config + ": there is nothing to set up: no sink has type = \"postgresql\"");
  }
  return exit_fine;
}

}  // namespace edgetide
