#include <iostream>
#include <stdexcept>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/outbox/row_selection.h"
#include "sinks/postgres_sink.h"
#include "sinks/sqlite_sink.h"

namespace edgetide {

namespace {

std::string ddl_of(const SinkOptions& sink, const std::vector<WindowSchema>& inputs) {
#if EDGETIDE_POSTGRESQL
  if (const auto* const store = std::get_if<PostgresOptions>(&sink.store)) return postgres_ddl(store->schema, inputs);
#endif
#if EDGETIDE_SQLITE
  if (std::holds_alternative<SqliteOptions>(sink.store)) return sqlite_ddl(inputs);
#endif
  return {};
}

}  // namespace

int schema_command(const SchemaOptions& options) {
  const GatewayOptions gateway = load_configuration(options.config, {.resolve_secrets = false}).options;
  bool found = false;
  for (const SinkOptions& sink : gateway.sinks) {
    if (!options.sink.empty() && sink.name != options.sink) continue;
    found = true;
    const std::string ddl = ddl_of(sink, schemas_of(gateway.pipeline.windows, sink.inputs));
    if (!ddl.empty()) std::cout << "-- sink " << sink.name << '\n' << ddl << '\n';
  }
  if (!options.sink.empty() && !found) throw std::runtime_error("no sink is called '" + options.sink + "'");
  return exit_fine;
}

}  // namespace edgetide
