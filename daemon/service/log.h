// The daemon's log: one line per event, to journald under systemd and to standard error else.
//
// A line that tells of an event of a source or sink may be withheld: ten of each pass until the next report, the others
// are counted (line_limit.h).
//
// Only the shell logs; layers below return what happened. Untrusted text goes through `printable` first. No secrets.
// Thread: any, after `start_log`; before it lines go to standard error. Fails: never.
// The only user of spdlog is log.cpp (a call costs 3 s of compile time where its headers are seen).
#pragma once

#include <string>
#include <string_view>

#include "daemon/service/log_options.h"
#include "daemon/service/log_subject.h"

namespace edgetide {

void start_log(const LogOptions& options);
void set_log_level(LogLevel level);

void log(LogLevel level, std::string_view line);
// The line begins with the source or sink.
void log(LogLevel level, const LogSubject& subject, std::string_view line);
// Reports how many lines were withheld since the last report.
void log_withheld();

// The text with control characters and bytes that are not ASCII as \xNN, cut to so many characters.
std::string printable(std::string_view untrusted, std::size_t max_length = 200);

}  // namespace edgetide
