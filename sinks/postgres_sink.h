// Rows into PostgreSQL: a series table, one table and one view per window, `latest` views, and an epoch row that is
// updated in the same transaction as the rows. The only user of libpqxx; works with 6.4 and 7.x.
//
// Contract, thread: sinks/sink.h. Tables and SQL: sinks/postgres_schema.h.
// Fails: every `open` makes a new connection; nothing is repaired behind the sink's back.
//   RetryAfter  without a delay: the link, the server, locks, another transaction (sinks/sql_error.h)
//   RetryAfter  30 s: permissions, missing tables or columns, settings. Somebody must act, but at the server and not
//               here, so rows flow again without a restart. Login errors come without SQLSTATE: the backoff alone.
//   rejected    a row's content. The batch is halved until bad rows stand alone: a few statements for each of them
//   InDoubt     the link was lost during COMMIT
//   Stopped     another instance with the same gateway and sink claimed the store later than this one (they would
//               overwrite each other for ever); a connection string that libpq cannot read
// Blocks: `interrupt` cannot end the making of a connection before the server has said anything; connect_timeout bounds
//         that, for each address of the host.
// Partitions and old rows: sinks/postgres_upkeep.h; what fails there is the warning of the next outcome.
// A session sets its own time limits, and synchronous_commit = on where the server has it off.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "sinks/postgres_partitions.h"
#include "sinks/sink.h"

namespace edgetide {

struct PostgresOptions {
  std::string connection;  // libpq keywords or URI; never holds the password
  std::string password;    // secret: passed to libpq only, never logged
  std::string user;        // always passed explicitly; config fills it from the connection string or `user`
  std::string schema = "edgetide";
  bool create_tables = true;
  PostgresPartitions partitions;
  bool allow_plaintext = false;  // to other than loopback and Unix sockets, or TLS that does not check who answers
  Duration connect_timeout = Duration::seconds(5);     // per address; a stop waits for it
  Duration statement_timeout = Duration::seconds(20);  // also lock and TCP user timeout
  bool operator==(const PostgresOptions&) const = default;
};

constexpr SinkTraits postgres_traits() {
  return {.kind = SinkKind::table, .delivery = DeliveryGuarantee::exactly_once};
}

std::unique_ptr<Sink> make_postgres_sink(PostgresOptions options, SinkIdentity identity,
                                         std::vector<WindowSchema> inputs);

// The DDL as `edgetide schema` prints it: what `open` runs, which also brings older tables to the present version, and
// roles; also partitions up to now, and what deletes old rows. Every statement may be run again.
std::string postgres_ddl(const std::string& schema, const std::vector<WindowSchema>& inputs,
                         const PostgresPartitions& partitions = {});

}  // namespace edgetide
