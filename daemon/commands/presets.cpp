// `edgetide presets [NAME]`: the mappings that come with the program.
#include <iomanip>
#include <iostream>
#include <stdexcept>

#include "config/parts.h"
#include "daemon/commands/commands.h"

namespace edgetide {

namespace {

constexpr int name_width = 18;

}  // namespace

int presets_command(const std::string& name) {
  for (const Preset& preset : built_in_parts().presets) {
    if (name.empty()) {
      std::cout << std::left << std::setw(name_width) << preset.name << meaning_of(preset) << '\n';
    } else if (name == preset.name) {
      std::cout << preset.text;
      return exit_fine;
    }
  }
  if (!name.empty()) throw std::runtime_error("no preset is called '" + name + "'; `edgetide presets` lists them");
  return exit_fine;
}

}  // namespace edgetide
