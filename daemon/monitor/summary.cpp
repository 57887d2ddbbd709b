#include "daemon/monitor/summary.h"

#include "daemon/monitor/status_json.h"

namespace edgetide {

std::string summary_json(const Pipeline& pipeline, std::span<const Timestamp> watermarks, std::uint64_t rows,
                         TimeText times) {
  JsonWriter out;
  out.open('{').member("received", pipeline.counters().received);
  write_counters(out, pipeline.counters());
  out.member("rows", rows).member("epochs", pipeline.epoch()).key("watermark").open('{');
  for (std::uint32_t i = 0; i < watermarks.size(); ++i) {
    // A series that is computed, or whose readings were all refused, has none.
    if (!pipeline.series().has(SeriesId{i}) || watermarks[i] == Timestamp::earliest()) continue;
    const Series& series = pipeline.series()[SeriesId{i}];
    out.member(series.sensor + '/' + series.metric, watermarks[i], times);
  }
  out.close('}').close('}');
  return out.take() + '\n';
}

}  // namespace edgetide
