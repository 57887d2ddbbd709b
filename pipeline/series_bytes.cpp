#include "pipeline/series_bytes.h"

namespace edgetide {

namespace {
constexpr std::uint64_t label_bytes_min = 8;  // two empty strings
}

void save_names(ByteWriter& out, const Series& series) {
  out.text(series.sensor);
  out.text(series.metric);
  out.text(series.unit);
  out.u32(static_cast<std::uint32_t>(series.labels.size()));
  for (const Label& label : series.labels) {
    out.text(label.key);
    out.text(label.value);
  }
}

Series load_names(ByteReader& in) {
  Series series;
  series.sensor = in.text();
  series.metric = in.text();
  series.unit = in.text();
  const std::uint32_t labels = in.u32();
  if (!in.has(labels, label_bytes_min)) return series;
  for (std::uint32_t i = 0; i < labels; ++i) {
    Label& label = series.labels.emplace_back();
    label.key = in.text();
    label.value = in.text();
  }
  return series;
}

}  // namespace edgetide
