// One line of replay input: a reading, or a control line. The interface is fixed; see pipeline/SEMANTICS.md.
//
//   {"sensor":"s1","metric":"t","time":"2026-11-21T01:30:00Z","value":1.5}   optional "source", "labels", "arrival"
//   {"tick":TIME}   {"watermark":TIME}   {"restart":true}                    TIME: RFC 3339 or integer microseconds
//
// Thread: one at a time (it reuses parse buffers). Strings point into the parser until the next `parse`.
// Fails:  a ReplayError with a refusal and a message.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/decoders/decoded_batch.h"
#include "daemon/decoders/json.h"
#include "pipeline/refusal.h"
#include "pipeline/time.h"

namespace edgetide {

struct ReplayReading {
  std::string_view source;  // empty: not named
  std::string_view sensor;
  std::string_view metric;
  std::optional<Timestamp> time;  // unreadable_time: what stands there is none
  std::optional<Timestamp> arrival;
  double value = 0;
  bool is_raw = false;  // before the scale and offset of a sensor table; a recorded one is behind them
  std::vector<LabelView> labels;
};
struct ReplayTick {
  Timestamp time;
};
struct ReplayWatermark {
  Timestamp time;
};
struct ReplayRestart {};
struct ReplayError {
  Refusal reason;
  std::string text;
};

using ReplayLine = std::variant<ReplayReading, ReplayTick, ReplayWatermark, ReplayRestart, ReplayError>;

class ReplayParser {
 public:
  ReplayLine parse(std::string_view line);

 private:
  JsonParser json_;
};

}  // namespace edgetide
