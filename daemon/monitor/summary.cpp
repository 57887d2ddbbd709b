#include "daemon/monitor/summary.h"

#include "pipeline/time_text.h"

namespace edgetide {

namespace {

void append_member(std::string& out, std::string_view name, std::uint64_t value) {
  append_json_text(out, name);
  out += ':';
  out += std::to_string(value);
}

}  // namespace

void append_counters_json(std::string& out, const Counters& counters) {
  append_member(out, "received", counters.received);
  append_member(out += ',', "on_time", counters.of(ReadingOutcome::on_time));
  append_member(out += ',', "late_accepted", counters.of(ReadingOutcome::late_accepted));
  append_member(out += ',', "late_dropped", counters.of(ReadingOutcome::late_dropped));
  append_member(out += ',', "duplicates", counters.duplicates());
  append_member(out += ',', "restamped", counters.restamped);
  out += ",\"refused\":{";
  bool first = true;
  for (std::size_t i = 0; i < refusal_count; ++i) {
    if (counters.refused[i] == 0) continue;
    if (!first) out += ',';
    first = false;
    append_member(out, refusal_names[i], counters.refused[i]);
  }
  out += '}';
}

std::string summary_json(const Pipeline& pipeline, std::span<const Timestamp> watermarks, std::uint64_t rows,
                         TimeText times) {
  std::string out = "{";
  append_counters_json(out, pipeline.counters());
  append_member(out += ',', "rows", rows);
  append_member(out += ',', "epochs", pipeline.epoch());
  out += ",\"watermark\":{";
  for (std::uint32_t i = 0; i < watermarks.size(); ++i) {
    // A series that is computed, or whose readings were all refused, has none.
    if (!pipeline.series().has(SeriesId{i}) || watermarks[i] == Timestamp::earliest()) continue;
    const Series& series = pipeline.series()[SeriesId{i}];
    if (out.back() != '{') out += ',';
    append_json_text(out, series.sensor + '/' + series.metric);
    out += ':';
    append_json_time(out, watermarks[i], times);
  }
  return out += "}}\n";
}

}  // namespace edgetide
