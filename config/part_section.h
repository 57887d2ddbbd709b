// A table whose `type` chooses the part that reads it.
//
// Thread: main. Fails: into the report.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/parts.h"
#include "config/report.h"

namespace edgetide {

// The part that `type` names, or null. Requires: the words of `type` in `group` are those of `parts`.
template <class AnyPart>
const AnyPart* part_of(const Node& node, const std::string& name, const KeyGroup& group, const PartList<AnyPart>& parts,
                       Report& report) {
  if (node.kind != Node::Kind::table) {
    const std::string family = name.substr(0, name.find('.'));
    report.error(node.location, name + " is not a table", "its table needs a name: [" + family + ".NAME]");
    return nullptr;
  }
  const std::optional<std::string_view> type = type_word(node, name, group, report);
  return type ? parts.find(*type) : nullptr;
}

// The groups of a table with `type`: those of every part of its kind, and the part's.
inline std::vector<const KeyGroup*> with_part(std::vector<const KeyGroup*> groups, const Part& part) {
  groups.insert(groups.end(), part.keys.begin(), part.keys.end());
  return groups;
}

template <class AnyPart>
struct ReadPart {
  const Node* node;
  const AnyPart* part;
  const typename AnyPart::Configured* configured;
};

// Reports every part that clashes with an earlier one of its type.
template <class AnyPart>
void check_clashes(const std::string& family, const std::vector<ReadPart<AnyPart>>& all, Report& report) {
  for (auto later = all.begin(); later != all.end(); ++later) {
    if (later->part->clash == nullptr) continue;
    for (auto earlier = all.begin(); earlier != later; ++earlier) {
      if (earlier->part != later->part) continue;
      const std::optional<Clash> clash = later->part->clash(*earlier->configured, *later->configured);
      if (!clash) continue;
      const Node* const value = later->node->find(clash->key);
      report.error(value == nullptr ? later->node->key_location : value->location,
                   family + '.' + later->node->key + ": " + std::string(clash->shares) + ' ' + family + '.' +
                       earlier->node->key);
    }
  }
}

}  // namespace edgetide
