#include "daemon/decoders/senml_name.h"

#include <algorithm>

#include "daemon/decoders/id_text.h"

namespace edgetide {

namespace {

constexpr std::string_view separators = ":/";

bool is_letter_or_digit(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string_view without_separators(std::string_view name) noexcept {
  while (name.size() > 1 && separators.find(name.back()) != std::string_view::npos) name.remove_suffix(1);
  return name;
}

// Where the URN at the front ends; 0: there is none.
std::size_t urn_size(std::string_view name) noexcept {
  std::size_t colons = name.starts_with("urn:dev:") ? 3 : name.starts_with("urn:") ? 2 : 0;
  if (colons == 0) return 0;
  std::size_t at = 0;
  for (; colons > 0; --colons) {
    at = name.find(':', at) + 1;
    if (at == 0) return 0;
  }
  return std::min(name.find_first_of(":/_", at), name.size());
}

struct NameParts {
  std::string_view device;
  std::string_view metric;  // empty: the name does not say
  bool has_urn = false;
};

NameParts parts_of(std::string_view name) noexcept {
  name = without_separators(name);
  const std::size_t urn = urn_size(name);
  const std::size_t end = urn > 0 ? urn : name.find_last_of(separators);
  if (end == std::string_view::npos || end == 0) return {name, {}};
  return {name.substr(0, end), name.substr(std::min(end + 1, name.size())), urn > 0};
}

}  // namespace

bool is_senml_name(std::string_view name) noexcept {
  if (name.empty() || !(is_letter_or_digit(name.front()) || name.front() == '/')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return is_letter_or_digit(c) || std::string_view("-:./_").find(c) != std::string_view::npos;
  });
}

bool SenmlNames::set(const SenmlName& name, std::string_view unit, const Message& message, DecodedReading& reading,
                     DecodedBatch& out) {
  NameParts parts = parts_of(name.whole);
  std::string_view whole = name.whole;
  if (parts.metric.empty() && sensor_ && !parts.has_urn) {
    parts.metric = parts.device;
  } else if (parts.metric.empty()) {
    parts.metric = unit.empty() ? std::string_view("value") : unit;
    if (sensor_ && !metric_) whole = out.keep(scratch_.assign(parts.device).append(1, ':').append(parts.metric));
  }
  const auto expand = [&](const TextTemplate& text) {
    return text.expand(message, scratch_, out, [&](std::string_view part) {
      if (part == "name") return name.whole;
      if (part == "device") return parts.device;
      if (part == "metric") return parts.metric;
      if (part == "bn") return without_separators(name.base);
      return part == "n" ? name.own : std::string_view();
    });
  };
  reading.sensor = sensor_ ? expand(*sensor_) : parts.device;
  reading.metric = metric_ ? expand(*metric_) : sensor_ ? whole : parts.metric;
  return is_id(reading.sensor, out.max_id_bytes) && is_id(reading.metric, out.max_id_bytes);
}

}  // namespace edgetide
