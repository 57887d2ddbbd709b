// The words of an enum as users write and read them: one list, beside the enum.
//
// Thread: pure. Fails: never; a value without a word has an empty one.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace edgetide {

template <class Value>
struct EnumWord {
  Value value;
  std::string_view word;
};

template <class Value, std::size_t count>
constexpr std::string_view word_of(const EnumWord<Value> (&words)[count], Value value) noexcept {
  for (const EnumWord<Value>& one : words) {
    if (one.value == value) return one.word;
  }
  return {};
}

template <class Value, std::size_t count>
constexpr std::optional<Value> value_of(const EnumWord<Value> (&words)[count], std::string_view word) noexcept {
  for (const EnumWord<Value>& one : words) {
    if (one.word == word) return one.value;
  }
  return std::nullopt;
}

}  // namespace edgetide
