#include "daemon/commands/route_choice.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "daemon/service/log.h"

namespace edgetide {

namespace {

bool takes(const RouteOptions& route, const std::string& topic) {
  if (topic.empty() || route.topic.empty()) return topic.empty() && route.topic.empty();
  std::vector<Capture> captures;
  return TopicPattern(route.topic).match(topic, captures);
}

}  // namespace

RouteChoice choose_route(const std::vector<SourceInput>& sources, const std::string& source, const std::string& topic) {
  bool is_known = source.empty();
  for (const SourceInput& one : sources) {
    if (!source.empty() && one.name != source) continue;
    is_known = true;
    for (RouteOptions& route : one.source->routes()) {
      if (takes(route, topic)) return {one.name, std::move(route), one.source->traits().takes_lines};
    }
  }
  if (!is_known) throw std::runtime_error("no source is called '" + source + "'");
  if (topic.empty()) throw std::runtime_error("every route is for a topic; give one with --topic");
  throw std::runtime_error("no route takes the topic " + printable(topic));
}

void decode_message(Router& router, std::string_view topic, std::string_view payload, bool takes_lines,
                    DecodedBatch& batch) {
  if (!takes_lines) return router.decode(topic, payload, batch);
  while (!payload.empty()) {
    const std::size_t end = std::min(payload.find('\n'), payload.size());
    if (end > 0) router.decode({}, payload.substr(0, end), batch);
    payload.remove_prefix(std::min(end + 1, payload.size()));
  }
}

}  // namespace edgetide
