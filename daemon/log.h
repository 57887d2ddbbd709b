// The daemon's log: one line per event, to journald under systemd and to standard error else.
//
// Only the shell logs; layers below return what happened. Untrusted text goes through `printable` first. No secrets.
// Thread: any, after `start_log`; before it lines go to standard error. Fails: never.
// The only user of spdlog is log.cpp (a call costs 3 s of compile time where its headers are seen).
#pragma once

#include <string>
#include <string_view>

#include "daemon/gateway_options.h"

namespace edgetide {

void start_log(const LogOptions& options);
void set_log_level(LogLevel level);
void log(LogLevel level, std::string_view line);

// The text with control characters and bytes that are not ASCII as \xNN, cut to 200 characters.
std::string printable(std::string_view untrusted);

}  // namespace edgetide
