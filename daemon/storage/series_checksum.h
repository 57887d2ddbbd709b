// A checksum of the names of all series in the order of their ids: equal if the ids mean the same series.
//
// Thread: pure.
#pragma once

#include <cstdint>

#include "pipeline/series.h"

namespace edgetide {

std::uint32_t series_checksum(const SeriesTable& series);

}  // namespace edgetide
