#include "daemon/log.h"

#include <cstdlib>
#include <memory>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>

namespace edgetide {

namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::trace:
      return spdlog::level::trace;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      break;
  }
  return spdlog::level::err;
}

bool to_journal(LogTarget target) noexcept {
  if (target == LogTarget::automatic) return std::getenv("JOURNAL_STREAM") != nullptr;
  return target == LogTarget::journal;
}

}  // namespace

void start_log(const LogOptions& options) {
  std::shared_ptr<spdlog::logger> logger;
  if (to_journal(options.target)) {
    logger = std::make_shared<spdlog::logger>("edgetide", std::make_shared<spdlog::sinks::systemd_sink_mt>("edgetide"));
    logger->set_pattern("%v");
  } else {
    logger = std::make_shared<spdlog::logger>("edgetide", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%-7l%$ %v");
  }
  logger->set_level(to_spdlog(options.level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(logger);
}

void set_log_level(LogLevel level) {
  spdlog::set_level(to_spdlog(level));
}

void log(LogLevel level, std::string_view line) {
  spdlog::log(to_spdlog(level), "{}", line);
}

std::string printable(std::string_view untrusted) {
  constexpr std::size_t length_max = 200;
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text;
  for (const char c : untrusted) {
    const auto byte = static_cast<unsigned char>(c);
    if (text.size() >= length_max) return text + "...";
    if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return text;
}

}  // namespace edgetide
