// Sensor and metric names made of fixed text and "{names}": "{area}/{device}". A name is a capture of the topic, or
// "message.key", "message.content_type" or "message.property.NAME", which a transport may deliver beside the payload. A
// format with paths knows "payload.PATH" too, and "record.name", the name of the member that a record is.
//
// Owns:   its fixed text; an expansion points into it, into the topic, or into the batch.
// Thread: immutable after construction.
// Fails:  construction throws std::invalid_argument with a reason; a name without text, or more text
//         than an id holds, expands to nothing (empty).
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoder.h"

namespace edgetide {

inline constexpr std::string_view payload_name = "payload.";  // and a path
inline constexpr std::string_view record_name = "record.name";

class TextTemplate {
 public:
  // Which names that are no captures are looked up at expansion: none, those of the record and the payload, or all.
  // Others are errors.
  enum class Names { captures_only, of_payload, others };
  TextTemplate(std::string_view text, std::span<const std::string> capture_names, Names names = Names::captures_only);

  bool uses(std::string_view capture) const noexcept;
  // Those that are looked up.
  std::vector<std::string_view> others() const;

  std::string_view expand(const Message& message, std::string& scratch, DecodedBatch& batch) const {
    return expand(message, scratch, batch, [](std::string_view) { return std::string_view(); });
  }

  // `lookup(name)` gives the value of a name that is not a capture, empty if there is none.
  template <typename Lookup>
  std::string_view expand(const Message& message, std::string& scratch, DecodedBatch& batch, Lookup&& lookup) const {
    if (parts_.size() == 1) return text_of(parts_[0], message, lookup);
    scratch.clear();
    for (const Part& part : parts_) {
      const std::string_view text = text_of(part, message, lookup);
      if (text.empty()) return {};
      scratch += text;
    }
    return scratch.size() > batch.max_id_bytes ? std::string_view() : batch.keep(scratch);
  }

 private:
  struct Part {
    enum class Kind { fixed, capture, message_key, content_type, property, other } kind;
    std::string text;  // fixed text, or the name
    std::size_t capture = 0;
  };

  template <typename Lookup>
  static std::string_view text_of(const Part& part, const Message& message, Lookup& lookup) {
    if (part.kind == Part::Kind::fixed) return part.text;
    if (part.kind == Part::Kind::other) return lookup(std::string_view(part.text));
    if (part.kind != Part::Kind::capture) return beside_payload(part, message);
    return part.capture < message.captures.size() ? message.captures[part.capture].text : std::string_view();
  }
  static std::string_view beside_payload(const Part& part, const Message& message) noexcept;

  bool add_name_of_message(std::string_view name);
  void add_name(std::string_view name, std::span<const std::string> capture_names, Names names);
  std::vector<Part> parts_;
};

// The template a route uses: the configured one, else "{device}" or "{sensor}" ("{metric}") if the topic captures it,
// else none. Errors begin with the option's name.
std::optional<TextTemplate> sensor_template(const MappingOptions& options, std::span<const std::string> capture_names);
std::optional<TextTemplate> metric_template(const MappingOptions& options, std::span<const std::string> capture_names);
// The same as the format uses it: where lines have names, only a configured one.
std::optional<TextTemplate> metric_of_route(const MappingOptions& options, std::span<const std::string> capture_names);

// For a format whose lines have these names and no others.
// Fails: std::invalid_argument for another one in the template, "metric: ...".
void require_names(std::string_view option, const std::optional<TextTemplate>& text,
                   std::initializer_list<std::string_view> known);

}  // namespace edgetide
