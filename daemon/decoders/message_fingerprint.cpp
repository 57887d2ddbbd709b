#include "daemon/decoders/message_fingerprint.h"

#include <xxhash.h>

namespace edgetide {

std::uint64_t message_fingerprint(std::uint16_t packet_id, std::string_view topic, std::string_view payload) noexcept {
  const std::uint64_t of_topic = XXH3_64bits(topic.data(), topic.size());
  const std::uint64_t of_both = XXH3_64bits_withSeed(payload.data(), payload.size(), of_topic);
  return std::uint64_t{packet_id} << 32 | of_both >> 32;
}

std::array<std::uint64_t, 2> wide_hash_of(std::string_view text) noexcept {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.low64, hash.high64};
}

std::uint64_t hash_of(std::string_view text) noexcept {
  return XXH3_64bits(text.data(), text.size()) >> 16;
}

std::uint64_t hash_of_names(std::string_view first, std::string_view second) noexcept {
  const std::uint64_t of_first = XXH3_64bits(first.data(), first.size());
  return XXH3_64bits_withSeed(second.data(), second.size(), of_first) >> 16;
}

}  // namespace edgetide
