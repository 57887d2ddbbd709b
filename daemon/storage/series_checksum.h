// A checksum of the names and labels of all series in the order of their ids: equal if the ids mean the same series.
//
// Thread: pure.
#pragma once

#include <cstdint>
#include <string>

#include "pipeline/series.h"

namespace edgetide {

std::uint32_t series_checksum(const SeriesTable& series);

// To recognise single ids where that is not equal: series_mark_bytes for each id, in order.
constexpr std::size_t series_mark_bytes = 2;
std::string series_marks(const SeriesTable& series);
// Zeros for an id that no series has.
std::string series_mark(const SeriesTable& series, SeriesId id);

}  // namespace edgetide
