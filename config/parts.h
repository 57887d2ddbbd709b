// The parts that a build knows: kinds of sources, payload formats, windows and sinks, each with its name, its keys and
// what reads them. From here the key table, REFERENCE.md, the manual page, did-you-mean, `--version`, status and reload
// learn of them. How to add one: ADDING_PARTS.md.
//
// Thread: immutable values.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/key_table.h"
#include "config/learning.h"
#include "config/preset.h"
#include "config/section.h"
#include "daemon/decoders/decoder.h"
#include "daemon/decoders/id_text.h"
#include "daemon/sources/configured_source.h"
#include "pipeline/options.h"
#include "sinks/configured_sink.h"

namespace edgetide {

// What every part has.
struct Part {
  std::string_view name = {};               // as `type` or `format` names it: that of its line in the table
  std::string_view meaning;                 // for the reference: a sentence, or nothing where the name says it
  std::string_view library;                 // for `edgetide --version`: what it is built on, if that is not of ours
  std::vector<const KeyGroup*> keys = {};   // in the part's own table, besides those that every part of its kind has
  std::vector<const KeyGroup*> inner = {};  // of tables within it
};

// What the reader of a part needs besides its section.
struct PartContext {
  std::string name;  // NAME of [sources.NAME]
  std::string gateway_id;
  std::string state_directory;
  std::size_t max_id_bytes = edgetide::max_id_bytes;  // of routes that say none
  std::vector<const WindowOptions*> inputs = {};      // of a sink
};

// Two parts of one type that exclude each other: "sinks.b: has the file of sinks.a", reported at the key of the later
// one.
struct Clash {
  std::string_view key;     // where it is absent: the name of the later one
  std::string_view shares;  // "has the file of"
};

struct SourcePart : Part {
  using Configured = ConfiguredSource;
  bool maps_payloads = false;  // the keys of the mapping stand in its table
  std::shared_ptr<const ConfiguredSource> (*read)(const Section&, const PartContext&) = nullptr;
  std::optional<Clash> (*clash)(const ConfiguredSource& earlier, const ConfiguredSource& later) = nullptr;
};

struct SinkPart : Part {
  using Configured = ConfiguredSink;
  std::shared_ptr<const ConfiguredSink> standard;  // with its defaults, whose traits the reference prints
  std::shared_ptr<const ConfiguredSink> (*read)(const Section&, const PartContext&) = nullptr;
  std::optional<Clash> (*clash)(const ConfiguredSink& earlier, const ConfiguredSink& later) = nullptr;
  // Of windows that say none and whose rows go to such sinks only.
  Duration usual_trigger = WindowOptions().trigger;
};

// The reading of its keys; what it computes is the pipeline's.
struct WindowPart : Part {
  WindowKind kind = WindowKind::tumbling;
  void (*read)(const Section&, WindowOptions&) = nullptr;
};

// The keys of every mapping are read for all formats; `keys` are those that only this one has.
struct FormatPart : Part {
  const Format* format = nullptr;
  void (*set_defaults)(MappingOptions&) = nullptr;  // that differ from those of other formats
  std::shared_ptr<const FormatOptions> (*read)(const Section&) = nullptr;
  std::optional<Learning> learning = std::nullopt;
  std::string_view chapter = {};  // of the reference: "\n## HEADING\n\n..."
};

template <class AnyPart>
struct PartList {
  std::vector<AnyPart> built;
  std::vector<LeftOutWord> left_out;

  const AnyPart* find(std::string_view name) const {
    const auto found = std::find_if(built.begin(), built.end(), [&](const Part& part) { return part.name == name; });
    return found == built.end() ? nullptr : &*found;
  }
  std::vector<std::string_view> names() const {
    std::vector<std::string_view> names;
    for (const Part& part : built) names.push_back(part.name);
    return names;
  }
};

struct Parts {
  PartList<SourcePart> sources;
  PartList<FormatPart> formats;
  std::vector<Preset> presets;  // `format` may name one of them as well
  PartList<WindowPart> windows;
  PartList<SinkPart> sinks;
};

// The parts of this build.
const Parts& built_in_parts();

// The options of a configured source or sink, for tests and checks; nothing if it is of another kind.
template <template <class> class ConfiguredOf, class Options, class Configured>
const Options* options_in(const Configured& configured) {
  const auto* const found = dynamic_cast<const ConfiguredOf<Options>*>(&configured);
  return found == nullptr ? nullptr : &found->options();
}
template <class Options>
const Options* options_of(const ConfiguredSource& source) {
  return options_in<ConfiguredSourceOf, Options>(source);
}
template <class Options>
const Options* options_of(const ConfiguredSink& sink) {
  return options_in<ConfiguredSinkOf, Options>(sink);
}

}  // namespace edgetide
