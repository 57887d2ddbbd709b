// Why the windows of a sensor are still open: what its watermark has reached, what it waits for, and how much is left
// until silence alone closes them.
//
// Thread: plain values, pure functions. Fails: never; what cannot be explained says so in `error`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/emission.h"
#include "pipeline/time.h"

namespace edgetide {

struct ExplainedWindow {
  Timestamp start;
  Timestamp end;  // Timestamp::latest(): it has none
  RowState state = RowState::open;
};

struct ExplainedKey {
  std::string sensor;  // or group
  std::string metric;
  std::string source;
  std::string scope;  // whose readings move the watermark: sensor, source, global, stream, group
  bool connected = true;
  bool idle = false;
  std::optional<Timestamp> newest;     // event time of its newest reading; none: of a group
  std::optional<Timestamp> watermark;  // none: nothing has moved it yet
  Duration max_out_of_orderness;
  Duration silence;  // while its source was connected
  Duration idle_timeout;
  std::string held_by;                   // the slowest sensor, where others move the watermark too; empty: none
  std::string awaits;                    // a source that has not reported yet, which holds it too; empty: none
  std::vector<ExplainedWindow> windows;  // that are not final, by start
};

struct WindowExplanation {
  std::string error;  // no such window or sensor
  std::string window;
  Duration allowed_lateness;
  std::vector<ExplainedKey> keys;
};

// What one window waits for, as a sentence.
std::string waits_for(const ExplainedKey& key, const ExplainedWindow& window, Duration allowed_lateness);

std::string explanation_text(const WindowExplanation& explanation);
std::string explanation_json(const WindowExplanation& explanation);

}  // namespace edgetide
