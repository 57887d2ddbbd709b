#include <iostream>
#include <stdexcept>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/outbox/row_selection.h"

namespace edgetide {

int schema_command(const SchemaOptions& options) {
  const GatewayOptions gateway = load_configuration(options.config, {.resolve_secrets = false}).options;
  bool found = false;
  for (const SinkOptions& sink : gateway.sinks) {
    if (!options.sink.empty() && sink.name != options.sink) continue;
    found = true;
    const std::string ddl = sink.store->ddl(schemas_of(gateway.pipeline.windows, sink));
    if (!ddl.empty()) std::cout << "-- sink " << sink.name << '\n' << ddl << '\n';
  }
  if (!options.sink.empty() && !found) throw std::runtime_error("no sink is called '" + options.sink + "'");
  return exit_fine;
}

}  // namespace edgetide
