// How the last reading of the configuration went; the start counts as the first. Thread: plain values.
#pragma once

#include <string>

#include "pipeline/time.h"

namespace edgetide {

struct ReloadResult {
  bool ok = true;
  Timestamp at;
  std::string reason;  // in one line, if not ok: what was not applied, and why
};

}  // namespace edgetide
