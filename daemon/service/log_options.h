// What is logged, and where to.
#pragma once

namespace edgetide {

enum class LogLevel { trace, debug, info, warning, error };
enum class LogTarget { automatic, standard_error, journal };  // automatic: journal under systemd

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogTarget target = LogTarget::automatic;
  bool operator==(const LogOptions&) const = default;
};

}  // namespace edgetide
