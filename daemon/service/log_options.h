// What is logged, and where to.
//
// Thread: plain values.
#pragma once

#include "pipeline/enum_word.h"

namespace edgetide {

enum class LogLevel { trace, debug, info, warning, error };
inline constexpr EnumWord<LogLevel> log_level_words[] = {{LogLevel::trace, "trace"},
                                                         {LogLevel::debug, "debug"},
                                                         {LogLevel::info, "info"},
                                                         {LogLevel::warning, "warning"},
                                                         {LogLevel::error, "error"}};

enum class LogTarget { automatic, standard_error, journal };  // automatic: journal under systemd
inline constexpr EnumWord<LogTarget> log_target_words[] = {
    {LogTarget::automatic, "auto"}, {LogTarget::standard_error, "stderr"}, {LogTarget::journal, "journald"}};

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogTarget target = LogTarget::automatic;
  bool operator==(const LogOptions&) const = default;
};

}  // namespace edgetide
