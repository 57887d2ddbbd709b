#include "config/key_text.h"

#include <limits>

#include "config/section.h"
#include "config/size_text.h"
#include "pipeline/characters.h"

namespace edgetide {

std::string type_text(const KeySpec& key) {
  switch (key.type) {
    case ValueType::text:
      return "string";
    case ValueType::text_list:
      return "list of strings";
    case ValueType::text_or_list:
      return "string or list of strings";
    case ValueType::boolean:
      return "boolean";
    case ValueType::integer:
      return "whole number";
    case ValueType::number:
      return "number";
    case ValueType::duration:
      return "duration";
    case ValueType::duration_or_none:
      return "duration or `\"none\"`";
    case ValueType::size:
      return "size";
    case ValueType::rate_or_none:
      return "rate or `\"none\"`";
    case ValueType::text_or_table:
      return "string or table";
    case ValueType::table:
      return "table";
    case ValueType::table_list:
      return "list of tables";
    case ValueType::text_or_table_list:
      return "list of strings or tables";
    case ValueType::text_table:
      return "table of strings";
    case ValueType::word:
      break;
  }
  std::string words;
  for (const std::string_view word : key.words) words += (words.empty() ? "`\"" : ", `\"") + std::string(word) + "\"`";
  return words;
}

std::string default_text(const KeySpec& key) {
  if (key.required) return "required";
  if (key.standard.empty()) return "none";
  // What is written as TOML is code, the rest is prose.
  const char first = key.standard.front();
  const bool prose = key.standard.find(" if ") != std::string::npos || key.standard.find(", else") != std::string::npos;
  const bool literal = first == '"' || first == '[' || first == '{' || is_digit(first) || key.standard == "true" ||
                       key.standard == "false";
  return literal && !prose ? '`' + key.standard + '`' : key.standard;
}

std::string reload_text(const KeySpec& key) {
  switch (key.on_reload) {
    case OnReload::applies:
      return "yes";
    case OnReload::new_source:
      return "new source";
    case OnReload::new_window:
      return "new window";
    case OnReload::new_sink:
      return "new sink";
    case OnReload::restart:
      break;
  }
  return "restart";
}

std::string bounds_text(const KeySpec& key) {
  std::string text;
  const bool any_positive = key.min == 1 && key.type != ValueType::integer && key.type != ValueType::rate_or_none;
  if (key.min != std::numeric_limits<std::int64_t>::min()) {
    text = any_positive ? "more than 0" : "from " + bound_text(key.min, key.type);
  }
  if (key.max != std::numeric_limits<std::int64_t>::max()) {
    text += (text.empty() ? "to " : " to ") + bound_text(key.max, key.type);
  }
  return text;
}

std::vector<std::pair<std::string_view, std::string>> shown_traits(const SinkTraits& traits) {
  return {{"rows_go_to", std::string(name_of(traits.kind))},
          {"delivery", std::string(name_of(traits.delivery))},
          {"max_delivery_rows", std::to_string(traits.max_rows)},
          {"max_delivery_bytes", size_text(static_cast<std::int64_t>(traits.max_bytes))}};
}

}  // namespace edgetide
