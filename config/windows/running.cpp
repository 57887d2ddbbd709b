// [windows.NAME] with type = "running".
#include "config/parts.h"

namespace edgetide {

namespace {

void read_running(const Section& /*section*/, WindowOptions& /*window*/) {}

}  // namespace

WindowPart running_window() {
  return {{.meaning = "`running`: one for all time.", .library = ""}, WindowKind::running, read_running};
}

}  // namespace edgetide
