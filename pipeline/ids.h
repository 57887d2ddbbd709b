// The numbers by which the pipeline names what it keeps: one type each, so that none is taken for another.
//
// All are positions: `index_of` gives the place in an array.
// Thread: plain values, any thread.
#pragma once

#include <cstdint>

namespace edgetide {

// Position in PipelineOptions::sources.
enum class SourceId : std::uint32_t {};
inline constexpr SourceId no_source{0xFFFF'FFFF};

// Position in the series table; dense from 0. The id of an evicted series is given to a new one.
enum class SeriesId : std::uint32_t {};
inline constexpr SeriesId no_series{0xFFFF'FFFF};

// Position in PipelineOptions::windows.
enum class WindowId : std::uint32_t {};

// What a window definition keeps windows for: a series (then the same number as its SeriesId), or a group of series.
// Dense from 0 within its definition.
enum class KeyId : std::uint32_t {};
inline constexpr KeyId no_key{0xFFFF'FFFF};

// A window, a pane or a piece of a session in its store (slot_store.h); dense from 0. That of one that was erased is
// given to a new one.
enum class SlotId : std::uint32_t {};
inline constexpr SlotId no_slot{0xFFFF'FFFF};

// A series within its group; dense from 0. That of a series that was removed is given to a new one.
enum class MemberId : std::uint32_t {};

constexpr std::uint32_t index_of(SourceId id) noexcept {
  return static_cast<std::uint32_t>(id);
}
constexpr std::uint32_t index_of(SeriesId id) noexcept {
  return static_cast<std::uint32_t>(id);
}
constexpr std::uint32_t index_of(WindowId id) noexcept {
  return static_cast<std::uint32_t>(id);
}
constexpr std::uint32_t index_of(KeyId id) noexcept {
  return static_cast<std::uint32_t>(id);
}
constexpr std::uint32_t index_of(SlotId id) noexcept {
  return static_cast<std::uint32_t>(id);
}
constexpr std::uint32_t index_of(MemberId id) noexcept {
  return static_cast<std::uint32_t>(id);
}

// The key of a series in a definition that is not grouped, and back.
constexpr KeyId key_of(SeriesId series) noexcept {
  return KeyId{index_of(series)};
}
constexpr SeriesId series_of(KeyId key) noexcept {
  return SeriesId{index_of(key)};
}

}  // namespace edgetide
