// What `edgetide quarantine apply` prints: a line for each window that got readings, for each reason why some stay, and
// for those that leave the quarantine.
//
// Thread: pure.
#pragma once

#include <string>

#include "daemon/intake/late_addition.h"
#include "daemon/monitor/tap_text.h"

namespace edgetide {

std::string late_addition_text(const LateAddition& done, AnswerFormat format);

}  // namespace edgetide
