#include "sinks/row_topic.h"

#include <algorithm>
#include <array>

namespace edgetide {

namespace {

constexpr std::string_view label_prefix = "label.";
constexpr std::array<std::string_view, 5> all_names = {"gateway", "window", "sensor", "metric", label_prefix};
constexpr std::size_t max_topic_bytes = 65'535;
constexpr std::string_view not_in_topics("+#\0", 3);

std::string quoted(std::string_view text) {
  return '\'' + std::string(text) + '\'';
}

}  // namespace

std::span<const std::string_view> RowTopic::names() noexcept {
  return all_names;
}

std::optional<RowTopic::Fault> RowTopic::fault_of(std::string_view text) {
  std::vector<Part> parts;
  return parse(text, parts);
}

RowTopic::RowTopic(std::string_view text, std::string gateway, std::size_t max_levels)
    : gateway_(std::move(gateway)), max_levels_(max_levels) {
  parse(text, parts_);
}

std::optional<RowTopic::Fault> RowTopic::parse(std::string_view text, std::vector<Part>& parts) {
  if (text.empty()) return Fault{"is empty"};
  if (text.size() > max_topic_bytes) return Fault{"is longer than " + std::to_string(max_topic_bytes) + " bytes"};
  while (!text.empty()) {
    const std::size_t brace = std::min(text.find_first_of("{}"), text.size());
    const std::string_view fixed = text.substr(0, brace);
    if (fixed.find_first_of(not_in_topics) != fixed.npos) {
      return Fault{"names topics to publish to, which have no + or #"};
    }
    if (!fixed.empty()) parts.push_back({Part::Kind::fixed, std::string(fixed)});
    text.remove_prefix(brace);
    if (text.empty()) break;
    const std::size_t close = text.find('}');
    if (text.front() == '}' || close == text.npos) return Fault{"has a brace without its partner"};
    if (const auto fault = add_name(text.substr(1, close - 1), parts)) return fault;
    text.remove_prefix(close + 1);
  }
  return std::nullopt;
}

std::optional<RowTopic::Fault> RowTopic::add_name(std::string_view name, std::vector<Part>& parts) {
  using Kind = Part::Kind;
  constexpr std::array<Kind, 4> kinds = {Kind::gateway, Kind::window, Kind::sensor, Kind::metric};
  if (name.starts_with(label_prefix)) {
    name.remove_prefix(label_prefix.size());
    if (name.empty()) return Fault{"has {label.} without the name of a label"};
    parts.push_back({Kind::label, std::string(name)});
    return std::nullopt;
  }
  const auto* const found = std::find(all_names.begin(), all_names.begin() + kinds.size(), name);
  if (found == all_names.begin() + kinds.size()) {
    return Fault{"has the unknown name {" + std::string(name) + "}", std::string(name)};
  }
  parts.push_back({kinds[static_cast<std::size_t>(found - all_names.begin())], {}});
  return std::nullopt;
}

std::string_view RowTopic::value_of(const Part& part, const WindowSchema& window, const Series& series) const {
  switch (part.kind) {
    case Part::Kind::fixed:
      return part.text;
    case Part::Kind::gateway:
      return gateway_;
    case Part::Kind::window:
      return window.name;
    case Part::Kind::sensor:
      return series.grouped ? std::string_view() : series.sensor;
    case Part::Kind::metric:
      return series.grouped ? std::string_view() : series.metric;
    case Part::Kind::label:
      break;
  }
  const auto found = std::find_if(series.labels.begin(), series.labels.end(),
                                  [&](const Label& label) { return label.key == part.text; });
  return found == series.labels.end() ? std::string_view() : found->value;
}

std::string RowTopic::expand(const WindowSchema& window, const Series& series, std::string& topic) const {
  topic.clear();
  for (const Part& part : parts_) {
    const std::string_view value = value_of(part, window, series);
    if (part.kind != Part::Kind::fixed && value.find_first_of(not_in_topics) != value.npos) {
      return "a topic cannot hold the +, # or NUL of " + quoted(value);
    }
    topic += value;
  }
  if (topic.empty()) return "its topic is empty";
  if (topic.size() > max_topic_bytes) return "its topic is longer than " + std::to_string(max_topic_bytes) + " bytes";
  if (topic.front() == '$' && parts_.front().kind != Part::Kind::fixed) {
    return "its topic " + quoted(topic) + " would be one of the broker's own, which begin with $";
  }
  const auto levels = static_cast<std::size_t>(std::count(topic.begin(), topic.end(), '/')) + 1;
  if (levels <= max_levels_) return {};
  return "its topic " + quoted(topic) + " has " + std::to_string(levels) + " levels, max_topic_levels is " +
         std::to_string(max_levels_);
}

}  // namespace edgetide
