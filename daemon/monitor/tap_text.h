// The readings or rows of a tap, one line each, as `edgetide tap` prints them.
//
// Thread: pure. Fails: never.
#pragma once

#include <string>

#include "daemon/intake/tap.h"

namespace edgetide {

enum class AnswerFormat { text, json };

std::string tap_text(const Tap::Taken& taken, const WindowSchema& schema, AnswerFormat format);

}  // namespace edgetide
