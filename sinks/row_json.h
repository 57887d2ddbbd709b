// One row as one line of JSON, the output form that `edgetide replay` and the stdout sink share:
// {"window":"minute","sensor":"s1","metric":"t","start":...,"end":...,"count":3,"avg":1.5,
//  "state":"final","revision":1,"epoch":7}
// Behind the metric `"labels":{...}`, where there are any; a group has these, and no sensor or metric.
//
// Times are RFC 3339 with microseconds and Z, or integers in microseconds; doubles are the shortest text that reads
// back equal; NaN is null; strings are escaped as JSON; a sketch is base64. Pure; any thread; never fails.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/row_batch.h"

namespace edgetide {

enum class TimeText { rfc3339, microseconds };

// Appends a JSON string, a number, a time, a row.
void append_json_text(std::string& out, std::string_view text);
// null where it is not finite; `integer`: digits alone.
void append_json_number(std::string& out, double value, bool integer);
void append_json_time(std::string& out, Timestamp time, TimeText form);
// In base64, as JSON text; null: null.
void append_json_bytes(std::string& out, const std::string* bytes);
// {"key":"value",...}
void append_json_labels(std::string& out, const std::vector<Label>& labels);
std::string json_of(const std::vector<Label>& labels);
// With its newline.
void append_row_json(std::string& out, const WindowSchema& window, const SinkRow& row, std::span<const double> values,
                     std::uint64_t epoch, TimeText times);
// The same with the gateway in front, times as RFC 3339 and no newline: for receivers that have several gateways.
void append_gateway_row_json(std::string& out, std::string_view gateway, const WindowSchema& window, const SinkRow& row,
                             std::span<const double> values, std::uint64_t epoch);

}  // namespace edgetide
