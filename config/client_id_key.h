// Names by which brokers know a source, made of the gateway's, the machine's and its own.
//
// Thread: main. Blocks: reads the id of the machine. Fails: into the section's report.
#pragma once

#include <string>

#include "config/section.h"

namespace edgetide {

// {gateway}, {machine} and {source}; other placeholders stay.
void fill_in_names(std::string& text, const std::string& source, const std::string& gateway);

// `client_id`, by default "edgetide-{gateway}-{machine}-{source}".
void read_client_id(const Section& section, const std::string& source, const std::string& gateway,
                    std::string& client_id);

}  // namespace edgetide
