#include "daemon/sources/message_fingerprint.h"

#include <xxhash.h>

namespace edgetide {

std::uint64_t message_fingerprint(std::string_view topic, std::string_view payload) noexcept {
  const std::uint64_t of_topic = XXH3_64bits(topic.data(), topic.size());
  return XXH3_64bits_withSeed(payload.data(), payload.size(), of_topic) >> 16;
}

}  // namespace edgetide
