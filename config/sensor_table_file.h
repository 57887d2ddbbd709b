// Sensor tables from CSV and TOML files.
//
// CSV:    a header, then a row per sensor; fields may stand in double quotes; `#` starts a comment line. The key column
//         names the sensor, `scale` and `offset` are numbers (empty: 1 and 0), every other column is a label, and an
//         empty field is not a label.
// TOML:   a table per sensor, `[boiler-1]`, with the same keys.
// Limit:  16 MiB. Thread: any. Blocks: reads a file. Fails: std::runtime_error "file:line: reason".
#pragma once

#include <memory>
#include <string>

#include "daemon/enrichment/sensor_table.h"

namespace edgetide {

std::shared_ptr<const SensorTable> load_sensor_table(const std::string& path, const std::string& key_column);

}  // namespace edgetide
