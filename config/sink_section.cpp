#include "config/sink_section.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <pwd.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

#include "config/postgres_connection.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

enum class SinkType { postgresql, sqlite, standard_output };

std::vector<const KeyGroup*> groups_of(SinkType type) {
  const KeyTable& keys = key_table();
  switch (type) {
    case SinkType::postgresql:
      return {&keys.sink, &keys.postgresql};
    case SinkType::sqlite:
      return {&keys.sink, &keys.sqlite};
    case SinkType::standard_output:
      return {&keys.sink};
  }
  return {};
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

// libpq under DynamicUser= cannot find out who runs it, so it is always told.
void settle_user(const Section& section, const PostgresConnection& connection, PostgresOptions& options) {
  const Node* given = section.find("user");
  if (given == nullptr) {
    options.user = connection.user.empty() ? effective_user() : connection.user;
    if (options.user.empty())
      section.error("connection", "no user; give user = \"...\" (the system has no name for this process)");
  } else if (given->known && options.user.empty()) {
    section.error("user", "user is empty");
  } else if (given->known && !connection.user.empty() && connection.user != options.user) {
    section.error("user", "user is not the user of connection; give one of the two");
  }
}

void check_connection(const Section& section, PostgresOptions& options) {
  const std::optional<PostgresConnection> connection = parse_postgres_connection(options.connection);
  if (connection && connection->has_password) {
    Location location = section.location("connection");
    location.secret = true;
    return section.error_at(location, "connection holds a password; move it to password = \"${credential:NAME}\"");
  }
  if (!connection)
    return section.error("connection", "connection is neither keywords (host=db dbname=plant) nor a URI");
  settle_user(section, *connection, options);
}

bool is_schema_name(std::string_view name) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_'; };
  return !name.empty() && name.size() <= 63 && !is_digit(name[0]) && std::all_of(name.begin(), name.end(), fits);
}

PostgresOptions read_postgres(const Section& section) {
  PostgresOptions options;
  section.read("connection", options.connection);
  section.read("user", options.user);
  section.read("password", options.password);
  section.read("schema", options.schema);
  section.read("create_tables", options.create_tables);
  section.read("connect_timeout", options.connect_timeout);
  section.read("statement_timeout", options.statement_timeout);
  if (is_known(section, "connection")) check_connection(section, options);
  if (!is_schema_name(options.schema)) section.error("schema", "schema does not fit [a-z_][a-z0-9_]{0,62}");
  return options;
}

SqliteOptions read_sqlite(const Section& section, const std::string& state_directory) {
  std::string path = "edgetide.db";
  section.read("path", path);
  if (path.empty()) section.error("path", "path is empty");
  return {(std::filesystem::path(state_directory) / path).lexically_normal()};
}

OutboxOptions read_outbox(const Section& section) {
  OutboxOptions options;
  const Node* node = section.table("outbox");
  if (node == nullptr) return options;
  const Section outbox(*node, section.name() + ".outbox", {&key_table().outbox}, section.report());
  outbox.read("max_size", options.max_bytes);
  outbox.read_word("when_full", options.when_full);
  return options;
}

SinkOptions read_sink(const Section& section, SinkType type, const Names& windows, const std::string& state_directory) {
  SinkOptions sink;
  sink.name = section.node().key;
  for (const std::uint32_t window : windows.inputs_of(section)) sink.inputs.push_back(static_cast<WindowId>(window));
  if (windows.size() == 0) section.error_at(section.node().key_location, "there is no window whose rows it could take");
  section.read_word("mode", sink.mode);
  sink.outbox = read_outbox(section);
  switch (type) {
    case SinkType::postgresql:
      sink.store = read_postgres(section);
      break;
    case SinkType::sqlite:
      sink.store = read_sqlite(section, state_directory);
      break;
    case SinkType::standard_output:
      sink.store = StdoutOptions{};
      break;
  }
  return sink;
}

void check_files(const Node& sinks, const std::vector<SinkOptions>& options, Report& report) {
  for (std::size_t later = 0; later < options.size(); ++later) {
    const auto* b = std::get_if<SqliteOptions>(&options[later].store);
    for (std::size_t earlier = 0; b != nullptr && earlier < later; ++earlier) {
      const auto* a = std::get_if<SqliteOptions>(&options[earlier].store);
      if (a == nullptr || a->path != b->path) continue;
      report.error(sinks.find(options[later].name)->key_location,
                   "sinks." + options[later].name + ": has the file of sinks." + options[earlier].name);
    }
  }
}

}  // namespace

void read_sinks(const Node& sinks, const Names& windows, GatewayOptions& options, Report& report) {
  for (const Node& node : sinks.children) {
    check_name(node, "sinks", false, report);
    const std::string name = "sinks." + node.key;
    if (node.kind != Node::Kind::table) {
      report.error(node.location, name + " is not a table");
      continue;
    }
    const std::optional<SinkType> type = read_type<SinkType>(node, name, key_table().sink, report);
    if (!type) continue;
    const Section section(node, name, groups_of(*type), report);
    options.sinks.push_back(read_sink(section, *type, windows, options.state_directory));
    if (options.sinks.back().mode != OutputMode::complete) continue;
    for (const WindowId input : options.sinks.back().inputs) options.pipeline.windows[index_of(input)].complete = true;
  }
  check_files(sinks, options.sinks, report);
}

}  // namespace edgetide
