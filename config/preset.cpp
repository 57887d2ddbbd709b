#include "config/preset.h"

#include <algorithm>
#include <utility>

#include "config/file_text.h"
#include "config/key_table.h"
#include "config/report.h"
#include "config/toml_document.h"

namespace edgetide {

namespace {

bool is_mapping_key(std::string_view key, const KeyTable& keys) {
  return keys.mapping.find(key) != nullptr ||
         std::any_of(keys.format_parts.begin(), keys.format_parts.end(),
                     [&](const KeyGroup* group) { return group->find(key) != nullptr; });
}

void place(Node& node, const Location& location) {
  node.location = node.key_location = location;
  for (Node& child : node.children) place(child, location);
}

// Words that the route has too are the route's.
Node with_states(Node own, const Node& preset) {
  for (const Node& state : preset.children) {
    if (own.find(state.key) == nullptr) own.children.push_back(state);
  }
  return own;
}

}  // namespace

std::string meaning_of(const Preset& preset) {
  std::string meaning;
  for (std::string_view rest = preset.text; rest.starts_with("# ");) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    meaning += (meaning.empty() ? "" : " ") + std::string(rest.substr(2, end - 2));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return meaning;
}

std::optional<Node> with_preset(const Node& table, const Preset& preset, const KeyTable& keys) {
  SourceFile file;
  file.path = preset.name;
  file.text = preset.text;
  Report report(keys);
  std::optional<Node> merged = parse_toml(file, report);
  if (!merged) return std::nullopt;
  place(*merged, table.find("format")->location);
  merged->key = table.key;
  merged->key_location = table.key_location;
  merged->location = table.location;
  for (const Node& own : table.children) {
    if (own.key == "format" || !is_mapping_key(own.key, keys)) continue;
    const Node* const preset_states = own.key == "states" ? merged->find("states") : nullptr;
    Node node = preset_states == nullptr ? own : with_states(own, *preset_states);
    std::erase_if(merged->children, [&](const Node& replaced) { return replaced.key == own.key; });
    merged->children.push_back(std::move(node));
  }
  return merged;
}

}  // namespace edgetide
