#include "config/glob_check.h"

#include <algorithm>
#include <string>

namespace edgetide {

bool is_expression(std::string_view glob) noexcept {
  constexpr std::string_view parts[] = {"\\d", "\\w", "\\s", "\\S",  "\\.",  "\\b",
                                        ".+",  "(?",  "[^",  "[0-9", "[a-z", "[A-Z"};
  const bool has_part = std::any_of(std::begin(parts), std::end(parts),
                                    [&](std::string_view part) { return glob.find(part) != glob.npos; });
  const bool has_choice = glob.find('(') != glob.npos && glob.find('|') != glob.npos;
  return has_part || has_choice || glob.starts_with('^') || glob.starts_with(".*") ||
         (glob.size() > 1 && glob.ends_with('$'));
}

void warn_of_expression(const Section& section, const Node* node) {
  if (node == nullptr) return;
  for (const Node& child : node->children) warn_of_expression(section, &child);
  if (node->kind != Node::Kind::text || !node->known || !is_expression(node->text)) return;
  section.warning_at(node->location, shown(*node) + " is a glob, in which only * and ? stand for something else",
                     "regular expressions are not read here: * is any text, ? one character");
}

}  // namespace edgetide
