// The levels of MQTT topics and filters.
//
// Thread: pure. Fails: never.
#pragma once

#include <cstddef>
#include <string_view>

namespace edgetide {

// The level at the front of a topic; takes it and the '/' behind it off. `more` is false behind the last level.
inline std::string_view take_level(std::string_view& topic, bool& more) noexcept {
  std::size_t end = 0;  // levels are short: a loop is quicker than a call
  while (end < topic.size() && topic.data()[end] != '/') ++end;
  const std::string_view level(topic.data(), end);
  more = end < topic.size();
  topic.remove_prefix(end + (more ? 1 : 0));
  return level;
}

}  // namespace edgetide
