#include "daemon/decoders/route.h"

#include <algorithm>
#include <stdexcept>

#include "daemon/decoders/topic_level.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

constexpr std::size_t max_topic_bytes = 65'535;  // of MQTT

bool is_capture_name(std::string_view name) noexcept {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

void give_time(Timestamp time, std::span<DecodedReading> readings) noexcept {
  for (DecodedReading& reading : readings) {
    if (!reading.event_time) reading.event_time = time;
  }
}

[[noreturn]] void bad_pattern(std::string_view pattern, const std::string& reason) {
  throw std::invalid_argument("topic '" + std::string(pattern) + "': " + reason);
}

}  // namespace

TopicPattern::TopicPattern(std::string_view pattern) {
  if (pattern.empty()) bad_pattern(pattern, "a topic cannot be empty");
  if (pattern.size() > max_topic_bytes) throw std::invalid_argument("topic: longer than 65535 bytes");
  if (pattern.find('\0') != std::string_view::npos) throw std::invalid_argument("topic: holds a NUL");
  if (pattern.starts_with("$share/")) bad_pattern(pattern, "shared subscriptions are not supported");
  std::string_view rest = pattern;
  for (bool more = true; more;) {
    const std::string_view text = take_level(rest, more);
    if (text == "#" && more) bad_pattern(pattern, "'#' must be the last level");
    levels_.push_back(parse_level(pattern, text));
  }
}

TopicPattern::Level TopicPattern::parse_level(std::string_view pattern, std::string_view text) {
  if (text == "+") return {Level::Kind::any, {}};
  if (text == "#") return {Level::Kind::rest, {}};
  if (text.size() > 2 && text.front() == '{' && text.back() == '}') {
    const std::string name(text.substr(1, text.size() - 2));
    if (!is_capture_name(name)) bad_pattern(pattern, "'{" + name + "}': names are letters, digits and '_'");
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) {
      bad_pattern(pattern, "'{" + name + "}' is captured twice");
    }
    names_.push_back(name);
    return {Level::Kind::capture, name};
  }
  if (text.find_first_of("+#") != std::string_view::npos) bad_pattern(pattern, "'+' and '#' must be a whole level");
  if (text.find_first_of("{}") != std::string_view::npos) bad_pattern(pattern, "a {capture} must be a whole level");
  return {Level::Kind::literal, std::string(text)};
}

bool TopicPattern::match(std::string_view topic, std::vector<Capture>& captures) const {
  captures.clear();
  // MQTT: topics that begin with '$' are the server's; wildcards do not match them.
  if (topic.starts_with('$') && levels_.front().kind != Level::Kind::literal) return false;
  bool more = true;
  for (const Level& level : levels_) {
    if (level.kind == Level::Kind::rest) return true;  // also behind the last level: "a/#" matches "a"
    if (!more) return false;
    const std::string_view text = take_level(topic, more);
    if (level.kind == Level::Kind::literal && text != level.text) return false;
    if (level.kind == Level::Kind::capture) captures.push_back({level.text, text});
  }
  return !more;
}

std::string TopicPattern::filter() const {
  std::string filter;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    if (i > 0) filter += '/';
    const Level& level = levels_[i];
    if (level.kind == Level::Kind::literal) {
      filter += level.text;
    } else {
      filter += level.kind == Level::Kind::rest ? '#' : '+';
    }
  }
  return filter;
}

Router::Router(const std::vector<RouteOptions>& routes) {
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const RouteOptions& options = routes[i];
    try {
      Route route;
      route.name = decoder_state_mark + options.topic;
      if (!options.topic.empty()) route.pattern.emplace(options.topic);
      const std::vector<std::string> no_names;
      route.decoder = make_decoder(options.mapping, route.pattern ? route.pattern->capture_names() : no_names);
      routes_.push_back(std::move(route));
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument("route " + std::to_string(i + 1) + ": " + error.what());
    }
  }
}

void Router::decode(Message message, DecodedBatch& out) {
  ++out.message_count;
  out.bytes += message.payload.size();
  if (message.payload.size() > max_payload_bytes) {
    out.refusals.push_back({Refusal::too_large, message.topic, 0});
    return;
  }
  for (Route& route : routes_) {
    captures_.clear();
    if (route.pattern && !route.pattern->match(message.topic, captures_)) continue;
    message.captures = captures_;
    message.route = route.name;
    const std::size_t first = out.readings.size();
    route.decoder->decode(message, out);
    if (message.time) give_time(*message.time, std::span(out.readings).subspan(first));
    return;
  }
  out.refusals.push_back({Refusal::no_route, message.topic, 0});
}

void Router::restore_state(std::string_view partition, std::string_view bytes) {
  for (Route& route : routes_) {
    if (route.name == partition) route.decoder->restore_state(bytes);
  }
}

std::vector<std::string> Router::filters() const {
  std::vector<std::string> filters;
  for (const Route& route : routes_) {
    if (!route.pattern) continue;
    std::string filter = route.pattern->filter();
    if (std::find(filters.begin(), filters.end(), filter) == filters.end()) filters.push_back(std::move(filter));
  }
  return filters;
}

}  // namespace edgetide
