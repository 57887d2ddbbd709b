#include "daemon/service/journald.h"

#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

namespace edgetide {

namespace {

int priority_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::trace:
    case LogLevel::debug:
      return LOG_DEBUG;
    case LogLevel::info:
      return LOG_INFO;
    case LogLevel::warning:
      return LOG_WARNING;
    case LogLevel::error:
      break;
  }
  return LOG_ERR;
}

}  // namespace

std::vector<std::string> journal_fields(LogLevel level, const LogSubject& subject, std::string_view line) {
  std::vector<std::string> fields;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) fields.push_back(std::string(name) + '=' + std::string(value));
  };
  add("MESSAGE", line);
  add("PRIORITY", std::to_string(priority_of(level)));
  add("SYSLOG_IDENTIFIER", "edgetide");
  add("MESSAGE_ID", subject.text().message_id);
  add("EDGETIDE_EVENT", subject.text().name);
  add("EDGETIDE_SOURCE", subject.source);
  add("EDGETIDE_SINK", subject.sink);
  add("EDGETIDE_WINDOW", subject.window);
  add("EDGETIDE_SENSOR", subject.sensor);
  return fields;
}

void send_to_journal(const std::vector<std::string>& fields) {
  std::vector<iovec> pieces;
  for (const std::string& field : fields) pieces.push_back({const_cast<char*>(field.data()), field.size()});
  static_cast<void>((sd_journal_sendv)(pieces.data(), static_cast<int>(pieces.size())));
}

}  // namespace edgetide
