#include "daemon/decoders/text_template.h"

#include <algorithm>
#include <initializer_list>
#include <stdexcept>

#include "daemon/decoders/id_text.h"

namespace edgetide {

namespace {

std::string list_of(std::span<const std::string> names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "{" : ", {") + name + "}";
  return list.empty() ? "nothing" : list;
}

bool captured(std::span<const std::string> capture_names, std::string_view name) {
  return std::find(capture_names.begin(), capture_names.end(), name) != capture_names.end();
}

std::optional<TextTemplate> template_of(std::string_view option, const std::string& text,
                                        std::initializer_list<std::string_view> defaults, const Format& format,
                                        std::span<const std::string> capture_names) {
  const auto names = format.lines_have_names ? TextTemplate::Names::others
                     : format.has_paths      ? TextTemplate::Names::of_payload
                                             : TextTemplate::Names::captures_only;
  try {
    if (!text.empty()) return TextTemplate(text, capture_names, names);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string(option) + ": " + error.what());
  }
  for (const std::string_view name : defaults) {
    if (captured(capture_names, name)) return TextTemplate("{" + std::string(name) + "}", capture_names);
  }
  return std::nullopt;
}

bool is_looked_up(std::string_view name, TextTemplate::Names names) noexcept {
  if (names == TextTemplate::Names::others) return !name.empty();
  if (names == TextTemplate::Names::captures_only) return false;
  return name == record_name || (name.starts_with(payload_name) && name.size() > payload_name.size());
}

}  // namespace

TextTemplate::TextTemplate(std::string_view text, std::span<const std::string> capture_names, Names names) {
  const std::string quoted = "'" + std::string(text) + "'";
  if (!is_id(text)) throw std::invalid_argument(quoted + " must be 1 to 128 bytes of printable text");
  while (!text.empty()) {
    const std::size_t brace = std::min(text.find_first_of("{}"), text.size());
    if (brace > 0) parts_.push_back({Part::Kind::fixed, std::string(text.substr(0, brace))});
    text.remove_prefix(brace);
    if (text.empty()) break;
    const std::size_t close = text.find('}');
    if (text.front() == '}' || close == std::string_view::npos) {
      throw std::invalid_argument(quoted + " has a brace without its partner");
    }
    add_name(text.substr(1, close - 1), capture_names, names);
    text.remove_prefix(close + 1);
  }
}

std::string_view TextTemplate::beside_payload(const Part& part, const Message& message) noexcept {
  if (part.kind == Part::Kind::message_key) return message.key;
  if (part.kind == Part::Kind::content_type) return message.content_type;
  const auto found = std::find_if(message.properties.begin(), message.properties.end(),
                                  [&](const MessageProperty& property) { return property.name == part.text; });
  return found == message.properties.end() ? std::string_view() : found->value;
}

// No capture has a '.' in its name.
bool TextTemplate::add_name_of_message(std::string_view name) {
  constexpr std::string_view property = "message.property.";
  if (name == "message.key") {
    parts_.push_back({Part::Kind::message_key, {}});
  } else if (name == "message.content_type") {
    parts_.push_back({Part::Kind::content_type, {}});
  } else if (name.starts_with(property) && name.size() > property.size()) {
    parts_.push_back({Part::Kind::property, std::string(name.substr(property.size()))});
  } else {
    return false;
  }
  return true;
}

void TextTemplate::add_name(std::string_view name, std::span<const std::string> capture_names, Names names) {
  const auto found = std::find(capture_names.begin(), capture_names.end(), name);
  if (add_name_of_message(name)) return;
  if (found != capture_names.end()) {
    parts_.push_back({Part::Kind::capture, std::string(name), static_cast<std::size_t>(found - capture_names.begin())});
  } else if (is_looked_up(name, names)) {
    parts_.push_back({Part::Kind::other, std::string(name)});
  } else {
    throw std::invalid_argument("'{" + std::string(name) + "}' is not captured by the topic, which captures " +
                                list_of(capture_names));
  }
}

bool TextTemplate::uses(std::string_view capture) const noexcept {
  return std::any_of(parts_.begin(), parts_.end(),
                     [&](const Part& part) { return part.kind == Part::Kind::capture && part.text == capture; });
}

std::vector<std::string_view> TextTemplate::others() const {
  std::vector<std::string_view> names;
  for (const Part& part : parts_) {
    if (part.kind == Part::Kind::other) names.push_back(part.text);
  }
  return names;
}

std::optional<TextTemplate> sensor_template(const MappingOptions& options, std::span<const std::string> capture_names) {
  return template_of("sensor", options.sensor, {"device", "sensor"}, *options.format, capture_names);
}

std::optional<TextTemplate> metric_template(const MappingOptions& options, std::span<const std::string> capture_names) {
  return template_of("metric", options.metric, {"metric"}, *options.format, capture_names);
}

std::optional<TextTemplate> metric_of_route(const MappingOptions& options, std::span<const std::string> capture_names) {
  if (options.format->lines_have_names && options.metric.empty()) return std::nullopt;
  return metric_template(options, capture_names);
}

void require_names(std::string_view option, const std::optional<TextTemplate>& text,
                   std::initializer_list<std::string_view> known) {
  if (!text) return;
  for (const std::string_view name : text->others()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw std::invalid_argument(std::string(option) + ": '{" + std::string(name) +
                                "}' is neither captured by the topic nor a name of the format");
  }
}

}  // namespace edgetide
