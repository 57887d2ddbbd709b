// What a message is known by when its sender sends it again. Thread: pure. Fails: never.
#pragma once

#include <cstdint>
#include <string_view>

namespace edgetide {

// 48 bits of XXH3; the same in every build, since the journal keeps it.
std::uint64_t message_fingerprint(std::string_view topic, std::string_view payload) noexcept;

}  // namespace edgetide
