// `edgetide replay`: runs recorded input through the same pipeline, on a virtual clock that arrivals and ticks advance.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <limits>
#include <optional>
#include <stdexcept>
#include <unordered_map>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/commands/replay_input.h"
#include "daemon/commands/restart_folder.h"
#include "daemon/enrichment/enrichment.h"
#include "daemon/monitor/summary.h"
#include "daemon/outbox/row_selection.h"
#include "pipeline/pipeline.h"
#include "sinks/row_json.h"

namespace edgetide {

namespace {

constexpr std::size_t output_block_bytes = 1 << 16;

// A reading without "source" comes from the only configured source, or else from an extra one that feeds every window.
PipelineOptions with_default_source(PipelineOptions options, SourceId& default_source) {
  default_source = SourceId{0};
  if (options.sources.size() == 1) return options;
  default_source = SourceId{static_cast<std::uint32_t>(options.sources.size())};
  options.sources.push_back({"replay", options.default_time});
  for (WindowOptions& window : options.windows) window.inputs.push_back(default_source);
  return options;
}

// The output replaces the sinks, so its mode decides what windows emit. It takes all rows of an epoch.
PipelineOptions with_mode(PipelineOptions options, OutputMode mode) {
  options.max_epoch_rows = std::numeric_limits<std::size_t>::max();
  for (WindowOptions& window : options.windows) window.complete = mode == OutputMode::complete;
  return options;
}

std::vector<WindowId> all_windows(const PipelineOptions& options) {
  std::vector<WindowId> windows;
  for (std::uint32_t i = 0; i < options.windows.size(); ++i) windows.push_back(WindowId{i});
  return windows;
}

class Replay {
 public:
  Replay(const ReplayOptions& options, const GatewayOptions& configured, std::ostream& output)
      : options_(options),
        enrichment_(configured.enrichment.tables_by_source()),
        pipeline_options_(with_mode(with_default_source(configured.pipeline, default_source_), options.mode)),
        pipeline_(pipeline_options_),
        schemas_(schemas_of(pipeline_options_.windows, all_windows(pipeline_options_))),
        selection_(pipeline_options_.windows, all_windows(pipeline_options_), options.mode),
        output_(output) {
    for (std::uint32_t i = 0; i < pipeline_options_.sources.size(); ++i) {
      source_ids_.emplace(pipeline_options_.sources[i].name, SourceId{i});
    }
  }

  void line(std::string_view text) {
    ++line_number_;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) return;
    std::visit([this](const auto& line) { take(line); }, parser_.parse(text));
  }

  void finish() {
    watermarks_ = pipeline_.watermarks();  // as the input left them, not as --flush does
    if (options_.flush) {
      pipeline_.raise_watermarks(Timestamp::latest());
      fire(Fire::all);
    }
    output_ << out_ << std::flush;
  }

  std::string summary() const {
    return summary_json(pipeline_, watermarks_, rows_,
                        options_.numeric_time ? TimeText::microseconds : TimeText::rfc3339);
  }

 private:
  void take(const ReplayReading& reading) {
    if (reading.arrival) move_clock(*reading.arrival);
    const std::optional<SourceId> source = source_of(reading.source);
    if (!source)
      return refuse({Refusal::unknown_source, "source '" + std::string(reading.source) + "' is not configured"});
    const std::optional<Moment> now = clock();
    if (!reading.time && !now) return refuse({Refusal::bad_time, "no 'time', and no arrival or tick yet"});
    const std::optional<SeriesId> series = series_of(*source, reading);
    if (!series) return;  // counted as refused
    const Reading one{*series, reading.time ? *reading.time : now->wall, reading.value};
    pipeline_.apply({*source, now, std::span<const Reading>(&one, 1)});
  }

  void take(const ReplayTick& tick) {
    move_clock(tick.time);
    fire(Fire::due);
  }
  void take(const ReplayWatermark& watermark) { pipeline_.raise_watermarks(watermark.time); }
  void take(const ReplayRestart&) {
    if (!restart_folder_) restart_folder_.emplace();
    const std::string snapshot = restart_folder_->through_disk(pipeline_.snapshot());
    pipeline_ = Pipeline(pipeline_options_);
    if (const auto error = pipeline_.restore(snapshot)) throw std::runtime_error("restart: " + *error);
    if (clock_) connect_sources();
  }
  void take(const ReplayError& error) { refuse(error); }

  void refuse(const ReplayError& error) {
    const std::string text = options_.input + ":" + std::to_string(line_number_) + ": " + error.text;
    if (options_.strict) throw std::runtime_error(text);
    std::cerr << text << '\n';
    pipeline_.refuse(default_source_, error.reason);
  }

  std::optional<SourceId> source_of(std::string_view name) const {
    if (name.empty()) return default_source_;
    const auto found = source_ids_.find(std::string(name));
    return found == source_ids_.end() ? std::nullopt : std::optional(found->second);
  }

  std::optional<SeriesId> series_of(SourceId source, const ReplayReading& reading) {
    if (const auto known = pipeline_.series().find(reading.sensor, reading.metric)) return known;
    Series series{std::string(reading.sensor), std::string(reading.metric), {}, {}};
    for (const LabelView& label : reading.labels)
      series.labels.push_back({std::string(label.key), std::string(label.value)});
    std::sort(series.labels.begin(), series.labels.end(), [](const Label& a, const Label& b) { return a.key < b.key; });
    enrichment_.complete(source, series);  // values are replayed as they were recorded, after scale and offset
    return pipeline_.add_series(std::move(series), source);
  }

  // Running time is the virtual clock itself: triggers are due at its multiples. Sources listen once it is known.
  std::optional<Moment> clock() const {
    if (!clock_) return std::nullopt;
    return Moment{*clock_, *clock_ - Timestamp()};
  }
  void move_clock(Timestamp to) {
    const bool first = !clock_;
    clock_ = first ? to : std::max(*clock_, to);
    if (first) connect_sources();
  }
  void connect_sources() {
    for (std::uint32_t i = 0; i < pipeline_options_.sources.size(); ++i) pipeline_.connected(SourceId{i}, *clock());
  }

  void fire(Fire fire) {
    pipeline_.tick(clock().value_or(Moment{}), fire, emission_);
    const RowBatch batch = selection_.select(emission_, pipeline_, 0);
    const TimeText times = options_.numeric_time ? TimeText::microseconds : TimeText::rfc3339;
    for (const WindowRows& window : batch.windows) {
      const WindowSchema& schema = schemas_[window.input];
      for (std::size_t i = 0; i < window.rows.size(); ++i) {
        append_row_json(out_, schema, window.rows[i], window.values_of(i, schema.columns.size()), batch.id.epoch,
                        times);
      }
    }
    rows_ += batch.row_count();
    if (out_.size() < output_block_bytes) return;
    output_ << out_;
    out_.clear();
  }

  const ReplayOptions& options_;
  Enrichment enrichment_;
  SourceId default_source_{};
  PipelineOptions pipeline_options_;
  Pipeline pipeline_;
  std::vector<WindowSchema> schemas_;
  RowSelection selection_;
  std::ostream& output_;
  std::unordered_map<std::string, SourceId> source_ids_;
  ReplayParser parser_;
  std::optional<RestartFolder> restart_folder_;  // once the input wants a restart
  std::optional<Timestamp> clock_;
  Emission emission_;
  std::string out_;
  std::vector<Timestamp> watermarks_;
  std::uint64_t rows_ = 0;
  std::uint64_t line_number_ = 0;
};

}  // namespace

int replay_command(const ReplayOptions& options) {
  std::ios::sync_with_stdio(false);
  std::ifstream file;
  if (options.input != "-") file.open(options.input);
  if (!file) throw std::runtime_error("cannot read " + options.input);
  std::istream& input = options.input == "-" ? std::cin : file;
  return replay_lines(options, [&](std::string& line) { return static_cast<bool>(std::getline(input, line)); });
}

int replay_lines(const ReplayOptions& options, const LineSource& next_line) {
  const Configuration configuration = load_configuration(options.config, {.resolve_secrets = false});
  std::ofstream file;
  if (options.output != "-") file.open(options.output);
  if (!file) throw std::runtime_error("cannot write " + options.output);
  std::ostream& output = options.output == "-" ? std::cout : file;

  Replay replay(options, configuration.options, output);
  for (std::string line; next_line(line);) replay.line(line);
  replay.finish();
  if (!output) throw std::runtime_error("cannot write " + options.output);
  if (options.summary.empty()) return exit_fine;
  std::ofstream summary(options.summary);
  summary << replay.summary() << std::flush;
  if (!summary) throw std::runtime_error("cannot write " + options.summary);
  return exit_fine;
}

}  // namespace edgetide
