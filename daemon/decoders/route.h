// Topic patterns and the routes of a source: they select the decoder of a message and capture parts of its topic.
//
// A pattern has MQTT levels: literal, "+" (any one level), "{name}" (any one level, captured), and as the last level
// "#" (any rest) or "{name...}" (a rest of one level at least, captured with its slashes). The first matching route
// wins. `filter()` is the subscription: captures become "+" or "#". As in MQTT, a leading wildcard matches no topic
// that begins with '$'.
//
// Thread: immutable after construction except the decoders (decoder.h).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoder.h"

namespace edgetide {

struct RouteOptions {
  std::string topic;  // empty for sockets, which have one route
  MappingOptions mapping;
  bool operator==(const RouteOptions&) const = default;
};

class TopicPattern {
 public:
  // Fails: std::invalid_argument with a reason ("'#' must be the last level").
  explicit TopicPattern(std::string_view pattern);

  // True if the topic matches; the captures' values point into the topic, their names into the pattern.
  bool match(std::string_view topic, std::vector<Capture>& captures) const;

  // True if every topic that `other` matches matches this one too.
  bool covers(const TopicPattern& other) const noexcept;

  std::string filter() const;
  const std::vector<std::string>& capture_names() const noexcept { return names_; }

 private:
  struct Level {
    enum class Kind { literal, any, capture, rest, captured_rest } kind;
    std::string text;
  };
  Level parse_level(std::string_view pattern, std::string_view text);

  std::vector<Level> levels_;
  std::vector<std::string> names_;
};

// The routes of one source. Thread: one at a time.
class Router {
 public:
  // Fails: std::invalid_argument, "route 2: sensor: ...".
  explicit Router(const std::vector<RouteOptions>& routes);

  // Decodes into `out`; a topic without a route is one `no_route` refusal, a payload over Message::max_bytes one
  // `too_large`. A message without a reading is in `without_reading`, and in `undecoded` if it holds anything and its
  // topic is not ignored.
  void decode(const Message& message, DecodedBatch& out) {
    Message own = message;
    decode_own(own, out);
  }
  void decode(std::string_view topic, std::string_view payload, DecodedBatch& out) {
    Message own{.topic = topic, .payload = payload};
    decode_own(own, out);
  }

  // Before the first message: a position of the source. Its decoder is given what it knew, if it is such a state.
  void restore_state(std::string_view partition, std::string_view bytes);

  std::vector<std::string> filters() const;  // in route order, without repeats

 private:
  void decode_own(Message& message, DecodedBatch& out);  // fills in captures and route
  bool decode_by_route(Message& message, DecodedBatch& out);
  bool is_passed_over(const Message& message) const;
  void note_without_reading(const Message& message, bool is_ignored, std::size_t refusals, DecodedBatch& out);

  struct Route {
    std::string name;  // decoder_state_mark and the topic as configured
    bool only_changed = false;
    bool may_leave_out = false;  // messages, for what came before
    std::size_t max_id_bytes = edgetide::max_id_bytes;
    std::vector<std::string> ignored_topics;  // globs
    std::optional<TopicPattern> pattern;      // none: takes every message (sockets)
    std::unique_ptr<Decoder> decoder;
  };
  std::vector<Route> routes_;
  std::vector<Capture> captures_;
};

}  // namespace edgetide
