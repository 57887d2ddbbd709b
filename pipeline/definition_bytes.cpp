#include "pipeline/definition_bytes.h"

#include <bit>
#include <utility>

namespace edgetide {

namespace {

constexpr std::size_t text_bytes_min = 4;

void save_texts(ByteWriter& out, const std::vector<std::string>& texts) {
  out.u32(static_cast<std::uint32_t>(texts.size()));
  for (const std::string& text : texts) out.text(text);
}

std::vector<std::string> load_texts(ByteReader& in) {
  std::vector<std::string> texts;
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && in.has(1, text_bytes_min); ++i) texts.emplace_back(in.text());
  return texts;
}

void save_real(ByteWriter& out, double value) {
  out.u64(std::bit_cast<std::uint64_t>(value));
}
double load_real(ByteReader& in) {
  return std::bit_cast<double>(in.u64());
}

void save_match(ByteWriter& out, const MatchOptions& match) {
  for (const auto* globs : {&match.source, &match.sensor, &match.metric}) save_texts(out, *globs);
  out.u32(static_cast<std::uint32_t>(match.labels.size()));
  for (const MatchOptions::LabelGlobs& label : match.labels) {
    out.text(label.label);
    save_texts(out, label.globs);
  }
  save_real(out, match.min);
  save_real(out, match.max);
}

MatchOptions load_match(ByteReader& in) {
  MatchOptions match;
  for (auto* globs : {&match.source, &match.sensor, &match.metric}) *globs = load_texts(in);
  const std::uint32_t labels = in.u32();
  for (std::uint32_t i = 0; i < labels && in.has(1, text_bytes_min); ++i) {
    std::string label(in.text());
    match.labels.push_back({std::move(label), load_texts(in)});
  }
  match.min = load_real(in);
  match.max = load_real(in);
  return match;
}

void save_aggregate(ByteWriter& out, const Aggregate& aggregate) {
  out.text(name_of(aggregate));
}

Aggregate load_aggregate(ByteReader& in) {
  const std::optional<Aggregate> aggregate = aggregate_named(in.text());
  in.require(aggregate.has_value());
  return aggregate.value_or(Aggregate());
}

void save_derived(ByteWriter& out, const DerivedMetric& derived) {
  out.text(derived.metric);
  out.text(derived.formula->text());
  out.u32(static_cast<std::uint32_t>(derived.inputs.size()));
  for (const DerivedMetric::Input& input : derived.inputs) {
    out.text(input.metric);
    save_aggregate(out, input.aggregate);
  }
}

DerivedMetric load_derived(ByteReader& in, const DefinitionMakers& makers) {
  DerivedMetric derived;
  derived.metric = in.text();
  derived.formula = makers.formula ? makers.formula(std::string(in.text())) : (in.text(), nullptr);
  in.require(derived.formula != nullptr);
  const std::uint32_t inputs = in.u32();
  for (std::uint32_t i = 0; i < inputs && in.has(1, text_bytes_min); ++i) {
    std::string metric(in.text());
    derived.inputs.push_back({std::move(metric), load_aggregate(in)});
  }
  return derived;
}

void load_time_zone(ByteReader& in, const DefinitionMakers& makers, WindowOptions& options) {
  const std::string name(in.text());
  if (name.empty()) return;
  if (makers.time_zone) options.time_zone = makers.time_zone(name);
  in.require(options.time_zone != nullptr);
}

constexpr Duration longest_duration = Duration::days(36'525);

// What config demands too: damaged bytes may say anything.
bool is_possible(const WindowOptions& options) noexcept {
  for (const Duration duration : {options.size, options.slide, options.gap, options.max_length, options.trigger}) {
    if (duration <= Duration() || duration > longest_duration) return false;
  }
  if (options.allowed_lateness < Duration() || options.allowed_lateness > longest_duration) return false;
  if (options.offset < Duration() - longest_duration || options.offset > longest_duration) return false;
  if (options.hold <= Duration() || !(options.reset_below >= 0 && options.reset_below <= 1)) return false;
  if (static_cast<std::size_t>(options.kind) >= window_kinds().size()) return false;
  const WindowTraits& kind = traits_of(options.kind);
  if (options.fill != Fill::none && (options.fill != Fill::last || !kind.fills)) return false;
  if (options.emit_empty && !kind.aligned) return false;
  return kind.is_possible(options) && options.group_by.size() <= (options.cube ? max_cube_columns : 64) &&
         (!options.top || options.top->n > 0);
}

}  // namespace

void save_definition(ByteWriter& out, const WindowOptions& options) {
  out.text(options.name);
  out.u8(static_cast<std::uint8_t>(options.kind));
  for (const Duration duration : {options.size, options.slide, options.gap, options.max_length, options.offset,
                                  options.allowed_lateness, options.trigger}) {
    out.duration(duration);
  }
  out.text(options.time_zone ? options.time_zone->name() : "");
  save_match(out, options.match);
  save_texts(out, options.group_by);
  out.u8(static_cast<std::uint8_t>((options.cube ? 1 : 0) | (options.deduplicate ? 2 : 0) |
                                   (options.emit_empty ? 4 : 0) | (options.complete ? 8 : 0) | (options.top ? 16 : 0) |
                                   (options.one_group ? 32 : 0)));
  if (options.top) {
    out.u64(options.top->n);
    save_aggregate(out, options.top->by);
  }
  out.u32(static_cast<std::uint32_t>(options.aggregates.size()));
  for (const Aggregate& aggregate : options.aggregates) save_aggregate(out, aggregate);
  out.u32(static_cast<std::uint32_t>(options.derived.size()));
  for (const DerivedMetric& derived : options.derived) save_derived(out, derived);
  out.u8(static_cast<std::uint8_t>(options.fill));
  out.duration(options.hold);
  save_real(out, options.reset_below);
}

std::optional<WindowOptions> load_definition(ByteReader& in, const DefinitionMakers& makers) {
  WindowOptions options;
  options.name = in.text();
  options.kind = static_cast<WindowKind>(in.u8());
  for (Duration* const duration : {&options.size, &options.slide, &options.gap, &options.max_length, &options.offset,
                                   &options.allowed_lateness, &options.trigger}) {
    *duration = in.duration();
  }
  load_time_zone(in, makers, options);
  options.match = load_match(in);
  options.group_by = load_texts(in);
  const std::uint8_t bits = in.u8();
  options.cube = (bits & 1U) != 0;
  options.deduplicate = (bits & 2U) != 0;
  options.emit_empty = (bits & 4U) != 0;
  options.complete = (bits & 8U) != 0;
  options.one_group = (bits & 32U) != 0;
  if ((bits & 16U) != 0) {
    const std::uint64_t n = in.u64();
    options.top = TopOptions{n, load_aggregate(in)};
  }
  options.aggregates.clear();
  const std::uint32_t aggregates = in.u32();
  for (std::uint32_t i = 0; i < aggregates && in.has(1, text_bytes_min); ++i) {
    options.aggregates.push_back(load_aggregate(in));
  }
  const std::uint32_t derived = in.u32();
  for (std::uint32_t i = 0; i < derived && in.has(1, text_bytes_min); ++i) {
    options.derived.push_back(load_derived(in, makers));
  }
  options.fill = static_cast<Fill>(in.u8());
  options.hold = in.duration();
  options.reset_below = load_real(in);
  if (!in.ok() || !in.at_end() || !is_possible(options)) return std::nullopt;
  return options;
}

}  // namespace edgetide
