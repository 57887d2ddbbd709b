// The result of the last reload; the start counts as the first. Thread: plain values.
#pragma once

#include <string>

#include "pipeline/time.h"

namespace edgetide {

struct ReloadResult {
  bool ok = true;
  Duration at;         // running time
  std::string reason;  // if not ok: in one line, what was not applied and why
};

}  // namespace edgetide
