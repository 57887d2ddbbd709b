// Whether a TCP server can be reached, for libraries that only say that a connect failed.
//
// Thread: any; blocks as long as the system's resolver does, and then for `most` at most.
// Fails:  never.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace edgetide {

// "Connection refused", "No route to host", "no answer", "unknown host NAME (...)"; empty: it can. One address of
// the name is enough. `stopping` is asked every few milliseconds and ends it.
std::string why_unreachable(const std::string& host, std::uint16_t port, std::chrono::milliseconds most,
                            const std::function<bool()>& stopping);

// Its server takes a connection and keeps it open for as long as `hold`: not so one that is away behind a proxy, which
// takes connections and ends them at once. Blocks for `hold` more.
bool keeps_connections(const std::string& host, std::uint16_t port, std::chrono::milliseconds most,
                       std::chrono::milliseconds hold, const std::function<bool()>& stopping);

}  // namespace edgetide
