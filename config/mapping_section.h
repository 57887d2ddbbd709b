// The mapping keys of a route or of a socket source.
//
// Thread: main. Fails: into the section's report.
#pragma once

#include <string>
#include <vector>

#include "config/section.h"
#include "daemon/decoders/route.h"

namespace edgetide {

// The key groups of a mapping, behind those of its table.
std::vector<const KeyGroup*> with_mapping(std::vector<const KeyGroup*> groups, const KeyTable& keys);

// Where `format` names a preset, its keys are read for those that the section does not have.
MappingOptions read_mapping(const Section& section);

// Builds the topic pattern (if there is a topic) and the decoder, only to hear what they object to. The objection is
// placed at the key it names.
void check_route(const Section& section, const RouteOptions& route);

}  // namespace edgetide
