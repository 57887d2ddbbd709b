#include "config/parts.h"
#include "daemon/commands/commands.h"

namespace edgetide {

namespace {

template <class AnyPart>
std::string line_of(const char* kind, const PartList<AnyPart>& parts) {
  std::string text;
  for (const Part& part : parts.built) {
    text += (text.empty() ? "" : ", ") + std::string(part.name);
    if (!part.library.empty()) text += " (" + std::string(part.library) + ')';
  }
  for (const LeftOutWord& part : parts.left_out) {
    text += "; without " + std::string(part.word) + " (-D" + std::string(part.option) + "=ON)";
  }
  return std::string("\n") + kind + ": " + text;
}

std::string line_of(const std::vector<Preset>& presets) {
  std::string text;
  for (const Preset& preset : presets) text += (text.empty() ? "" : ", ") + std::string(preset.name);
  return "\npresets: " + text;
}

}  // namespace

std::string version_text() {
  const Parts& parts = built_in_parts();
  return "edgetide " EDGETIDE_VERSION + line_of("sources", parts.sources) + line_of("formats", parts.formats) +
         line_of(parts.presets) + line_of("windows", parts.windows) + line_of("sinks", parts.sinks);
}

}  // namespace edgetide
