#include "daemon/monitor/tap_text.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "daemon/monitor/json_writer.h"
#include "daemon/monitor/text_table.h"
#include "pipeline/time_text.h"

namespace edgetide {

namespace {

std::string number_text(double value) {
  if (!std::isfinite(value)) return "-";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.9g", value);
  return text.data();
}

std::string reading_line(const TappedReading& reading, AnswerFormat format) {
  const Series& series = *reading.series;
  if (format == AnswerFormat::text) {
    return to_rfc3339(reading.event_time) + "  " + series.sensor + '/' + series.metric + "  " +
           number_text(reading.value) + (series.unit.empty() ? "" : ' ' + series.unit) + "  arrived " +
           short_text(reading.arrival - reading.event_time) + " later\n";
  }
  JsonWriter out;
  out.open('{').member("sensor", series.sensor).member("metric", series.metric).member("unit", series.unit);
  out.member("time", reading.event_time).member("arrival", reading.arrival).member("value", reading.value).close('}');
  return out.take() + '\n';
}

std::string row_line(const TappedRow& tapped, const WindowSchema& schema, AnswerFormat format) {
  const SinkRow& row = tapped.row;
  std::string line;
  if (format == AnswerFormat::json) {
    append_row_json(line, schema, row, tapped.values, tapped.epoch, TimeText::rfc3339);
    return line;
  }
  line = to_rfc3339(row.start) + "  " + row.series->sensor;
  if (!row.series->grouped) line += '/' + row.series->metric;
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    line += "  " + schema.columns[i].name + '=' + number_text(tapped.values[i]);
  }
  line += "  ";
  line += name_of(row.state);
  return line + ", revision " + std::to_string(row.revision) + '\n';
}

std::string dropped_line(std::uint64_t dropped, AnswerFormat format) {
  if (format == AnswerFormat::text)
    return "... " + std::to_string(dropped) + " not shown: too many for this connection\n";
  JsonWriter out;
  out.open('{').member("not_shown", dropped).close('}');
  return out.take() + '\n';
}

}  // namespace

std::string tap_text(const Tap::Taken& taken, const WindowSchema& schema, AnswerFormat format) {
  std::string text;
  for (const Tapped& entry : taken.entries) {
    const auto* const reading = std::get_if<TappedReading>(&entry);
    text += reading != nullptr ? reading_line(*reading, format) : row_line(std::get<TappedRow>(entry), schema, format);
  }
  if (taken.dropped > 0) text += dropped_line(taken.dropped, format);
  return text;
}

}  // namespace edgetide
