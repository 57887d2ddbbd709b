#include "daemon/decoders/dotted_name.h"

#include <algorithm>

#include "daemon/decoders/id_text.h"
#include "pipeline/whole_number.h"

namespace edgetide {

namespace {

// The part of that number, from 1; empty if there is none.
std::string_view part_of(std::string_view path, std::string_view number) noexcept {
  const std::size_t wanted = whole_number<std::size_t>(number).value_or(0);
  if (wanted == 0) return {};
  for (std::size_t part = 1; part < wanted; ++part) {
    const std::size_t dot = path.find('.');
    if (dot == std::string_view::npos) return {};
    path.remove_prefix(dot + 1);
  }
  return path.substr(0, path.find('.'));
}

}  // namespace

DottedNames::DottedNames(const MappingOptions& options, std::span<const std::string> capture_names)
    : sensor_(sensor_template(options, capture_names)), metric_(metric_of_route(options, capture_names)) {}

std::string_view DottedNames::name(std::string_view path, std::size_t first_label, const Message& message,
                                   DecodedReading& reading, DecodedBatch& out) {
  const auto tags = std::span<const LabelView>(out.labels).subspan(first_label);
  const std::size_t dot = path.rfind('.');
  const bool has_parts = dot != std::string_view::npos;
  if (sensor_) {
    reading.sensor = expand(*sensor_, path, tags, message, out);
    reading.metric = path;
  } else {
    reading.sensor = has_parts ? path.substr(0, dot) : path;
    reading.metric = has_parts ? path.substr(dot + 1) : std::string_view("value");
  }
  if (metric_) reading.metric = expand(*metric_, path, tags, message, out);
  reading.first_label = static_cast<std::uint32_t>(first_label);
  reading.label_count = static_cast<std::uint8_t>(tags.size());
  if (!is_id(reading.sensor, out.max_id_bytes)) return "sensor";
  return is_id(reading.metric, out.max_id_bytes) ? std::string_view() : "metric";
}

std::string_view DottedNames::expand(const TextTemplate& text, std::string_view path, std::span<const LabelView> tags,
                                     const Message& message, DecodedBatch& out) {
  return text.expand(message, scratch_, out, [&](std::string_view name) {
    if (name == "path") return path;
    const std::string_view part = part_of(path, name);
    return part.empty() ? tag_named(tags, name) : part;
  });
}

}  // namespace edgetide
