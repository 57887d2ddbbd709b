// Which route of a configuration takes a message, for commands that are given one.
// Thread: main. Fails: std::runtime_error, "no route takes the topic a/b".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/route.h"
#include "daemon/sources/configured_source.h"

namespace edgetide {

struct RouteChoice {
  std::string source;
  RouteOptions route;
  bool takes_lines = false;  // its source: a message is a line
};

// Of the source of that name, or else of the first that has one for the topic. An empty topic: a route of a socket.
RouteChoice choose_route(const std::vector<SourceInput>& sources, const std::string& source, const std::string& topic);

// Sockets mostly take a message per line, a topic has one whole.
void decode_message(Router& router, std::string_view topic, std::string_view payload, bool takes_lines,
                    DecodedBatch& batch);

}  // namespace edgetide
