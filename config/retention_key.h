// The key `retention` of sinks that are tables: `retention = { minute = "30d" }`.
//
// Thread: main. Fails: into the report.
#pragma once

#include <string>

#include "config/key_table.h"
#include "config/parts.h"
#include "config/section.h"
#include "sinks/retention.h"

namespace edgetide {

// `more`: further sentences of its meaning.
KeySpec retention_key(const std::string& more);
// Names windows of the sink, whose rows have an age.
Retention read_retention(const Section& section, const PartContext& context);

}  // namespace edgetide
