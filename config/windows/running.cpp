// [windows.NAME] with type = "running".
#include "config/parts.h"

namespace edgetide {

namespace {

void read_running(const Section& /*section*/, WindowOptions& window) {
  window.kind = WindowKind::running;
}

}  // namespace

WindowPart running_window() {
  return {{.name = "running", .meaning = "`running`: one for all time.", .library = ""}, read_running};
}

}  // namespace edgetide
