// The path and the arguments of a request, as they were written, to what they mean.
//
// Thread: pure. Fails: nothing for what is not well-formed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "daemon/decoders/decoder.h"

namespace edgetide {

// The path as the topic of a message, with its leading slash: "/ingest/room%201" is "/ingest/room 1". Nothing for one
// with a bad escape, an escaped slash, a control character, or a wildcard of topics ('+', '#').
std::optional<std::string> topic_of_path(std::string_view path);

// InfluxDB's `precision`: ns, us, ms, s, and of its version 1 n, u, m, h.
std::optional<TimeFormat> time_format_of_precision(std::string_view precision) noexcept;

}  // namespace edgetide
