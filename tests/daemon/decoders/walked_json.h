// A document, written again from all that the facade of the parser shows of it.
#pragma once

#include <string>

#include "daemon/decoders/json.h"

namespace edgetide {

// `number(value, out)` appends a number.
template <typename Number>
void append_walked(JsonValue value, std::string& out, Number&& number) {
  switch (value.kind()) {
    case JsonKind::null:
      out += "null";
      break;
    case JsonKind::boolean:
      out += value.boolean() ? "true" : "false";
      break;
    case JsonKind::number:
      number(value, out);
      break;
    case JsonKind::text:
      out.append("'").append(value.text()).append("'");
      break;
    case JsonKind::array:
      out += '[';
      for (const JsonValue element : value.elements()) {
        append_walked(element, out, number);
        out += ' ';
      }
      out += ']';
      break;
    case JsonKind::object:
      out += '{';
      for (const auto& [key, member] : value.members()) {
        out.append(key).append(":");
        append_walked(member, out, number);
        out += ' ';
      }
      out += '}';
      break;
  }
}

}  // namespace edgetide
