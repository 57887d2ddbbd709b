#include "config/config.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>
#include <utility>

#include "config/control_characters.h"
#include "config/files.h"
#include "config/formula_parser.h"
#include "config/listener_keys.h"
#include "config/names.h"
#include "config/parts.h"
#include "config/secret_reference.h"
#include "config/section.h"
#include "config/sink_section.h"
#include "config/source_section.h"
#include "config/table_section.h"
#include "config/time_zone_table.h"
#include "config/window_section.h"
#include "daemon/service/cidr.h"
#include "daemon/service/socket_address.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : std::string();
}

bool is_gateway_id(std::string_view id) {
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == ':' || c == '-'; };
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), fits);
}

std::string default_state_directory() {
  // Under systemd a list, when the unit has several.
  const char* folders = std::getenv("STATE_DIRECTORY");
  const std::string first =
      folders == nullptr ? std::string() : std::string(folders).substr(0, std::string(folders).find(':'));
  return first.empty() ? "/var/lib/edgetide" : first;
}

// The table of that name, empty when the file has none; a value of another kind is reported.
Node table_of(const Section& top, std::string_view key) {
  if (const Node* table = top.table(key)) return *table;
  Node none;
  none.key = key;
  none.key_location = top.node().key_location;
  return none;
}

void read_gateway(const Section& section, GatewayOptions& options) {
  options.id = host_name();
  section.read("id", options.id);
  const Node* id = section.find("id");
  if (!is_gateway_id(options.id) && (id == nullptr || id->known)) {
    section.error("id", id == nullptr ? "the host name is not a valid id; set [gateway] id = \"...\""
                                      : "id must be 1 to 64 of A-Z a-z 0-9 _ . : -");
  }
  options.state_directory = default_state_directory();
  section.read("state_directory", options.state_directory);
  if (!options.state_directory.starts_with('/'))
    section.error("state_directory", "state_directory must be an absolute path");
}

void read_log(const Section& section, LogOptions& log) {
  section.read_word("level", log.level, log_level_words);
  section.read_word("target", log.target, log_target_words);
}

void read_clock(const Section& section, ClockOptions& clock) {
  section.read("wait_after_boot", clock.wait_after_boot);
}

// The address of `listen`; nothing: it does not listen, or what it says is an error or not known yet.
std::optional<SocketAddress> read_listen(const Section& section, HttpServerOptions& server, std::string hint) {
  section.read("listen", server.listen);
  const Node* const listen = section.find("listen");
  if (listen == nullptr || !listen->known || server.listen.empty()) return std::nullopt;
  const std::optional<SocketAddress> address = parse_listen(server.listen);
  if (!address) section.error("listen", "listen needs a numeric address and a port", std::move(hint));
  return address;
}

void read_http(const Section& section, HttpServerOptions& http) {
  const std::optional<SocketAddress> address = read_listen(section, http, "such as \"127.0.0.1:9465\"");
  if (address && !is_loopback(address->storage)) {
    section.warning("listen", "everyone who can reach this address can see all sensors");
  }
  for (const Node* name : section.texts("hosts")) {
    if (name->text.empty() || name->text.find_first_of(":/ ") != std::string::npos) {
      section.error_at(name->location, "hosts: " + shown(*name) + " is not the name of a host",
                       "such as \"gateway.example\", without a port");
    }
    http.hosts.push_back(name->text);
  }
}

void read_metrics(const Section& section, const HttpServerOptions& http, HttpServerOptions& metrics) {
  const std::optional<SocketAddress> address = read_listen(section, metrics, "such as \"0.0.0.0:9464\"");
  read_certificate_and_token(section, metrics.cert_file, metrics.key_file, metrics.token,
                             "everyone could read the metrics");
  const bool has_token = section.find("token") != nullptr, encrypts = section.find("cert_file") != nullptr;
  if (address && metrics.listen == http.listen) section.error("listen", "[http] listens on this address");
  const bool reachable = address && !is_loopback(address->storage);
  if (reachable && !has_token) section.warning("listen", "everyone who can reach this address can read the metrics");
  if (reachable && has_token && !encrypts) {
    section.warning("listen", "the token goes over the network as plain text: set cert_file and key_file");
  }
  metrics.hosts = http.hosts;
  // A page elsewhere that points its name here does not know the token, and the network can read what has none.
  metrics.any_host = reachable || has_token;
}

void read_journal(const Section& section, JournalOptions& journal) {
  section.read_word("durability", journal.durability, durability_words);
  section.read("sync_interval", journal.sync_interval);
  section.read("max_size", journal.max_bytes);
  section.read_word("when_full", journal.when_full, journal_full_words);
}

void read_checkpoint(const Section& section, CheckpointOptions& checkpoint) {
  section.read("interval", checkpoint.interval);
  section.read("keep", checkpoint.keep);
}

void read_limits(const Section& section, PipelineOptions& pipeline, std::size_t& max_id_bytes) {
  section.read("max_series", pipeline.max_series);
  section.read("new_series_per_minute", pipeline.new_series_per_minute);
  section.read("memory", pipeline.max_memory_bytes);
  section.read("max_id_bytes", max_id_bytes);
}

void warn_of_idle_parts(const Section& top, const GatewayOptions& options, Report& report) {
  const std::vector<WindowOptions>& windows = options.pipeline.windows;
  if (!windows.empty() && options.sinks.empty()) {
    report.warning(top.find("windows")->find(windows[0].name)->key_location,
                   "windows." + windows[0].name + ": there is no sink, so no row is kept", "add a [sinks.NAME]");
  }
  for (std::uint32_t source = 0; source < options.pipeline.sources.size(); ++source) {
    const bool used = std::any_of(windows.begin(), windows.end(), [&](const WindowOptions& window) {
      return std::find(window.inputs.begin(), window.inputs.end(), static_cast<SourceId>(source)) !=
             window.inputs.end();
    });
    const std::string& name = options.pipeline.sources[source].name;
    const Node* node = top.find("sources")->find(name);
    if (!used) report.warning(node->key_location, "sources." + name + ": no window takes its readings");
  }
  for (std::uint32_t window = 0; window < windows.size() && !options.sinks.empty(); ++window) {
    const bool used = std::any_of(options.sinks.begin(), options.sinks.end(), [&](const SinkOptions& sink) {
      return std::find(sink.inputs.begin(), sink.inputs.end(), static_cast<WindowId>(window)) != sink.inputs.end();
    });
    const Node* node = top.find("windows")->find(windows[window].name);
    if (!used) report.warning(node->key_location, "windows." + windows[window].name + ": no sink takes its rows");
  }
}

void warn_of_readable_passwords(const Node& node, Report& report) {
  const bool literal = (node.key == "password" || node.key == "token") && node.kind == Node::Kind::text &&
                       !node.written.empty() && node.written.find("${") == std::string::npos;
  if (literal && node.location.file->readable_by_others) {
    report.warning(node.location, node.key + " stands in a file that others may read",
                   "write \"${credential:NAME}\", or chmod 600 the file");
  }
  for (const Node& child : node.children) warn_of_readable_passwords(child, report);
}

std::shared_ptr<const Formula> formula_of(const std::string& text) {
  const auto parsed = parse_formula(text);
  const auto* const known = std::get_if<ParsedFormula>(&parsed);
  return known != nullptr ? known->formula : nullptr;
}

GatewayOptions read_gateway_options(const Section& top, const Parts& parts, const LoadOptions& load, Report& report) {
  const KeyTable& keys = report.keys();
  GatewayOptions options;
  int version = 1;
  top.read("config_version", version);
  top.texts("include");  // for its type; what it names is merged already

  const Node gateway = table_of(top, "gateway"), log = table_of(top, "log"), clock = table_of(top, "clock"),
             http = table_of(top, "http"), metrics = table_of(top, "metrics"), time = table_of(top, "time"),
             limits = table_of(top, "limits"), journal = table_of(top, "journal"),
             checkpoint = table_of(top, "checkpoint"), quarantine = table_of(top, "quarantine");
  read_gateway(Section(gateway, "gateway", {&keys.gateway}, report), options);
  read_log(Section(log, "log", {&keys.log}, report), options.log);
  read_clock(Section(clock, "clock", {&keys.clock}, report), options.clock);
  read_http(Section(http, "http", {&keys.http}, report), options.monitor.http);
  read_metrics(Section(metrics, "metrics", {&keys.metrics}, report), options.monitor.http, options.monitor.metrics);
  TimeOptions& time_options = options.pipeline.default_time;
  read_time_keys(Section(time, "time", {&keys.time}, report), time_options);
  PartContext context;
  read_limits(Section(limits, "limits", {&keys.limits}, report), options.pipeline, context.max_id_bytes);
  read_journal(Section(journal, "journal", {&keys.journal}, report), options.journal);
  read_checkpoint(Section(checkpoint, "checkpoint", {&keys.checkpoint}, report), options.checkpoint);
  Section(quarantine, "quarantine", {&keys.quarantine}, report).read("max_size", options.quarantine.max_bytes);

  const Node table_tables = table_of(top, "tables");
  const SourceFile* const main_file = top.node().key_location.file;
  read_tables(table_tables, main_file == nullptr ? "" : std::filesystem::path(main_file->path).parent_path().string(),
              options.enrichment, report);
  Names sources("source"), windows("window");
  const Node source_table = table_of(top, "sources"), window_table = table_of(top, "windows"),
             sink_table = table_of(top, "sinks");
  context.gateway_id = load.running_id.empty() ? options.id : load.running_id;
  context.state_directory =
      load.running_state_directory.empty() ? options.state_directory : load.running_state_directory;
  read_sources(source_table, parts.sources, context, time_options, options, sources, report);
  read_windows(window_table, parts.windows, sources, options.pipeline, windows, report);
  read_sinks(sink_table, parts.sinks, context, windows, options, report);
  settle_triggers(window_table, parts.sinks, options);
  options.pipeline.makers = {formula_of, time_zone_named};
  return options;
}

bool is_known(const Node& node) {
  return node.known && std::all_of(node.children.begin(), node.children.end(), is_known);
}

std::vector<DefinedPart> defined_parts(const Node& root, const Report& report) {
  std::vector<DefinedPart> parts;
  for (const Node& section : root.children) {
    if (section.key != "sources" && section.key != "windows" && section.key != "sinks") {
      parts.push_back({section.key, report.message(section.key_location), is_known(section)});
      continue;
    }
    for (const Node& part : section.children) {
      parts.push_back({section.key + '.' + part.key, report.message(part.key_location), is_known(part)});
    }
  }
  return parts;
}

Configuration load(const std::string& path, const LoadOptions& options, const Parts& parts, Report& report) {
  const KeyTable& keys = report.keys();
  ConfigFiles files;
  Node root = files.read(path, report);
  if (!files.complete()) throw ConfigErrors(report.take_errors());
  resolve_references(root, {options.resolve_secrets, options.unit}, report);
  refuse_control_characters(root, report);
  warn_of_readable_passwords(root, report);
  const Section top(root, "", {&keys.top}, report);
  Configuration configuration{.options = read_gateway_options(top, parts, options, report), .tests = read_tests(top)};
  if (report.failed()) throw ConfigErrors(report.take_errors());
  if (!report.fragment()) warn_of_idle_parts(top, configuration.options, report);
  configuration.parts = defined_parts(root, report);
  configuration.warnings = report.take_warnings();
  return configuration;
}

}  // namespace

const DefinedPart* Configuration::part(std::string_view name) const noexcept {
  const auto found =
      std::find_if(parts.begin(), parts.end(), [&](const DefinedPart& each) { return each.name == name; });
  return found == parts.end() ? nullptr : &*found;
}

std::string includer_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const KeyTable keys(built_in_parts());
  for (const std::filesystem::path& beside : {folder / "edgetide.toml", folder / ".." / "edgetide.toml"}) {
    Report unused(keys);
    ConfigFiles files;
    try {
      files.read(beside, unused);
    } catch (const TooManyErrors&) {
      // What it has read until then is enough.
    }
    if (files.includes(path)) return beside.lexically_normal();
  }
  return {};
}

Configuration load_configuration(const std::string& path, const LoadOptions& options) {
  const Parts& parts = options.parts == nullptr ? built_in_parts() : *options.parts;
  const KeyTable keys(parts);
  Report report(keys, options.fragment);
  try {
    return load(path, options, parts, report);
  } catch (const TooManyErrors&) {
    throw ConfigErrors(report.take_errors(), true);
  }
}

}  // namespace edgetide
