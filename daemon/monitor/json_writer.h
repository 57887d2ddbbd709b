// JSON text, member by member; it adds the commas. Numbers that are not finite and optionals without a value are null;
// times are RFC 3339 where no form is named, durations seconds. Rows have their own writer (sinks/row_json.h), as there
// are many of them.
//
// Thread: one owner at a time. Fails: never.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/time.h"
#include "sinks/row_json.h"

namespace edgetide {

class JsonWriter {
 public:
  JsonWriter& open(char bracket) {
    separate();
    text_ += bracket;
    return *this;
  }
  JsonWriter& close(char bracket) {
    text_ += bracket;
    return *this;
  }
  JsonWriter& key(std::string_view name) {
    separate();
    append_json_text(text_, name);
    text_ += ':';
    return *this;
  }
  template <typename Value>
  JsonWriter& member(std::string_view name, const Value& member_value) {
    key(name);
    write(member_value);
    return *this;
  }
  JsonWriter& member(std::string_view name, Timestamp time, TimeText form) {
    key(name);
    append_json_time(text_, time, form);
    return *this;
  }
  template <typename Value>
  JsonWriter& value(const Value& element) {
    separate();
    write(element);
    return *this;
  }
  // An array of objects: each(element) writes the members.
  template <typename List, typename Each>
  JsonWriter& list(std::string_view name, const List& elements, Each each) {
    key(name).open('[');
    for (const auto& element : elements) {
      open('{');
      each(element);
      close('}');
    }
    return close(']');
  }

  std::string take() { return std::move(text_); }

 private:
  void separate() {
    if (text_.empty()) return;
    const char before = text_.back();
    if (before != '{' && before != '[' && before != ':') text_ += ',';
  }
  void write(bool value) { text_ += value ? "true" : "false"; }
  void write(std::string_view text) { append_json_text(text_, text); }
  void write(std::unsigned_integral auto value) { text_ += std::to_string(value); }
  void write(double value) { append_json_number(text_, value, false); }
  void write(Duration duration) { write(static_cast<double>(duration.count()) / 1e6); }
  void write(Timestamp time) { append_json_time(text_, time, TimeText::rfc3339); }
  template <typename Value>
  void write(const std::optional<Value>& value) {
    if (value) {
      write(*value);
    } else {
      text_ += "null";
    }
  }

  std::string text_;
};

}  // namespace edgetide
