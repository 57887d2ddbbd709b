// `edgetide check [--against-state]`.
#include <algorithm>
#include <future>
#include <iostream>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/unit_credentials.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/listener_trial.h"
#include "daemon/outbox/row_selection.h"
#include "daemon/service/quantity.h"
#include "daemon/storage/checkpoint_store.h"
#include "daemon/storage/posix_file_system.h"
#include "pipeline/snapshot_head.h"
#include "pipeline/time_text.h"
#include "pipeline/window_named.h"

namespace edgetide {

namespace {

std::uint64_t open_windows(const SnapshotHead& head, const std::string& name) {
  const auto window = std::find_if(head.windows.begin(), head.windows.end(),
                                   [&](const SnapshotHead::Window& saved) { return saved.name == name; });
  return window == head.windows.end() ? 0 : window->open_windows;
}

// What a start with this configuration would make of the open windows of the checkpoint.
void print_changes(const Pipeline& pipeline, const SnapshotHead& head) {
  const auto held = [&](const std::string& name) { return quantity(open_windows(head, name), "open window"); };
  for (const std::string& name : pipeline.changed_windows()) {
    std::cout << "windows." << name << ": its definition has changed: " << held(name)
              << " would be finished as they began; the new definition would take those that start later\n";
  }
  for (const std::string& name : pipeline.forgotten_windows()) {
    const bool changed = window_named(pipeline.options().windows, name).has_value();
    std::cout << "windows." << name
              << (changed ? ": its definition has changed: it would start again, and the start of its rows say when"
                          : ": it is no longer configured: " + held(name) + " would be lost")
              << '\n';
  }
  if (pipeline.forgotten_windows().empty() && pipeline.changed_windows().empty()) {
    std::cout << "all windows keep their state\n";
  }
}

int refuse(const std::string& text) {
  std::cerr << "edgetide: " << text << '\n';
  return exit_configuration;
}

int check_against_state(const GatewayOptions& options) {
  PosixFileSystem files;
  auto answer = CheckpointStore(files, options.state_directory, options.checkpoint).newest();
  if (const auto* const refusal = std::get_if<std::string>(&answer)) return refuse(*refusal);
  const auto& found = std::get<CheckpointStore::Found>(answer);
  for (const std::string& warning : found.warnings) std::cerr << "edgetide: " << warning << '\n';
  if (!found.checkpoint) {
    std::cout << options.state_directory << ": no checkpoint, so no state would be lost\n";
    return exit_fine;
  }
  Pipeline pipeline(options.pipeline);
  SnapshotHead head;
  ByteReader in(found.checkpoint->pipeline);
  if (const auto error = load(in, head)) return refuse(found.path + ": " + *error);
  if (const auto error = pipeline.restore(found.checkpoint->pipeline)) return refuse(found.path + ": " + *error);
  std::cout << found.path << ", of " << to_rfc3339(found.checkpoint->taken_at.wall) << ":\n";
  print_changes(pipeline, head);
  return exit_fine;
}

// At the definition of the part, if the file has one.
void warn(const std::string& file, const DefinedPart* part, const std::string& text) {
  ConfigMessage message = part == nullptr ? ConfigMessage{.file = file} : part->place;
  message.text = text;
  std::cerr << to_text(message, "warning");
}

// What a start with the rights of this user would find. A store whose password is not known is not asked.
void try_surroundings(const std::string& file, const Configuration& configuration) {
  const GatewayOptions& gateway = configuration.options;
  for (const std::string& fault : faults_of_listeners(gateway.monitor, gateway.state_directory)) {
    const DefinedPart* const part = configuration.part(fault.starts_with("metrics") ? "metrics" : "http");
    warn(file, part, "if it were started now, by this user: " + fault);
  }
  // All at once: several servers that stall cost the time of one.
  std::vector<std::future<std::string>> faults;
  for (const SinkOptions& sink : gateway.sinks) {
    const DefinedPart* const part = configuration.part("sinks." + sink.name);
    const bool is_known = part == nullptr || part->known;
    faults.push_back(std::async(is_known ? std::launch::async : std::launch::deferred, [&gateway, &sink, is_known] {
      return is_known ? sink.store->fault(schemas_of(gateway.pipeline.windows, sink)) : std::string();
    }));
  }
  for (std::size_t i = 0; i < faults.size(); ++i) {
    const std::string& name = gateway.sinks[i].name;
    const std::string fault = faults[i].get();
    if (!fault.empty()) warn(file, configuration.part("sinks." + name), "sinks." + name + ": " + fault);
  }
}

bool is_fragment(const CheckOptions& options, const std::string& includer) {
  return options.fragment || !includer.empty();
}

}  // namespace

int check_command(const CheckOptions& options) {
  const UnitCredentials unit = options.environment ? read_unit_credentials("") : UnitCredentials();
  const std::string includer = options.fragment ? std::string() : includer_of(options.config);
  const Configuration configuration = load_configuration(
      options.config,
      {.resolve_secrets = options.environment, .unit = &unit, .fragment = is_fragment(options, includer)});
  for (const ConfigMessage& warning : configuration.warnings) std::cerr << to_text(warning, "warning");
  const GatewayOptions& gateway = configuration.options;
  if (options.environment && !is_fragment(options, includer)) try_surroundings(options.config, configuration);
  std::cout << options.config << ": OK (" << quantity(gateway.pipeline.sources.size(), "source") << ", "
            << quantity(gateway.pipeline.windows.size(), "window") << ", " << quantity(gateway.sinks.size(), "sink")
            << ")" << (includer.empty() ? "" : " as a part of " + includer) << '\n';
  return options.against_state ? check_against_state(gateway) : exit_fine;
}

}  // namespace edgetide
