// Rows of the key table, as short as they can be written. For the key table and the parts.
//
// Thread: any. Fails: never.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/key_table.h"
#include "config/size_text.h"
#include "pipeline/enum_word.h"
#include "pipeline/time_text.h"

namespace edgetide::keys {

inline std::string in_quotes(std::string_view text) {
  return '"' + std::string(text) + '"';
}

inline KeySpec text(std::string_view name, std::string standard, std::string meaning) {
  return {.name = name, .type = ValueType::text, .standard = std::move(standard), .meaning = std::move(meaning)};
}
inline KeySpec of_type(ValueType type, std::string_view name, std::string standard, std::string meaning) {
  return {.name = name, .type = type, .standard = std::move(standard), .meaning = std::move(meaning)};
}
inline KeySpec boolean(std::string_view name, bool standard, std::string meaning) {
  return of_type(ValueType::boolean, name, standard ? "true" : "false", std::move(meaning));
}
inline KeySpec integer(std::string_view name, std::string standard, std::int64_t min, std::int64_t max,
                       std::string meaning) {
  KeySpec spec = of_type(ValueType::integer, name, std::move(standard), std::move(meaning));
  spec.min = min;
  spec.max = max;
  return spec;
}
inline KeySpec integer(std::string_view name, std::int64_t standard, std::int64_t min, std::int64_t max,
                       std::string meaning) {
  return integer(name, std::to_string(standard), min, max, std::move(meaning));
}
inline KeySpec number(std::string_view name, std::string standard, std::string meaning) {
  return of_type(ValueType::number, name, std::move(standard), std::move(meaning));
}
inline KeySpec duration(std::string_view name, Duration standard, Duration min, Duration max, std::string meaning) {
  KeySpec spec = of_type(ValueType::duration, name, in_quotes(to_text(standard)), std::move(meaning));
  spec.min = min.count();
  spec.max = max.count();
  return spec;
}
inline KeySpec duration_or_none(std::string_view name, Duration standard, Duration min, std::string meaning) {
  KeySpec spec = duration(name, standard, min, Duration::unlimited(), std::move(meaning));
  spec.type = ValueType::duration_or_none;
  return spec;
}
inline KeySpec size(std::string_view name, std::size_t standard, std::int64_t min, std::int64_t max,
                    std::string meaning) {
  KeySpec spec =
      of_type(ValueType::size, name, in_quotes(size_text(static_cast<std::int64_t>(standard))), std::move(meaning));
  spec.min = min;
  spec.max = max;
  return spec;
}
inline KeySpec rate_or_none(std::string_view name, std::int64_t min_per_hour, std::int64_t max_per_hour,
                            std::string meaning) {
  KeySpec spec = of_type(ValueType::rate_or_none, name, in_quotes("none"), std::move(meaning));
  spec.min = min_per_hour;
  spec.max = max_per_hour;
  return spec;
}
inline KeySpec word(std::string_view name, std::vector<std::string_view> words, std::size_t standard,
                    std::string meaning) {
  KeySpec spec = of_type(ValueType::word, name, in_quotes(words[standard]), std::move(meaning));
  spec.words = std::move(words);
  return spec;
}
// Of an enum whose words stand beside it.
template <class Value, std::size_t count>
KeySpec word(std::string_view name, const EnumWord<Value> (&words)[count], Value standard, std::string meaning) {
  KeySpec spec = of_type(ValueType::word, name, in_quotes(word_of(words, standard)), std::move(meaning));
  for (const EnumWord<Value>& one : words) spec.words.push_back(one.word);
  return spec;
}
// The key that chooses a part; its words are those of the parts.
inline KeySpec part_word(std::string_view name, std::string standard, std::string meaning) {
  return of_type(ValueType::word, name, std::move(standard), std::move(meaning));
}
inline KeySpec required(KeySpec spec) {
  spec.required = true;
  spec.standard.clear();
  return spec;
}

// May have control characters: a secret, or text that is taken as it is.
inline KeySpec free_text(KeySpec spec) {
  spec.free_text = true;
  return spec;
}

inline KeySpec on_reload(OnReload what, KeySpec spec) {
  spec.on_reload = what;
  return spec;
}

inline KeyGroup on_reload(OnReload what, KeyGroup group) {
  for (KeySpec& key : group.keys) key.on_reload = what;
  return group;
}

}  // namespace edgetide::keys
