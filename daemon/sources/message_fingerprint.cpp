#include "daemon/sources/message_fingerprint.h"

#include <xxhash.h>

namespace edgetide {

std::uint64_t message_fingerprint(std::uint16_t packet_id, std::string_view topic, std::string_view payload) noexcept {
  const std::uint64_t of_topic = XXH3_64bits(topic.data(), topic.size());
  const std::uint64_t of_both = XXH3_64bits_withSeed(payload.data(), payload.size(), of_topic);
  return std::uint64_t{packet_id} << 32 | of_both >> 32;
}

std::uint64_t hash_of(std::string_view text) noexcept {
  return XXH3_64bits(text.data(), text.size()) >> 16;
}

}  // namespace edgetide
