// The levels of MQTT topics and filters.
//
// Thread: pure. Fails: never.
#pragma once

#include <cstddef>
#include <string_view>

namespace edgetide {

// The level at the front of a topic; takes it and the '/' behind it off. `more` is false behind the last level.
inline std::string_view take_level(std::string_view& topic, bool& more) noexcept {
  const std::size_t slash = topic.find('/');
  const std::string_view level = topic.substr(0, slash);
  more = slash != std::string_view::npos;
  topic.remove_prefix(more ? slash + 1 : topic.size());
  return level;
}

}  // namespace edgetide
