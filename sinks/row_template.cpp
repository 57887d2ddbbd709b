#include "sinks/row_template.h"

#include <algorithm>
#include <array>
#include <utility>

namespace edgetide {

namespace {

constexpr std::string_view label_prefix = "label.";
constexpr std::array<std::string_view, 5> all_names = {"gateway", "window", "sensor", "metric", label_prefix};

}  // namespace

std::span<const std::string_view> RowTemplate::names() noexcept {
  return all_names;
}

std::optional<RowTemplate::Fault> RowTemplate::fault_of(std::string_view text) {
  std::vector<Part> parts;
  return parse(text, parts);
}

RowTemplate::RowTemplate(std::string_view text, std::string gateway) : gateway_(std::move(gateway)) {
  parse(text, parts_);
}

std::optional<RowTemplate::Fault> RowTemplate::parse(std::string_view text, std::vector<Part>& parts) {
  if (text.empty()) return Fault{"is empty"};
  while (!text.empty()) {
    const std::size_t brace = std::min(text.find_first_of("{}"), text.size());
    const std::string_view fixed = text.substr(0, brace);
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

std::optional<RowTemplate::Fault> RowTemplate::add_name(std::string_view name, std::vector<Part>& parts) {
  using Name = Part::Kind;
  constexpr std::array<Name, 4> kinds = {Name::gateway, Name::window, Name::sensor, Name::metric};
  if (name.starts_with(label_prefix)) {
    name.remove_prefix(label_prefix.size());
    if (name.empty()) return Fault{"has {label.} without the name of a label"};
    parts.push_back({Name::label, std::string(name)});
    return std::nullopt;
  }
  const auto* const found = std::find(all_names.begin(), all_names.begin() + kinds.size(), name);
  if (found == all_names.begin() + kinds.size()) {
    return Fault{"has the unknown name {" + std::string(name) + "}", std::string(name)};
  }
  parts.push_back({kinds[static_cast<std::size_t>(found - all_names.begin())], {}});
  return std::nullopt;
}

std::string_view RowTemplate::value_of(const Part& part, const WindowSchema& window, const Series& series) const {
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

}  // namespace edgetide
