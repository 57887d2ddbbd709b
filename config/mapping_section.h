// The mapping keys of a route or of a socket source.
//
// Thread: main. Fails: into the section's report.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/parts.h"
#include "config/section.h"
#include "daemon/decoders/route.h"

namespace edgetide {

// The key groups of a mapping, behind those of its table.
std::vector<const KeyGroup*> with_mapping(std::vector<const KeyGroup*> groups, const KeyTable& keys);

// Where `format` names a preset, its keys are read for those that the section does not have.
MappingOptions read_mapping(const Section& section, const PartContext& context);

// Builds the topic pattern (if there is a topic) and the decoder, only to hear what they object to. The objection is
// placed at the key it names. Does nothing where the format is missing or unknown, which is reported already.
// `topic_key` is the key that the pattern was read from.
void check_route(const Section& section, const RouteOptions& route, std::string_view topic_key = "topic");

// The first matching route wins, so one behind it may have nothing left.
void warn_of_shadowed_route(const Section& section, std::string_view topic_key, const std::string& topic,
                            const std::vector<RouteOptions>& earlier);

}  // namespace edgetide
