// Which names a topic of Kafka may have: 1 to 249 letters, digits, dots, underscores and dashes.
//
// Pure; any thread; never fails.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "pipeline/characters.h"

namespace edgetide {

inline constexpr std::size_t max_kafka_topic_bytes = 249;

inline bool may_be_in_kafka_topic(char c) noexcept {
  return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
}
inline bool is_kafka_topic_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= max_kafka_topic_bytes && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), may_be_in_kafka_topic);
}

}  // namespace edgetide
