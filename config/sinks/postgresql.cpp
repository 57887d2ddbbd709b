// [sinks.NAME] with type = "postgresql".
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <pwd.h>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "config/key_spec.h"
#include "config/parts.h"
#include "config/retention_key.h"
#include "config/spelling.h"
#include "pipeline/characters.h"
#include "sinks/postgres_conninfo.h"
#include "sinks/postgres_setup.h"
#include "sinks/postgres_sink.h"
#include "sinks/postgres_trial.h"

namespace edgetide {

namespace {

KeyGroup postgresql_keys() {
  using namespace keys;
  const PostgresOptions standard;
  const Duration second = Duration::seconds(1), minute = Duration::minutes(1);
  return on_reload(
      OnReload::new_sink,
      {"[sinks.NAME] with type = \"postgresql\"",
       "",
       {
           free_text(text(
               "connection", "\"\"",
               "libpq keywords (`host=db dbname=plant`) or URI, without a password. To another machine the connection "
               "has `sslmode=verify-full`, also if that is not written; the file with the certificates to trust is "
               "`sslrootcert=/etc/ssl/certs/ca-certificates.crt` or your own. With `service` only `hostaddr` in here "
               "shows that it stays on this machine.")),
           boolean("allow_plaintext", standard.allow_plaintext,
                   "Allows connections to other machines without TLS, or with a lower `sslmode` than `verify-full`: "
                   "any server that answers gets the password."),
           text("user", "from `connection`, else the user that runs edgetide", "The database role."),
           free_text(text("password", "", "A secret: use `${credential:NAME}` or `${file:/PATH}`.")),
           text("schema", in_quotes(standard.schema), "Holds all tables. Fits `[a-z_][a-z0-9_]{0,62}`."),
           boolean("create_tables", standard.create_tables,
                   "`false`: run the statements that `edgetide schema` prints as a user who may create tables."),
           duration_or_none(
               "partition_by", Duration::unlimited(), Duration::days(1),
               "Whole days, such as `\"1d\"`: new tables are partitioned by the start of the windows, each "
               "partition that long, with some made ahead and a default one for all other times. A table "
               "that is there stays as it is, and the log says so. Choose it so that a table has some "
               "hundreds of partitions at most."),
           retention_key(
               "A partition is dropped when all of it is older; old rows elsewhere are deleted some at a time. "
               "Of gateways that share a schema the shortest holds. By the server's clock."),
           duration("connect_timeout", standard.connect_timeout, second, minute, "Limit for one attempt to connect."),
           duration("statement_timeout", standard.statement_timeout, second, minute,
                    "Limit for one statement, for locks and for an unresponsive network."),
       }});
}

std::string effective_user() {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  const int failed = ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found);
  return failed == 0 && found != nullptr ? found->pw_name : std::string();
}

bool is_known(const Section& section, std::string_view key) {
  const Node* node = section.find(key);
  return node == nullptr || node->known;
}

// libpq under DynamicUser= cannot find out who runs it, so it is always given.
void settle_user(const Section& section, const ConninfoKeywords& connection, PostgresOptions& options) {
  const auto found = connection.find("user");
  const std::string user = found == connection.end() ? std::string() : found->second;
  const Node* given = section.find("user");
  if (given == nullptr) {
    options.user = user.empty() ? effective_user() : user;
    if (options.user.empty())
      section.error("connection", "no user; give user = \"...\" (the system has no name for this process)");
  } else if (given->known && options.user.empty()) {
    section.error("user", "user is empty");
  } else if (given->known && !user.empty() && user != options.user) {
    section.error("user", "user is not the user of connection; give one of the two");
  }
}

// For `invalid connection option "database"`.
std::string keyword_meant(const std::string& reason) {
  static constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"database", "dbname"}, {"db", "dbname"},     {"username", "user"},          {"role", "user"},
      {"hostname", "host"},   {"server", "host"},   {"address", "hostaddr"},       {"ssl", "sslmode"},
      {"ca", "sslrootcert"},  {"pass", "password"}, {"timeout", "connect_timeout"}};
  static constexpr std::string_view known[] = {"host",    "hostaddr", "port",    "dbname",
                                               "user",    "service",  "sslmode", "sslrootcert",
                                               "options", "sslcert",  "sslkey",  "connect_timeout"};
  const std::size_t begin = reason.find('"') + 1, end = reason.find('"', begin);
  if (begin == 0 || end == reason.npos) return {};
  const std::string word = reason.substr(begin, end - begin);
  for (const auto& [other, ours] : words) {
    if (word == other) return "write " + std::string(ours) + '=';
  }
  return did_you_mean(word, known);
}

// libpq quotes what it does not understand, which may be a password; only the name of a keyword is none.
void report_fault(const Section& section, const std::string& reason) {
  const bool names_keyword = reason.starts_with("invalid connection option") || reason.starts_with("invalid URI query");
  section.error("connection",
                "connection is neither keywords (host=db dbname=plant) nor a URI" +
                    (names_keyword ? ": " + reason : std::string()),
                names_keyword ? keyword_meant(reason) : std::string());
}

void warn_of_missing_certificates(const Section& section, const ConninfoKeywords& connection) {
  for (const char* const keyword : {"sslrootcert", "sslcert", "sslkey"}) {
    const auto file = connection.find(keyword);
    if (file == connection.end() || !file->second.starts_with('/')) continue;
    std::error_code error;
    if (std::filesystem::exists(file->second, error) || error == std::errc::permission_denied) continue;
    section.warning("connection", std::string("connection: ") + keyword + '=' + file->second + " does not exist");
  }
}

void check_connection(const Section& section, PostgresOptions& options) {
  const auto parsed = parse_conninfo(options.connection);
  const auto* const connection = std::get_if<ConninfoKeywords>(&parsed);
  if (connection == nullptr) return report_fault(section, std::get<ConninfoError>(parsed).reason);
  if (connection->contains("password") || connection->contains("sslpassword")) {
    Location location = section.location("connection");
    location.secret = true;
    return section.error_at(location, "connection holds a password; move it to password = \"${credential:NAME}\"");
  }
  settle_user(section, *connection, options);
  // What comes from a file or a variable is not repeated.
  const Node* node = section.find("connection");
  const bool is_written = node == nullptr || node->text == node->written;
  if (const auto refusal = tls_refusal(*connection, options.allow_plaintext)) {
    section.error("connection", is_written ? refusal->reason : "connection leaves this machine without good TLS",
                  refusal->remedy);
  }
  if (is_written) warn_of_missing_certificates(section, *connection);
  if (const auto unfit = unfit_file(*connection)) {
    section.error("connection", is_written ? *unfit : "connection names a file that is not regular, or too large");
  }
}

bool is_schema_name(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_'; };
  return !name.empty() && name.size() <= 63 && !is_digit(name[0]) && std::all_of(name.begin(), name.end(), fits);
}

constexpr std::int64_t day_us = Duration::days(1).count();

void read_partitions(const Section& section, const PartContext& context, PostgresPartitions& partitions) {
  Duration length = Duration::unlimited();
  section.read("partition_by", length);
  if (length == Duration::unlimited()) {
    partitions.days = 0;
  } else if (length.count() % day_us != 0 || length > Duration::days(366)) {
    section.error("partition_by", "partition_by is " + to_text(length) + ", it must be whole days, up to 366d");
  } else {
    partitions.days = length.count() / day_us;
  }
  partitions.retention = read_retention(section, context);
}

PostgresOptions read_postgres(const Section& section, const PartContext& context) {
  PostgresOptions options;
  section.read("connection", options.connection);
  section.read("allow_plaintext", options.allow_plaintext);
  section.read("user", options.user);
  section.read("password", options.password);
  section.read("schema", options.schema);
  section.read("create_tables", options.create_tables);
  read_partitions(section, context, options.partitions);
  section.read("connect_timeout", options.connect_timeout);
  section.read("statement_timeout", options.statement_timeout);
  if (is_known(section, "connection")) check_connection(section, options);
  if (!is_schema_name(options.schema)) section.error("schema", "schema does not fit [a-z_][a-z0-9_]{0,62}");
  return options;
}

class ConfiguredPostgres final : public ConfiguredSinkOf<PostgresOptions> {
 public:
  using ConfiguredSinkOf::ConfiguredSinkOf;
  std::unique_ptr<Sink> make(SinkIdentity identity, std::vector<WindowSchema> inputs) const override {
    return make_postgres_sink(options(), std::move(identity), std::move(inputs));
  }
  SinkTraits traits() const override { return postgres_traits(); }
  std::string ddl(const std::vector<WindowSchema>& inputs) const override {
    return postgres_ddl(options().schema, inputs, options().partitions);
  }
  std::string setup() const override { return postgres_setup(options()); }
  std::string fault(const std::vector<WindowSchema>& inputs) const override {
    return fault_of_postgres(options(), inputs);
  }
};

std::shared_ptr<const ConfiguredSink> read(const Section& section, const PartContext& context) {
  return std::make_shared<ConfiguredPostgres>(read_postgres(section, context));
}

}  // namespace

SinkPart postgresql_sink() {
  static const KeyGroup group = postgresql_keys();
  return {{.meaning = "", .library = "libpqxx", .keys = {&group}},
          std::make_shared<ConfiguredPostgres>(PostgresOptions()),
          read,
          nullptr};
}

}  // namespace edgetide
