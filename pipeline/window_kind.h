// The kinds of windows, and what is the same for all windows of one kind. The table of kinds is window_kinds.h; how one
// is added: config/ADDING_PARTS.md.
//
// Thread: pure. Fails: never.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "pipeline/time.h"

namespace edgetide {

struct WindowOptions;

// The numbers stand in snapshots.
enum class WindowKind : std::uint8_t { tumbling, sliding, session, running };

struct WindowTraits {
  WindowKind kind;
  std::string_view name;  // as `type` names it
  // Windows follow one another at the same starts for all keys, so that there are empty ones, windows know what came
  // before them, and later readings of a final one can be added to its row.
  bool aligned = false;
  bool overlaps = false;  // a reading is in several windows
  bool grows = false;     // by the readings that join a window; where it ends is not known from one of them
  bool endless = false;   // no watermark closes it; its start says since when it counts
  bool fills = false;     // an empty window can show the value before it
  // Of aligned windows: from one start to the next.
  Duration (*step)(const WindowOptions&) = nullptr;
  // So long after the start of a window no reading is in it that is not in a later one.
  Duration (*longest)(const WindowOptions&);
  // From the last reading of a window to its end, at least.
  Duration (*behind_last)(const WindowOptions&) = [](const WindowOptions&) { return Duration::microseconds(1); };
  // Windows that take one reading, at most.
  std::size_t (*windows_of_reading)(const WindowOptions&) = [](const WindowOptions&) { return std::size_t{1}; };
  // Of options read from bytes that may be damaged, whose durations are positive: windows can be made of them.
  bool (*is_possible)(const WindowOptions&) = [](const WindowOptions&) { return true; };
};

// By WindowKind.
std::span<const WindowTraits> window_kinds() noexcept;

// Requires: one of these.
inline const WindowTraits& traits_of(WindowKind kind) noexcept {
  return window_kinds()[static_cast<std::size_t>(kind)];
}

}  // namespace edgetide
