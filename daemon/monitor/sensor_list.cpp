#include "daemon/monitor/sensor_list.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "daemon/intake/shifted_times.h"
#include "daemon/monitor/status_json.h"
#include "daemon/monitor/text_table.h"

namespace edgetide {

namespace {

std::string value_text(const SensorStatus& sensor) {
  if (!std::isfinite(sensor.value)) return "-";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", sensor.value);
  return text.data() + (sensor.unit.empty() ? "" : ' ' + sensor.unit);
}

}  // namespace

std::string sensors_text(const std::vector<SensorStatus>& sensors, Timestamp now) {
  TextTable table(
      {"SENSOR", "METRIC", "SOURCE", "VALUE", "AGE", "WATERMARK LAG", "CLOCK", "LATE", "DROPPED", "BAD TIME", "STATE"});
  for (const SensorStatus& sensor : sensors) {
    table.add(
        {sensor.sensor, sensor.metric, sensor.source, value_text(sensor),
         sensor.newest ? short_text(now - *sensor.newest) : "-",
         sensor.watermark ? short_text(now - *sensor.watermark) : "-",
         sensor.clock_ahead ? short_text(*sensor.clock_ahead) : "-", std::to_string(sensor.late_accepted),
         std::to_string(sensor.late_dropped), std::to_string(sensor.bad_time),
         (sensor.idle ? "silent for " + short_text(sensor.silence) : "active") +
             (sensor.shift ? ", times " + text_of_shift(*sensor.shift) + ": " + std::string(advice_of(*sensor.shift))
                           : "")});
  }
  return table.text();
}

std::string narrow_sensors_text(const std::vector<SensorStatus>& sensors, Timestamp now) {
  TextTable table({"SENSOR", "METRIC", "VALUE", "AGE", "LAG", "LATE", "DROPPED", "STATE"});
  for (const SensorStatus& sensor : sensors) {
    table.add({sensor.sensor, sensor.metric, value_text(sensor), sensor.newest ? short_text(now - *sensor.newest) : "-",
               sensor.watermark ? short_text(now - *sensor.watermark) : "-", std::to_string(sensor.late_accepted),
               std::to_string(sensor.late_dropped),
               sensor.idle ? "silent for " + short_text(sensor.silence) : std::string("active")});
  }
  return table.text();
}

std::string sensors_json(const std::vector<SensorStatus>& sensors) {
  std::string text;
  for (const SensorStatus& sensor : sensors) {
    JsonWriter out;
    out.open('{');
    write_sensor(out, sensor);
    out.close('}');
    text += out.take() + '\n';
  }
  return text;
}

}  // namespace edgetide
