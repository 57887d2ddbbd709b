// Lines for systemd's journal, with fields to select them by. (spdlog 1.10 sends the text and the priority only.)
// The only user of libsystemd's sd-journal. See: systemd.journal-fields(7), sd_journal_sendv(3).
//
// Thread: any. Fails: never; where no journal listens a line is lost.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/service/log_options.h"
#include "daemon/service/log_subject.h"

namespace edgetide {

// "NAME=value" each.
std::vector<std::string> journal_fields(LogLevel level, const LogSubject& subject, std::string_view line);

void send_to_journal(const std::vector<std::string>& fields);

}  // namespace edgetide
