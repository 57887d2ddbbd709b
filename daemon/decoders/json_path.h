// Paths into JSON: where a payload keeps a value.
//
//   a.b        member b of member a                 readings[0]  the first element
//   "a.b".c    a name with a dot, quoted            readings[*]  every element
//   *.t        member t of every member             (empty)      the value itself
//
// Thread: immutable after construction.
// Fails:  construction throws std::invalid_argument with a reason; a path that leads nowhere matches nothing.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/json.h"

namespace edgetide {

// Adds ".name" (or "name" at the start) and "[3]" to a path as people read it; names are not quoted.
void append_name(std::string& path, std::string_view name);
void append_index(std::string& path, std::size_t index);

class JsonPath {
 public:
  explicit JsonPath(std::string_view text);

  bool is_empty() const noexcept { return steps_.empty(); }
  bool single() const noexcept;  // matches at most one value, if names come once
  bool has_wildcard() const noexcept { return first_traced_ < steps_.size(); }
  bool starts_with_index() const noexcept;
  // Both have a wildcard, and trails of `for_each` that may be equal.
  bool may_name_as(const JsonPath& other) const noexcept;
  std::string_view last_name() const noexcept;  // empty if no step is a name

  // The first match of a single path.
  std::optional<JsonValue> find(JsonValue from) const noexcept;

  // Calls `visit(value, trail)` for every match. The trail is the concrete path from the first "*" on, or from the name
  // of the array of the first "[*]"; empty without them. No two matches have the same, unless an object has a name
  // twice: each of its members of that name is a match, of single paths too.
  template <typename Visit>
  void for_each(JsonValue from, std::string& trail, Visit&& visit) const {
    trail.clear();
    descend(from, 0, trail, first_traced_, visit);
  }

  // Calls `visit(value)` for every match.
  template <typename Visit>
  void for_each(JsonValue from, Visit&& visit) const {
    std::string none;
    const auto without_trail = [&](JsonValue value, std::string_view) { visit(value); };
    descend(from, 0, none, steps_.size(), without_trail);
  }

  // Where a match stands.
  struct Place {
    std::vector<JsonValue> around;  // what it is in, from the outermost on; itself not
    std::string_view name;          // of the member that it is, or is in, by the last "*"; empty: none
  };
  // Calls `visit(value)` for every match, with `place` up to date.
  template <typename Visit>
  void for_each_in(JsonValue from, Place& place, Visit&& visit) const {
    place.around.clear();
    place.name = {};
    if (is_empty()) return visit(from);
    descend_in(from, 0, place, visit);
  }

 private:
  struct Step {
    enum class Kind { name, index, any_member, any_element } kind;
    std::string name;
    std::size_t index = 0;
  };

  std::size_t take_name(std::string_view text, std::size_t at);
  std::size_t take_index(std::string_view text, std::size_t at);
  static std::optional<JsonValue> follow(const Step& step, JsonValue from) noexcept;
  // The next member of the same name behind `before`.
  static std::optional<JsonValue> follow_again(const Step& step, JsonValue from, JsonValue before) noexcept;
  void trace(const Step& step, std::string& trail) const;

  template <typename Visit>
  void descend(JsonValue from, std::size_t depth, std::string& trail, std::size_t traced_from, Visit& visit) const;
  template <typename Visit>
  void descend_in(JsonValue from, std::size_t depth, Place& place, Visit& visit) const;
  std::size_t find_first_traced() const noexcept;

  std::vector<Step> steps_;
  std::size_t first_traced_ = 0;
};

template <typename Visit>
void JsonPath::descend(JsonValue from, std::size_t depth, std::string& trail, std::size_t traced_from,
                       Visit& visit) const {
  if (depth == steps_.size()) return visit(from, std::string_view(trail));
  const Step& step = steps_[depth];
  const std::size_t length = trail.size();
  const bool traced = depth >= traced_from;
  if (step.kind == Step::Kind::any_member) {
    for (const JsonMember member : from.members()) {
      if (traced) append_name(trail, member.key);
      descend(member.value, depth + 1, trail, traced_from, visit);
      trail.resize(length);
    }
  } else if (step.kind == Step::Kind::any_element) {
    std::size_t index = 0;
    for (const JsonValue element : from.elements()) {
      if (traced) append_index(trail, index++);
      descend(element, depth + 1, trail, traced_from, visit);
      trail.resize(length);
    }
  } else {
    for (auto next = follow(step, from); next; next = follow_again(step, from, *next)) {
      if (traced) trace(step, trail);
      descend(*next, depth + 1, trail, traced_from, visit);
      trail.resize(length);
    }
  }
}

template <typename Visit>
void JsonPath::descend_in(JsonValue from, std::size_t depth, Place& place, Visit& visit) const {
  if (depth == steps_.size()) return visit(from);
  const Step& step = steps_[depth];
  place.around.push_back(from);
  if (step.kind == Step::Kind::any_member) {
    const std::string_view name = place.name;
    for (const JsonMember member : from.members()) {
      place.name = member.key;
      descend_in(member.value, depth + 1, place, visit);
    }
    place.name = name;
  } else if (step.kind == Step::Kind::any_element) {
    for (const JsonValue element : from.elements()) descend_in(element, depth + 1, place, visit);
  } else {
    for (auto next = follow(step, from); next; next = follow_again(step, from, *next)) {
      descend_in(*next, depth + 1, place, visit);
    }
  }
  place.around.pop_back();
}

}  // namespace edgetide
