#include "config/names.h"

#include <algorithm>

#include "config/spelling.h"
#include "pipeline/characters.h"

namespace edgetide {

std::vector<std::uint32_t> Names::inputs_of(const Section& section) const {
  std::vector<std::uint32_t> positions;
  const Node* list = section.find("inputs");
  if (list == nullptr) {
    for (std::uint32_t i = 0; i < definitions_.size(); ++i) positions.push_back(i);
    return positions;
  }
  for (const Node* input : section.texts("inputs")) {
    const auto found = std::find(definitions_.begin(), definitions_.end(), find(input->text));
    if (found == definitions_.end()) {
      report_dangling(section, *input);
      continue;
    }
    const auto position = static_cast<std::uint32_t>(found - definitions_.begin());
    if (std::find(positions.begin(), positions.end(), position) != positions.end()) {
      section.error_at(input->location, "input '" + input->written + "' is named twice");
    } else {
      positions.push_back(position);
    }
  }
  if (list->kind == Node::Kind::list && list->children.empty()) {
    section.error("inputs", "inputs is empty; leave it out to take every " + std::string(what_));
  }
  return positions;
}

const Node* Names::find(std::string_view name) const noexcept {
  const auto found =
      std::find_if(definitions_.begin(), definitions_.end(), [&](const Node* node) { return node->key == name; });
  return found == definitions_.end() ? nullptr : *found;
}

void Names::report_dangling(const Section& section, const Node& input) const {
  if (section.report().fragment()) return;
  std::vector<std::string_view> names;
  for (const Node* definition : definitions_) names.push_back(definition->key);
  std::string hint;
  if (const std::string_view near = nearest(input.text, names); !near.empty()) {
    hint = "did you mean '" + std::string(near) + "'?  (defined in " + short_text(find(near)->key_location) + ')';
  }
  section.error_at(input.location, "input '" + input.written + "' is not a " + std::string(what_), hint);
}

bool check_name(const Node& definition, std::string_view section, bool dashes, Report& report) {
  const std::string& name = definition.key;
  const auto fits = [&](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || (dashes && c == '-'); };
  const bool good = !name.empty() && name.size() <= 48 && name[0] >= 'a' && name[0] <= 'z' &&
                    std::all_of(name.begin(), name.end(), fits);
  if (!good) {
    report.error(definition.key_location, std::string(section) + ": the name '" + name +
                                              "' does not fit [a-z][a-z0-9_" + (dashes ? "-" : "") + "]{0,47}");
  }
  return good;
}

}  // namespace edgetide
