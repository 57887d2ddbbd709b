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

  bool single() const noexcept;  // matches at most one value
  bool has_any_member() const noexcept { return first_any_member_ < steps_.size(); }
  bool starts_with_index() const noexcept;
  std::string_view last_name() const noexcept;  // empty if no step is a name

  // The match of a single path.
  std::optional<JsonValue> find(JsonValue from) const noexcept;

  // Calls `visit(value, trail)` for every match. The trail is the concrete path from the first "*" on, empty without.
  template <typename Visit>
  void for_each(JsonValue from, std::string& trail, Visit&& visit) const {
    trail.clear();
    descend(from, 0, trail, visit);
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
  void trace(const Step& step, std::string& trail) const;

  template <typename Visit>
  void descend(JsonValue from, std::size_t depth, std::string& trail, Visit& visit) const;

  std::vector<Step> steps_;
  std::size_t first_any_member_ = 0;
};

template <typename Visit>
void JsonPath::descend(JsonValue from, std::size_t depth, std::string& trail, Visit& visit) const {
  if (depth == steps_.size()) return visit(from, std::string_view(trail));
  const Step& step = steps_[depth];
  const std::size_t length = trail.size();
  const bool traced = depth >= first_any_member_;
  if (step.kind == Step::Kind::any_member) {
    for (const JsonMember member : from.members()) {
      append_name(trail, member.key);
      descend(member.value, depth + 1, trail, visit);
      trail.resize(length);
    }
  } else if (step.kind == Step::Kind::any_element) {
    std::size_t index = 0;
    for (const JsonValue element : from.elements()) {
      if (traced) append_index(trail, index++);
      descend(element, depth + 1, trail, visit);
      trail.resize(length);
    }
  } else if (const auto next = follow(step, from)) {
    if (traced) trace(step, trail);
    descend(*next, depth + 1, trail, visit);
    trail.resize(length);
  }
}

}  // namespace edgetide
