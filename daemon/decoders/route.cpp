#include "daemon/decoders/route.h"

#include <algorithm>
#include <stdexcept>

#include "daemon/decoders/topic_level.h"
#include "pipeline/characters.h"
#include "pipeline/glob.h"

namespace edgetide {

namespace {

constexpr std::size_t max_topic_bytes = 65'535;  // of MQTT

bool is_capture_name(std::string_view name) noexcept {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '_'; });
}

// As take_level, if the level is this one.
bool take_literal(std::string_view& topic, std::string_view level, bool& more) noexcept {
  if (!topic.starts_with(level)) return false;
  more = topic.size() > level.size();
  if (more && topic[level.size()] != '/') return false;
  topic.remove_prefix(level.size() + (more ? 1 : 0));
  return true;
}

void give_time(Timestamp time, std::span<DecodedReading> readings) noexcept {
  for (DecodedReading& reading : readings) {
    if (!reading.event_time) reading.event_time = time + reading.from_arrival;
  }
}

void take_only_changed(std::span<DecodedReading> readings) noexcept {
  for (DecodedReading& reading : readings) reading.counts = Counts::if_changed;
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
    if (more && levels_.back().kind == Level::Kind::captured_rest) {
      bad_pattern(pattern, "'" + std::string(text) + "' must be the last level");
    }
  }
}

TopicPattern::Level TopicPattern::parse_level(std::string_view pattern, std::string_view text) {
  if (text == "+") return {Level::Kind::any, {}};
  if (text == "#") return {Level::Kind::rest, {}};
  if (text.size() > 2 && text.front() == '{' && text.back() == '}') {
    std::string_view name = text.substr(1, text.size() - 2);
    const bool takes_rest = name.ends_with("...");
    if (takes_rest) name.remove_suffix(3);
    if (!is_capture_name(name))
      bad_pattern(pattern, "'{" + std::string(name) + "}': names are letters, digits and '_'");
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) {
      bad_pattern(pattern, "'{" + std::string(name) + "}' is captured twice");
    }
    names_.emplace_back(name);
    return {takes_rest ? Level::Kind::captured_rest : Level::Kind::capture, std::string(name)};
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
    if (level.kind == Level::Kind::captured_rest) {
      captures.push_back({level.text, topic});
      return true;
    }
    if (level.kind == Level::Kind::literal) {
      if (!take_literal(topic, level.text, more)) return false;
      continue;
    }
    const std::string_view text = take_level(topic, more);
    if (level.kind == Level::Kind::capture) captures.push_back({level.text, text});
  }
  return !more;
}

bool TopicPattern::covers(const TopicPattern& other) const noexcept {
  const auto is_literal = [](const Level& level) { return level.kind == Level::Kind::literal; };
  const Level& first = other.levels_.front();
  if (is_literal(first) && first.text.starts_with('$') && !is_literal(levels_.front())) return false;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    if (levels_[i].kind == Level::Kind::rest) return true;
    if (i == other.levels_.size() || other.levels_[i].kind == Level::Kind::rest) return false;
    if (levels_[i].kind == Level::Kind::captured_rest) return true;
    if (other.levels_[i].kind == Level::Kind::captured_rest) return false;
    if (is_literal(levels_[i]) && (!is_literal(other.levels_[i]) || levels_[i].text != other.levels_[i].text))
      return false;
  }
  return levels_.size() == other.levels_.size();
}

std::string TopicPattern::filter() const {
  std::string filter;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    if (i > 0) filter += '/';
    const Level& level = levels_[i];
    if (level.kind == Level::Kind::literal) {
      filter += level.text;
    } else {
      const bool is_rest = level.kind == Level::Kind::rest || level.kind == Level::Kind::captured_rest;
      filter += is_rest ? '#' : '+';
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
      route.only_changed = options.mapping.repeats == Repeats::skip_unchanged;
      route.may_leave_out = route.only_changed || !options.mapping.dedupe.path.empty();
      route.max_id_bytes = options.mapping.max_id_bytes;
      route.ignored_topics = options.mapping.ignore_topics;
      if (!options.topic.empty()) route.pattern.emplace(options.topic);
      const std::vector<std::string> no_names;
      route.decoder = make_decoder(options.mapping, route.pattern ? route.pattern->capture_names() : no_names);
      routes_.push_back(std::move(route));
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument("route " + std::to_string(i + 1) + ": " + error.what());
    }
  }
}

void Router::decode_own(Message& message, DecodedBatch& out) {
  const std::size_t readings = out.readings.size(), refusals = out.refusals.size();
  const bool is_ignored = !decode_by_route(message, out);
  if (out.readings.size() == readings) note_without_reading(message, is_ignored, refusals, out);
}

// Asked of few messages, so its route is sought again.
bool Router::is_passed_over(const Message& message) const {
  const auto route = std::find_if(routes_.begin(), routes_.end(),
                                  [&](const Route& one) { return one.name.data() == message.route.data(); });
  return route != routes_.end() && route->decoder->passes_over(message.topic);
}

void Router::note_without_reading(const Message& message, bool is_ignored, std::size_t refusals, DecodedBatch& out) {
  std::string_view route = message.route;
  if (!route.empty()) route.remove_prefix(1);  // the mark
  std::optional<Refusal> reason;
  if (out.refusals.size() > refusals) reason = out.refusals[refusals].reason;
  if (is_ignored || (!reason && is_passed_over(message)))
    return out.note_without_reading(route, NoReading::ignored_topic);
  if (reason || !message.payload.empty()) out.note_undecoded(reason, message.topic, message.payload);
  out.note_without_reading(route, reason ? no_reading_of(*reason) : NoReading::no_value);
}

// False: its topic is ignored.
bool Router::decode_by_route(Message& message, DecodedBatch& out) {
  ++out.message_count;
  out.bytes += message.payload.size();
  if (message.payload.size() > message.max_bytes) {
    out.begin_message(false);
    out.refusals.push_back({Refusal::too_large, message.topic, 0});
    return true;
  }
  for (Route& route : routes_) {
    captures_.clear();
    if (route.pattern && !route.pattern->match(message.topic, captures_)) continue;
    message.route = route.name;
    if (!route.ignored_topics.empty() && any_glob_matches(route.ignored_topics, message.topic)) return false;
    message.captures = captures_;
    out.max_id_bytes = route.max_id_bytes;
    const std::size_t first = out.readings.size();
    out.begin_message(route.may_leave_out);
    route.decoder->decode(message, out);
    if (route.may_leave_out)
      out.end_bounded_message(std::string_view(route.name).substr(1), out.readings.size() > first);
    const std::span<DecodedReading> readings = std::span(out.readings).subspan(first);
    if (message.time) give_time(*message.time, readings);
    if (route.only_changed) take_only_changed(readings);
    return true;
  }
  out.begin_message(false);
  out.refusals.push_back({Refusal::no_route, message.topic, 0});
  return true;
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
