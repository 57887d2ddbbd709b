#include "sinks/postgres_setup.h"

#include <variant>

#include "sinks/postgres_conninfo.h"
#include "sinks/sql_text.h"

namespace edgetide {

namespace {

constexpr std::size_t max_base_bytes = 50;  // of the names of roles, which end in more

// As libpq: a database without a name is that of the user.
std::string database_of(const ConninfoKeywords& connection, const std::string& user) {
  const auto named = connection.find("dbname");
  return named == connection.end() || named->second.empty() ? user : named->second;
}

// The statement is run if the catalog has no such name.
std::string unless_there(const std::string& statement, const std::string& catalog, const std::string& column,
                         const std::string& name) {
  return "SELECT " + quote_literal(statement) + " WHERE NOT EXISTS (SELECT FROM pg_catalog." + catalog + " WHERE " +
         column + " = " + quote_literal(name) + ") \\gexec\n";
}

std::string role(const std::string& name, const std::string& rest) {
  return unless_there("CREATE ROLE " + quote_identifier(name) + ' ' + rest, "pg_roles", "rolname", name);
}

constexpr const char* setup_head =
    R"(-- The role, the database and the rights of a gateway. Once, as a superuser of the server:
--   edgetide schema --setup | sudo -u postgres psql
-- On a managed server (Amazon RDS, Azure Database, Cloud SQL, Aiven, ...) as its administrator, from any machine:
--   edgetide schema --setup | psql "host=$host dbname=postgres user=ADMIN sslmode=verify-full sslrootcert=FILE"
-- It may run again: what is there stays, and no password is changed.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;

-- The gateway.
)";

// An administrator who is not a superuser gives away only what is of roles that he is in.
constexpr const char* setup_membership =
    R"(SELECT format('GRANT %I TO %I', $user_text, current_user) FROM pg_catalog.pg_roles
WHERE rolname = current_user AND NOT rolsuper AND rolname <> $user_text \gexec
)";

constexpr const char* own_schema = R"(
-- The gateway makes its tables: the schema belongs to it.
GRANT CONNECT ON DATABASE $database TO $user;
CREATE SCHEMA IF NOT EXISTS $schema AUTHORIZATION $user;
)";

constexpr const char* others_schema = R"(
-- create_tables = false: as the user who runs this, make the tables next, and again after each edit of the windows:
--   edgetide schema | psql ... -d $database
GRANT CONNECT ON DATABASE $database TO $user;
CREATE SCHEMA IF NOT EXISTS $schema;
)";

constexpr const char* setup_reading = R"(
-- Dashboards: $grafana may read the tables and views of the gateway, and nothing else.
GRANT CONNECT ON DATABASE $database TO $reader;
GRANT USAGE ON SCHEMA $schema TO $reader;
GRANT SELECT ON ALL TABLES IN SCHEMA $schema TO $reader;
ALTER DEFAULT PRIVILEGES $for_ownerIN SCHEMA $schema GRANT SELECT ON TABLES TO $reader;
)";

constexpr const char* local_end = R"(
-- Over the Unix socket PostgreSQL lets a user of the system in as the role of the same name (`peer` in pg_hba.conf):
-- the service runs as edgetide, and needs no password.
\echo 'Done. Give dashboards a password:  \\password $grafana'
)";

constexpr const char* remote_end_text = R"(
-- On a server of your own, pg_hba.conf lets the gateway in, here from anywhere, with TLS and a password:
--   hostssl $database $user,$grafana all scram-sha-256
\echo 'Done. Give both roles a password:  \\password $user  and  \\password $grafana'
\echo 'The gateway reads its own from a credential: examples/systemd/credentials.conf'
)";

}  // namespace

std::string postgres_setup(const PostgresOptions& options) {
  const auto parsed = parse_conninfo(options.connection);
  const auto* const given = std::get_if<ConninfoKeywords>(&parsed);
  const ConninfoKeywords connection = given == nullptr ? ConninfoKeywords() : *given;
  const auto host = connection.find("host");
  const std::string database = database_of(connection, options.user), base = options.schema.substr(0, max_base_bytes);
  const std::string reader = base + "_reader", writer = base + "_writer", grafana = base + "_grafana";

  std::string text = setup_head + role(options.user, "LOGIN") + setup_membership;
  text += unless_there("CREATE DATABASE " + quote_identifier(database) + " OWNER " + quote_identifier(options.user),
                       "pg_database", "datname", database);
  text += "\\connect $database\nSET client_min_messages = warning;\n";
  text += options.create_tables ? own_schema : others_schema;
  if (!options.create_tables) text += role(writer, "NOLOGIN") + "GRANT $writer TO $user;\n";
  text += "\n" + role(reader, "NOLOGIN") + role(grafana, "LOGIN IN ROLE " + quote_identifier(reader));
  text += setup_reading;
  text += remote_end(connection) ? remote_end_text : local_end;
  return filled(text,
                {{"$host", host == connection.end() ? "HOST" : host->second},
                 {"$user_text", quote_literal(options.user)},
                 {"$user", quote_identifier(options.user)},
                 {"$database", quote_identifier(database)},
                 {"$schema", quote_identifier(options.schema)},
                 {"$grafana", quote_identifier(grafana)},
                 {"$reader", quote_identifier(reader)},
                 {"$writer", quote_identifier(writer)},
                 {"$for_owner", options.create_tables ? "FOR ROLE " + quote_identifier(options.user) + ' ' : ""}});
}

}  // namespace edgetide
