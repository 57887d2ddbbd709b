// What a message is known by when its sender sends it again: its packet id, its topic and its payload.
// Thread: pure. Fails: never.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace edgetide {

// 48 bits: the packet id, then 32 of XXH3; the same in every build, since the journal keeps it. A message without a
// packet id has the id 0.
std::uint64_t message_fingerprint(std::uint16_t packet_id, std::string_view topic, std::string_view payload) noexcept;

// 128 bits; the same in every build.
std::array<std::uint64_t, 2> wide_hash_of(std::string_view text) noexcept;

// 48 bits of a topic, of a payload, of an id.
std::uint64_t hash_of(std::string_view text) noexcept;
// 48 bits of two names.
std::uint64_t hash_of_names(std::string_view first, std::string_view second) noexcept;

}  // namespace edgetide
