// Every key of the configuration: its type, default, bounds and meaning. One table, made from the parts (parts.h) and
// what they have in common, drives the check for unknown keys, the reading (bounds, words) and REFERENCE.md, so that
// they cannot differ.
//
// Units:  bounds in microseconds for durations, bytes for sizes, rows per hour for rates, else as written.
// Thread: immutable after the first use.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace edgetide {

enum class ValueType {
  text,
  text_list,
  text_or_list,  // a text, or a list of them
  boolean,
  integer,
  number,
  duration,
  duration_or_none,
  size,
  rate_or_none,
  word,           // one of `words`
  text_or_table,  // a text, or a table of the named group
  table,
  table_list,
  text_or_table_list,
  text_table,  // free keys, strings as values
};

// The effect of a changed key when the configuration is read again.
enum class OnReload {
  applies,     // and nothing else changes
  new_source,  // its source is stopped and started again
  new_window,  // the rows of its window leave, and it begins empty
  new_sink,    // its sink is stopped and started again, and keeps the rows in its outbox
  restart,     // nothing, until then
};

// A word that names something which this build does not have, and the CMake option that brings it.
struct LeftOutWord {
  std::string_view word;
  std::string_view option;
};

struct KeySpec {
  std::string_view name;
  ValueType type = ValueType::text;
  std::string standard;  // the default as it would be written; empty: none
  std::string meaning;
  bool required = false;
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::vector<std::string_view> words = {};  // in the order of their enum
  std::vector<LeftOutWord> left_out = {};    // further words, of which the message says what brings them
  OnReload on_reload = OnReload::applies;
  bool free_text = false;  // its value, with all below it, may have control characters
};

// Keys that stand together in a table; a table may take several groups.
struct KeyGroup {
  std::string_view title;  // where the keys stand
  std::string_view intro;
  std::vector<KeySpec> keys;

  const KeySpec* find(std::string_view name) const noexcept;
};

struct Parts;

// All keys: those of every configuration, and those of the parts.
struct KeyTable {
  // Requires: the parts outlive the table.
  explicit KeyTable(const Parts& of);
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;

  const Parts& parts;
  KeyGroup top, gateway, log, clock, http, metrics, time, limits, journal, checkpoint, quarantine;
  KeyGroup source, mapping, payload_field, time_field, value_field, dedupe_field;
  KeyGroup table, window, match, top_rows;
  KeyGroup sink, outbox;
  KeyGroup test, test_message;
  // The groups of the parts of a kind, each once.
  std::vector<const KeyGroup*> source_parts, format_parts, window_parts, sink_parts;

  std::vector<const KeyGroup*> groups() const;  // in the order of the reference
};

}  // namespace edgetide
