#include "config/control_characters.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "config/section.h"
#include "daemon/decoders/id_text.h"

namespace edgetide {

namespace {

// Keys whose value, with all below it, may have them.
constexpr std::array<std::string_view, 7> free_texts = {"connection", "delimiter", "password", "pattern",
                                                        "payload",    "states",    "token"};

constexpr int below_names = 3;  // windows.minute.states

bool is_free(const Node& node, int depth) {
  return (node.kind == Node::Kind::text || depth >= below_names) &&
         std::find(free_texts.begin(), free_texts.end(), node.key) != free_texts.end();
}

void refuse_below(const Node& node, std::string_view name, int depth, Report& report) {
  if (is_free(node, depth)) return;
  if (!is_printable_text(node.key)) {
    report.error(node.key_location, "the key '" + node.key + "' has a control character, or is not UTF-8");
  }
  if (node.kind == Node::Kind::text && !is_printable_text(node.text)) {
    report.error(node.location, std::string(name) + ": " + shown(node) + " has a control character, or is not UTF-8");
  }
  for (const Node& child : node.children) {
    refuse_below(child, child.key.empty() ? name : std::string_view(child.key), depth + 1, report);
  }
}

}  // namespace

void refuse_control_characters(const Node& root, Report& report) {
  refuse_below(root, {}, 0, report);
}

}  // namespace edgetide
