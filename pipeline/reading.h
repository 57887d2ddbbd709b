// What enters the pipeline: readings of interned series, in batches with one arrival stamp.
//
// Units:  event time and arrival in UTC microseconds; values in whatever unit the series has.
// Thread: plain values, any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <span>

#include "pipeline/time.h"

namespace edgetide {

// Position in PipelineOptions::sources.
enum class SourceId : std::uint32_t {};

// Position in the series table; dense from 0. The id of an evicted series is given to a new one.
enum class SeriesId : std::uint32_t {};

// Position in PipelineOptions::windows.
enum class WindowId : std::uint32_t {};

// What a window definition keeps windows for: a series (then the same number as its SeriesId), or a group of series.
// Dense from 0 within its definition.
enum class KeyId : std::uint32_t {};

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

struct Reading {
  SeriesId series;
  Timestamp event_time;
  double value;
};

}  // namespace edgetide
