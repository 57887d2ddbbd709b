// Names by which brokers know a source or a sink, made of the gateway's, the machine's and its own.
//
// Thread: main. Blocks: reads the id of the machine. Fails: into the section's report.
#pragma once

#include <string>
#include <string_view>

#include "config/section.h"

namespace edgetide {

// Whose table it is.
struct BrokerClient {
  std::string_view kind;  // "source" or "sink": also the placeholder for its name
  std::string name;
  std::string gateway;
};

// {gateway}, {machine} and {source} or {sink}; other placeholders stay.
void fill_in_names(std::string& text, const BrokerClient& client);

// `client_id`, by default "edgetide-{gateway}-{machine}-{source}" or "edgetide-{gateway}-{machine}-sink-{sink}": names
// have no dash, so a source and a sink differ.
void read_client_id(const Section& section, const BrokerClient& client, std::string& client_id);

}  // namespace edgetide
