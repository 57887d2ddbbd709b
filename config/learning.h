// How `edgetide learn` finds a payload format in messages of an unknown broker: what it tries, what it makes of the
// topics, and which keys it looks for. Part of the format's FormatPart; one without is never found.
//
// Thread: plain values.
#pragma once

#include <string_view>
#include <vector>

namespace edgetide {

struct Learning {
  // Of formats that read as many of the payloads, the one with the lowest is taken: the more a format asks of a
  // payload, the less likely it reads it by chance.
  int rank = 0;
  // Further keys of the mapping to try it with, as lines of TOML, one after another. "" is none.
  std::vector<std::string_view> variants = {""};
  bool (*may_be)(std::string_view payload) = nullptr;  // by its first bytes; null: any
  bool needs_times = false;                            // every value has one, which can be read
  // What tells devices and metrics apart.
  bool names_sensor = false;  // the payload: the topic is only matched
  bool is_value = false;      // the payload is nothing but a value: the last level of the topic names it
  // Where it may have a time, and the sensor if there is one topic: members at the root of a JSON text, or names that
  // are tried one after another.
  enum class Names { none, json_members, tried } names = Names::none;
  // Topics whose messages are of this format, whatever they hold; "": the topic says nothing.
  std::string_view topics = {};
};

}  // namespace edgetide
