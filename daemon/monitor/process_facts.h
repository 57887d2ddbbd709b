// What this process uses, as the kernel counts it.
//
// Thread: any. Blocks: as long as it takes to read a few files of /proc/self. Fails: what cannot be read is 0.
#pragma once

#include "daemon/monitor/gateway_status.h"

namespace edgetide {

ProcessFacts process_facts();

}  // namespace edgetide
