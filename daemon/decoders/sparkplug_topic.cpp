#include "daemon/decoders/sparkplug_topic.h"

#include <algorithm>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/topic_level.h"

namespace edgetide {

namespace {

struct MessageType {
  std::string_view word;
  SparkplugTopic::Kind kind;
  bool of_device;
};
using Kind = SparkplugTopic::Kind;
constexpr MessageType message_types[] = {
    {"NBIRTH", Kind::birth, false}, {"NDATA", Kind::data, false}, {"NDEATH", Kind::death, false},
    {"DBIRTH", Kind::birth, true},  {"DDATA", Kind::data, true},  {"DDEATH", Kind::death, true},
    {"NCMD", Kind::other, false},   {"DCMD", Kind::other, true},
};

// A name of a node goes into the topic of a request, where these would be wildcards.
bool is_name(std::string_view level) noexcept {
  return is_id(level) && level.find_first_of("+#") == std::string_view::npos;
}

}  // namespace

std::variant<SparkplugTopic, Refusal> sparkplug_topic(std::string_view topic) noexcept {
  bool more = true;
  if (take_level(topic, more) != "spBv1.0" || !more) return Refusal::unsupported;
  SparkplugTopic read;
  read.group = take_level(topic, more);
  if (!more) return Refusal::unsupported;
  const std::string_view word = take_level(topic, more);
  if (read.group == "STATE" || word == "STATE") return read;  // of 3.0 and before
  const auto* const type = std::find_if(std::begin(message_types), std::end(message_types),
                                        [&](const MessageType& each) { return each.word == word; });
  if (type == std::end(message_types) || !more) return Refusal::unsupported;
  read.kind = type->kind;
  read.node = take_level(topic, more);
  if (more != type->of_device) return Refusal::unsupported;
  if (type->of_device) read.device = take_level(topic, more);
  if (more) return Refusal::unsupported;
  const bool has_names = is_name(read.group) && is_name(read.node) && (!type->of_device || is_name(read.device));
  if (!has_names) return Refusal::bad_id;
  return read;
}

}  // namespace edgetide
