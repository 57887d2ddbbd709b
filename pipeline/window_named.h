// The place of a window definition among others, by its name.
//
// Thread: pure. Fails: nothing where there is none of that name.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "pipeline/ids.h"
#include "pipeline/options.h"

namespace edgetide {

inline std::optional<WindowId> window_named(std::span<const WindowOptions> windows, std::string_view name) noexcept {
  const auto found =
      std::find_if(windows.begin(), windows.end(), [&](const WindowOptions& window) { return window.name == name; });
  if (found == windows.end()) return std::nullopt;
  return WindowId{static_cast<std::uint32_t>(found - windows.begin())};
}

}  // namespace edgetide
