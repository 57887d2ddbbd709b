// What a new configuration changes, by name. This module decides; the gateway carries it out.
//
//   sources   changed: any of its keys except those of [time], which move with the pipeline. It is stopped and made
//             again.
//   windows   changed: what its state means (WindowDefinition::fingerprint). Its open
//             windows are finished by the former definition (Pipeline::take_over_changed).
//   tables    read again; later readings have the labels that they give.
//   sinks     changed: the store, the outbox, or the columns of its rows. The rows in its outbox go to the new one.
//
// Thread: pure. Fails: never.
#pragma once

#include <string>
#include <vector>

#include "daemon/gateway_options.h"

namespace edgetide {

struct NameChanges {
  std::vector<std::string> added;
  std::vector<std::string> changed;
  std::vector<std::string> removed;

  bool has_added(const std::string& name) const;
  bool has_changed(const std::string& name) const;
  bool has_removed(const std::string& name) const;
};

struct ReloadPlan {
  NameChanges sources, windows, sinks;
  std::vector<std::string> relabelled;     // sensor tables: "sensors (3 sensors)"
  bool settings = false;                   // of sources, windows or sinks that go on: times, triggers, modes
  std::vector<std::string> needs_restart;  // keys and sections that do not change until a restart
};

ReloadPlan plan_reload(const GatewayOptions& now, const GatewayOptions& next);

// "sources: new a, b; windows: changed minute, gone hour; new labels: table sensors (3 sensors)", or
// "other settings; no source, window or sink is made again", or "no source, window or sink has changed".
std::string to_text(const ReloadPlan& plan);

// Resets what needs a restart to its present value.
void keep_until_restart(const GatewayOptions& now, GatewayOptions& next);

}  // namespace edgetide
