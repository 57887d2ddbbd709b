// A payload format: its name, the keys of a mapping that it uses, and what makes its decoder. A format is one constant
// beside its decoder, and one line in config/built_in_parts.cpp.
//
// Thread: immutable.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/framing.h"

namespace edgetide {

class Decoder;
struct MappingOptions;

// Options that only one format has. A route that is read again is the same if these are.
class FormatOptions {
 public:
  virtual ~FormatOptions() = default;
  virtual bool is_same(const FormatOptions& other) const = 0;
};

struct Format {
  std::string_view name;
  // Of `sensor.path`, `metric.path`, `time.path`, `time.time_of_day`, `each`, `parallel_arrays`, `values`, `ignore`,
  // `labels`, `dedupe`, `unit`, `coerce_strings`, `states`, `timezone`, `columns`, `delimiter`; REFERENCE.md prints for
  // each key the formats that take it. The templates of sensor and metric, and how a time is written, are for all
  // formats.
  std::vector<std::string_view> takes;
  // Fails: std::invalid_argument with a reason that begins with the key it is about.
  std::unique_ptr<Decoder> (*make)(const MappingOptions& options, std::span<const std::string> capture_names);
  bool lines_have_names = false;       // "{tag}" in a template may name what the payload has, besides captures
  bool has_paths = false;              // "{payload.PATH}" and "{record.name}" too
  bool needs_topic = false;            // its names are in the topic: only for sources with routes
  bool has_header = false;             // without `columns` the first line of each message names them
  Framing framing = Framing::newline;  // of a stream of its messages; other than newline: lines are only parts of one
};

}  // namespace edgetide
