// Names of files in a sequence: `<name>-<number, 16 lower-case hex digits><suffix>`.
//
// Thread: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgetide {

std::string numbered_name(std::string_view name, std::uint64_t number, std::string_view suffix = {});
// Nothing for any other file.
std::optional<std::uint64_t> parse_numbered_name(std::string_view name, std::string_view file,
                                                 std::string_view suffix = {}) noexcept;

}  // namespace edgetide
