#include "config/control_characters.h"

#include <set>
#include <string>
#include <string_view>

#include "config/key_table.h"
#include "config/section.h"
#include "daemon/decoders/id_text.h"

namespace edgetide {

namespace {

using Names = std::set<std::string_view>;

Names free_texts_of(const KeyTable& keys) {
  Names names;
  for (const KeyGroup* group : keys.groups()) {
    for (const KeySpec& key : group->keys) {
      if (key.free_text) names.insert(key.name);
    }
  }
  return names;
}

constexpr int below_names = 3;  // windows.minute.states

bool is_free(const Node& node, const Names& free_texts, int depth) {
  return (node.kind == Node::Kind::text || depth >= below_names) && free_texts.contains(node.key);
}

void refuse_below(const Node& node, const Names& free_texts, std::string_view name, int depth, Report& report) {
  if (is_free(node, free_texts, depth)) return;
  if (!is_printable_text(node.key)) {
    report.error(node.key_location, "the key '" + node.key + "' has a control character, or is not UTF-8");
  }
  if (node.kind == Node::Kind::text && !is_printable_text(node.text)) {
    report.error(node.location, std::string(name) + ": " + shown(node) + " has a control character, or is not UTF-8");
  }
  for (const Node& child : node.children) {
    refuse_below(child, free_texts, child.key.empty() ? name : std::string_view(child.key), depth + 1, report);
  }
}

}  // namespace

void refuse_control_characters(const Node& root, Report& report) {
  refuse_below(root, free_texts_of(report.keys()), {}, 0, report);
}

}  // namespace edgetide
