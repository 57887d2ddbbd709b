// Whether a JSON value fits a JSON Schema, as far as our schemas use the language: type, enum, minimum, properties,
// additionalProperties (a schema), required, oneOf, anyOf, not. Another keyword that constrains fails the test.
//
// Thread: pure. Fails: the first fault, in words; empty: it fits.
#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <string_view>

#include "daemon/decoders/json.h"

namespace edgetide::test {

inline bool is_of_json_type(JsonValue value, std::string_view type) {
  switch (value.kind()) {
    case JsonKind::null:
      return type == "null";
    case JsonKind::boolean:
      return type == "boolean";
    case JsonKind::number:
      return type == "number" || (type == "integer" && value.integer());
    case JsonKind::text:
      return type == "string" && !is_bare(value.text());
    case JsonKind::array:
      return type == "array";
    case JsonKind::object:
      return type == "object";
  }
  return false;
}

std::string schema_fault(JsonValue schema, JsonValue value);

inline std::string members_fault(JsonValue schema, JsonValue value) {
  const auto properties = schema.find("properties"), others = schema.find("additionalProperties");
  for (const JsonMember& member : value.members()) {
    const auto known = properties ? properties->find(member.key) : std::nullopt;
    const auto rule = known ? known : others;
    if (!rule) continue;
    const std::string fault = schema_fault(*rule, member.value);
    if (!fault.empty()) return std::string(member.key) + ": " + fault;
  }
  return {};
}

// A list's members, or a value that stands for a list of one.
template <class Fits>
int count_of(JsonValue list, const Fits& fits) {
  if (!list.is(JsonKind::array)) return fits(list) ? 1 : 0;
  int count = 0;
  for (const JsonValue each : list.elements()) count += fits(each) ? 1 : 0;
  return count;
}

inline std::string keyword_fault(std::string_view keyword, JsonValue rule, JsonValue value) {
  if (keyword == "type") {
    return count_of(rule, [&](JsonValue word) { return is_of_json_type(value, word.text()); }) > 0 ? ""
                                                                                                   : "another type";
  }
  if (keyword == "enum") {
    return count_of(rule, [&](JsonValue word) { return word.text() == value.text(); }) > 0 ? "" : "another word";
  }
  if (keyword == "minimum") return value.number() >= rule.number() ? "" : "less";
  if (keyword == "required") {
    return count_of(rule, [&](JsonValue name) { return !value.find(name.text()); }) == 0 ? "" : "a member is missing";
  }
  const auto fits = [&](JsonValue one) { return schema_fault(one, value).empty(); };
  if (keyword == "oneOf") return count_of(rule, fits) == 1 ? "" : "not exactly one fits";
  if (keyword == "anyOf") return count_of(rule, fits) > 0 ? "" : "none fits";
  if (keyword == "not") return schema_fault(rule, value).empty() ? "what must not fit" : "";
  constexpr std::string_view handled[] = {"$schema", "$id",     "title",      "description",
                                          "format",  "pattern", "properties", "additionalProperties"};
  EXPECT_NE(std::find(std::begin(handled), std::end(handled), keyword), std::end(handled)) << keyword;
  return {};
}

inline std::string schema_fault(JsonValue schema, JsonValue value) {
  for (const JsonMember& each : schema.members()) {
    const std::string fault = keyword_fault(each.key, each.value, value);
    if (!fault.empty()) return fault;
  }
  return members_fault(schema, value);
}

}  // namespace edgetide::test
