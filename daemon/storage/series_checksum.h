// Of all names of series, in the order of ids: whether ids mean the same.
//
// Thread: pure.
#pragma once

#include <cstdint>

#include "pipeline/series.h"

namespace edgetide {

std::uint32_t series_checksum(const SeriesTable& series);

}  // namespace edgetide
