#include "daemon/storage/series_checksum.h"

#include "daemon/storage/crc32c.h"

namespace edgetide {

namespace {

std::uint32_t checksum_of(const Series& series, std::uint32_t before) {
  std::uint32_t checksum = crc32c(series.metric, crc32c("/", crc32c(series.sensor, before)));
  for (const Label& label : series.labels) {
    checksum = crc32c(label.value, crc32c("=", crc32c(label.key, crc32c(",", checksum))));
  }
  return checksum;
}

}  // namespace

std::uint32_t series_checksum(const SeriesTable& series) {
  std::uint32_t checksum = 0;
  for (std::uint32_t i = 0; i < series.size(); ++i) {
    const bool is_there = series.has(SeriesId{i});
    if (is_there) checksum = checksum_of(series[SeriesId{i}], checksum);
    checksum = crc32c("\n", checksum);
  }
  return checksum;
}

std::string series_mark(const SeriesTable& series, SeriesId id) {
  if (index_of(id) >= series.size() || !series.has(id)) return std::string(series_mark_bytes, '\0');
  const std::uint32_t checksum = checksum_of(series[id], 0);
  return {static_cast<char>(checksum | 1), static_cast<char>(checksum >> 8)};
}

std::string series_marks(const SeriesTable& series) {
  std::string marks;
  marks.reserve(series.size() * series_mark_bytes);
  for (std::uint32_t i = 0; i < series.size(); ++i) marks += series_mark(series, SeriesId{i});
  return marks;
}

}  // namespace edgetide
