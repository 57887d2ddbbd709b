// [tables.NAME], and which source goes by which.
//
// Thread: main. Blocks: reads the files. Fails: into the report.
#pragma once

#include <string>

#include "config/names.h"
#include "config/report.h"
#include "daemon/gateway_options.h"

namespace edgetide {

// `folder`: what relative file names are relative to.
void read_tables(const Node& tables, const std::string& folder, EnrichmentOptions& enrichment, Report& report);

// Requires: the tables have been read. Of one source, by its id.
void read_table_of(const Section& section, EnrichmentOptions& enrichment);

}  // namespace edgetide
