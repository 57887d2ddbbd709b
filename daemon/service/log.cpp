#include "daemon/service/log.h"

#include <atomic>
#include <cstdlib>
#include <memory>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "daemon/service/journald.h"
#include "daemon/service/line_limit.h"
#include "daemon/service/mutex.h"

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

std::atomic<bool> journal_is_target = false;
Mutex limit_mutex;
LineLimit line_limit GUARDED_BY(limit_mutex);

// Of one event, for one source or sink. Empty: lines that pass always.
std::string kind_of(const LogSubject& subject) {
  const std::string whose = subject.beginning();
  return subject.event == LogEvent::none || whose.empty() ? std::string() : whose + std::string(subject.text().name);
}

std::vector<std::pair<std::string, std::uint64_t>> take_withheld() {
  const MutexLock lock(limit_mutex);
  return line_limit.take_withheld();
}

}  // namespace

void start_log(const LogOptions& options) {
  const auto logger =
      std::make_shared<spdlog::logger>("edgetide", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%-7l%$ %v");
  logger->set_level(to_spdlog(options.level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(logger);
  journal_is_target = to_journal(options.target);
}

void set_log_level(LogLevel level) {
  spdlog::set_level(to_spdlog(level));
}

void log(LogLevel level, std::string_view line) {
  log(level, LogSubject(), line);
}

void log(LogLevel level, const LogSubject& subject, std::string_view line) {
  if (!spdlog::should_log(to_spdlog(level))) return;
  if (const std::string kind = kind_of(subject); !kind.empty()) {
    const MutexLock lock(limit_mutex);
    if (!line_limit.passes(kind)) return;
  }
  const std::string text = subject.beginning() + std::string(line);
  if (journal_is_target) return send_to_journal(journal_fields(level, subject, text));
  spdlog::log(to_spdlog(level), "{}", text);
}

void log_withheld() {
  for (const auto& [kind, lines] : take_withheld()) {
    log(LogLevel::warning, kind + ": " + std::to_string(lines) + " more lines like the last ones were withheld");
  }
}

std::string printable(std::string_view untrusted, std::size_t max_length) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text;
  for (const char c : untrusted) {
    const auto byte = static_cast<unsigned char>(c);
    if (text.size() >= max_length) return text + "...";
    if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
    }
  }
  return text;
}

}  // namespace edgetide
