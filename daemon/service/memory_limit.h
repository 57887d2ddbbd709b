// How much memory this process may have: what the control group (systemd's MemoryMax=), RLIMIT_AS and the machine
// allow.
//
// Thread: any. Blocks: reads small files of the kernel. Fails: never; what cannot be read does not limit.
#pragma once

#include <cstdint>

namespace edgetide {

std::uint64_t memory_limit_bytes();

}  // namespace edgetide
