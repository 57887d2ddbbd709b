// What a message is known by when its sender sends it again: its packet id, its topic and its payload.
// Thread: pure. Fails: never.
#pragma once

#include <cstdint>
#include <string_view>

namespace edgetide {

// 48 bits: the packet id, then 32 of XXH3; the same in every build, since the journal keeps it. A message without a
// packet id has the id 0.
std::uint64_t message_fingerprint(std::uint16_t packet_id, std::string_view topic, std::string_view payload) noexcept;

// 48 bits of a topic, or of a payload.
std::uint64_t hash_of(std::string_view text) noexcept;

}  // namespace edgetide
