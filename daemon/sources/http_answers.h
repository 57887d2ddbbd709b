// What a sender of readings over HTTP reads: JSON of ours, or in the form of InfluxDB where it speaks to that.
//
// Thread: pure. Fails: never.
// See: https://docs.influxdata.com/influxdb/v2/api/ (write), https://docs.influxdata.com/influxdb/v1/tools/api/
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/decoders/decoded_batch.h"
#include "daemon/service/http_listener.h"

namespace edgetide {

enum class HttpApi : std::uint8_t {
  plain,
  influx_2,  // errors are {"code":...,"message":...}
  influx_1,  // {"error":...}
};

// What was found in a body. `line` counts from 1.
struct HttpOutcome {
  std::uint32_t accepted = 0;
  std::uint32_t refused = 0;
  Refusal reason{};  // of the first that was refused
  std::uint32_t offset = 0;
  std::uint32_t line = 0;
  bool operator==(const HttpOutcome&) const = default;
};

// Requires: the batch holds what this body gave, and no more.
HttpOutcome outcome_of(const DecodedBatch& batch, std::string_view body) noexcept;

// plain:  200 with the counts, 400 if all was refused, 413 if it was too much.
// influx: 204; 400 if something was refused.
HttpAnswer answer_to(const HttpOutcome& outcome, HttpApi api);

// `text` has neither quotes nor backslashes.
HttpAnswer error_answer(HttpApi api, unsigned status, std::string_view text);
// 503: the same request is welcome after so many seconds.
HttpAnswer busy_answer(HttpApi api, unsigned after_seconds, std::string_view text);

}  // namespace edgetide
