#include "pipeline/options_bytes.h"

#include <utility>

#include "pipeline/bytes.h"
#include "pipeline/definition_bytes.h"

namespace edgetide {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t source_bytes_min = 39, window_bytes_min = 8;
constexpr std::size_t max_series_believed = 10'000'000;

void save_time(ByteWriter& out, const TimeOptions& time) {
  out.duration(time.max_out_of_orderness);
  out.duration(time.idle_timeout);
  out.u8(static_cast<std::uint8_t>(time.scope));
  out.duration(time.max_future);
  out.duration(time.oldest);
  out.u8(static_cast<std::uint8_t>(time.on_bad_time));
}

TimeOptions load_time(ByteReader& in) {
  TimeOptions time;
  time.max_out_of_orderness = in.duration();
  time.idle_timeout = in.duration();
  time.scope = static_cast<WatermarkScope>(in.u8());
  time.max_future = in.duration();
  time.oldest = in.duration();
  time.on_bad_time = static_cast<BadTimePolicy>(in.u8());
  for (const Duration each : {time.max_out_of_orderness, time.idle_timeout, time.max_future, time.oldest}) {
    in.require(each >= Duration());
  }
  in.require(time.scope <= WatermarkScope::stream && time.on_bad_time <= BadTimePolicy::drop);
  return time;
}

void save_window(ByteWriter& out, const WindowOptions& window) {
  const std::size_t definition = out.begin_text();
  save_definition(out, window);
  out.end_text(definition);
  out.u32(static_cast<std::uint32_t>(window.inputs.size()));
  for (const SourceId input : window.inputs) out.u32(index_of(input));
}

void load_window(ByteReader& in, PipelineOptions& options) {
  ByteReader definition(in.text());
  std::optional<WindowOptions> window = load_definition(definition, options.makers);
  in.require(window.has_value());
  const std::uint32_t inputs = in.u32();
  for (std::uint32_t i = 0; i < inputs && in.has(1, sizeof(std::uint32_t)); ++i) {
    const std::uint32_t input = in.u32();
    in.require(input < options.sources.size());
    if (in.ok()) window->inputs.push_back(SourceId{input});
  }
  if (in.ok()) options.windows.push_back(*std::move(window));
}

}  // namespace

std::string options_bytes(const PipelineOptions& options) {
  std::string bytes;
  ByteWriter out(bytes);
  out.u8(version);
  save_time(out, options.default_time);
  out.u32(static_cast<std::uint32_t>(options.sources.size()));
  for (const SourceOptions& source : options.sources) {
    out.text(source.name);
    save_time(out, source.time);
    out.u8(source.is_awaited ? 1 : 0);
  }
  out.u32(static_cast<std::uint32_t>(options.windows.size()));
  for (const WindowOptions& window : options.windows) save_window(out, window);
  for (const std::size_t limit :
       {options.max_series, options.new_series_per_minute, options.max_memory_bytes, options.max_epoch_rows}) {
    out.u64(limit);
  }
  return bytes;
}

std::optional<PipelineOptions> load_options(std::string_view bytes, const PipelineOptions& present) {
  ByteReader in(bytes);
  if (in.u8() != version) return std::nullopt;
  PipelineOptions options;
  options.makers = present.makers;
  options.hash_seed = present.hash_seed;
  options.default_time = load_time(in);
  const std::uint32_t sources = in.u32();
  for (std::uint32_t i = 0; i < sources && in.has(1, source_bytes_min); ++i) {
    std::string name(in.text());
    const TimeOptions time = load_time(in);
    options.sources.push_back({std::move(name), time, in.u8() != 0});
  }
  const std::uint32_t windows = in.u32();
  in.require(windows <= max_windows);
  for (std::uint32_t i = 0; i < windows && in.has(1, window_bytes_min); ++i) load_window(in, options);
  for (std::size_t* const limit :
       {&options.max_series, &options.new_series_per_minute, &options.max_memory_bytes, &options.max_epoch_rows}) {
    *limit = in.u64();
    in.require(*limit > 0);
  }
  in.require(options.max_series <= max_series_believed);
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return options;
}

}  // namespace edgetide
