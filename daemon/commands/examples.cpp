#include "daemon/commands/examples.h"

#include <utility>

namespace edgetide {

namespace {

constexpr std::pair<std::string_view, std::string_view> examples[] = {
    {"edgetide run", "edgetide run --config edgetide.toml"},
    {"edgetide check",
     "edgetide check\n"
     "edgetide check --config /etc/edgetide/conf.d/plant.toml\n"
     "edgetide check --no-environment --config edgetide.toml"},
    {"edgetide backup", "edgetide backup /mnt/stick/edgetide-monday"},
    {"edgetide checkpoint show", "edgetide checkpoint show"},
    {"edgetide password", "edgetide password kitchen >> /etc/edgetide/mqtt_users"},
    {"edgetide replay", "edgetide replay --config edgetide.toml --input readings.jsonl --flush"},
    {"edgetide quarantine list",
     "edgetide quarantine list --reason late_dropped --limit 20\n"
     "edgetide quarantine list --reason bad_syntax --format json"},
    {"edgetide quarantine replay", "edgetide quarantine replay --output rows.jsonl"},
    {"edgetide quarantine export", "edgetide quarantine export > late.jsonl"},
    {"edgetide quarantine apply", "edgetide quarantine apply --sensor 'boiler*' --since 2026-11-21T00:00:00Z"},
    {"edgetide schema",
     "edgetide schema --setup | sudo -u postgres psql\n"
     "edgetide schema --sink history | psql -d plant"},
    {"edgetide decode", "edgetide decode --topic sensors/kitchen message.json"},
    {"edgetide test", "edgetide test --config edgetide.toml"},
    {"edgetide presets",
     "edgetide presets\n"
     "edgetide presets tasmota"},
    {"edgetide learn", "edgetide learn --server mqtt://broker.local:1883 --seconds 60 > edgetide.toml"},
    {"edgetide status",
     "edgetide status\n"
     "edgetide status --format json"},
    {"edgetide top", "edgetide top"},
    {"edgetide sensors",
     "edgetide sensors --late\n"
     "edgetide sensors --silent --format json"},
    {"edgetide why",
     "edgetide why minute kitchen\n"
     "edgetide why minute kitchen/temperature"},
    {"edgetide sink take", "edgetide sink take history"},
    {"edgetide tap",
     "edgetide tap minute\n"
     "edgetide tap plant --format json"},
};

}  // namespace

std::string examples_of(std::string_view path) {
  for (const auto& [of, lines] : examples) {
    if (of != path) continue;
    std::string text = "  ";
    for (const char c : lines) text += c == '\n' ? std::string("\n  ") : std::string(1, c);
    return text + '\n';
  }
  return {};
}

}  // namespace edgetide
