#include "daemon/storage/series_checksum.h"

#include "daemon/storage/crc32c.h"

namespace edgetide {

std::uint32_t series_checksum(const SeriesTable& series) {
  std::uint32_t checksum = 0;
  for (std::uint32_t i = 0; i < series.size(); ++i) {
    const bool is_there = series.has(SeriesId{i});
    checksum = crc32c(is_there ? series[SeriesId{i}].sensor : "", checksum);
    checksum = crc32c(is_there ? "/" + series[SeriesId{i}].metric + "\n" : "\n", checksum);
  }
  return checksum;
}

}  // namespace edgetide
