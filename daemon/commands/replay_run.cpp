#include "daemon/commands/replay_run.h"

#include <algorithm>
#include <iostream>
#include <limits>
#include <stdexcept>
#include <utility>

#include "daemon/monitor/summary.h"
#include "daemon/service/quantity.h"
#include "sinks/row_json.h"

namespace edgetide {

namespace {

constexpr std::size_t output_block_bytes = 1 << 16;

// A reading without "source" comes from the only configured source, or else from an extra one that feeds every window.
PipelineOptions with_default_source(PipelineOptions options, SourceId& default_source) {
  default_source = SourceId{0};
  if (options.sources.size() == 1) return options;
  default_source = SourceId{static_cast<std::uint32_t>(options.sources.size())};
  options.sources.push_back({"replay", options.default_time, false});
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

}  // namespace

ReplayRun::ReplayRun(const ReplayOptions& options, const PipelineOptions& pipeline, const EnrichmentOptions& tables,
                     std::ostream& output)
    : options_(options),
      enrichment_(tables.tables_by_source()),
      pipeline_options_(with_mode(with_default_source(pipeline, default_source_), options.mode)),
      pipeline_(pipeline_options_),
      schemas_(schemas_of(pipeline_options_.windows, all_windows(pipeline_options_))),
      selection_(pipeline_options_.windows, all_windows(pipeline_options_), options.mode),
      output_(output) {
  for (std::uint32_t i = 0; i < pipeline_options_.sources.size(); ++i) {
    source_ids_.emplace(pipeline_options_.sources[i].name, SourceId{i});
  }
}

void ReplayRun::line(std::string_view text) {
  ++line_number_;
  if (text.find_first_not_of(" \t\r") == std::string_view::npos) return;
  std::visit([this](const auto& line) { take(line); }, parser_.parse(text));
}

void ReplayRun::finish() {
  watermarks_ = pipeline_.watermarks();  // as the input left them, not as --flush does
  if (options_.flush) {
    pipeline_.raise_watermarks(Timestamp::latest());
    fire(Fire::all);
  } else {
    say_what_is_missing();
  }
  output_ << out_ << std::flush;
}

std::string ReplayRun::summary() const {
  return summary_json(pipeline_, watermarks_, rows_,
                      options_.numeric_time ? TimeText::microseconds : TimeText::rfc3339);
}

void ReplayRun::take(const ReplayReading& reading) {
  if (reading.arrival) move_clock(*reading.arrival);
  const std::optional<SourceId> source = source_of(reading.source);
  if (!source)
    return refuse({Refusal::unknown_source, "source '" + std::string(reading.source) + "' is not configured"});
  const std::optional<Moment> now = clock();
  if (!reading.time && !now) return refuse({Refusal::bad_time, "no 'time', and no arrival or tick yet"});
  const BadTimePolicy policy = pipeline_options_.sources[index_of(*source)].time.on_bad_time;
  if (reading.time == unreadable_time && !(now && policy == BadTimePolicy::use_arrival))
    return refuse({Refusal::bad_time, "'time' is neither RFC 3339 nor an integer of microseconds"});
  const std::optional<SeriesId> series = series_of(*source, reading);
  if (!series) return;  // counted as refused
  const double value =
      reading.is_raw ? enrichment_.calibrated(*source, *series, pipeline_.series(), reading.value) : reading.value;
  const Reading one{*series, reading.time ? *reading.time : now->wall, value};
  pipeline_.apply({*source, now, std::span<const Reading>(&one, 1)});
}

void ReplayRun::take(const ReplayTick& tick) {
  move_clock(tick.time);
  fire(Fire::due);
}

void ReplayRun::take(const ReplayRestart&) {
  if (!restart_folder_) restart_folder_.emplace();
  const std::string snapshot = restart_folder_->through_disk(pipeline_.snapshot());
  pipeline_ = Pipeline(pipeline_options_);
  if (const auto error = pipeline_.restore(snapshot)) throw std::runtime_error("restart: " + *error);
  // From where the pipeline stands: lines that were refused have moved the clock on, and it has listened meanwhile.
  if (const auto now = pipeline_.now()) connect_sources(*now);
}

// Without a tick no row is written, and without a late one the last windows stay open.
void ReplayRun::say_what_is_missing() const {
  const std::size_t open = pipeline_.open_windows();
  if (open == 0) return;
  const bool ticked = pipeline_.epoch() > 0;
  std::cerr << options_.input << ": " << (ticked ? "" : "no {\"tick\":TIME} in the input, so no row was written; ")
            << quantity(open, "window") << (open == 1 ? " is" : " are") << " not final yet; --flush closes "
            << (open == 1 ? "it" : "them") << ", or a {\"tick\":TIME} once the readings have passed the end\n";
}

void ReplayRun::refuse(const ReplayError& error) {
  const std::string place = place_.empty() ? options_.input + ":" + std::to_string(line_number_) : place_;
  const std::string text = place + ": " + error.text;
  if (options_.strict) throw std::runtime_error(text);
  std::cerr << text << '\n';
  pipeline_.refuse(default_source_, error.reason);
}

std::optional<SourceId> ReplayRun::source_of(std::string_view name) const {
  if (name.empty()) return default_source_;
  const auto found = source_ids_.find(std::string(name));
  return found == source_ids_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<SeriesId> ReplayRun::series_of(SourceId source, const ReplayReading& reading) {
  const ReadingNames names{reading.sensor, reading.metric, {}, reading.labels};
  if (const auto known = enrichment_.find(source, names, pipeline_.series())) return known;
  const auto added = pipeline_.add_series(enrichment_.make(source, names), source);
  if (added) enrichment_.forget(*added);
  return added;
}

// Running time is the virtual clock itself: triggers are due at its multiples. Sources listen once it is known.
std::optional<Moment> ReplayRun::clock() const {
  if (!clock_) return std::nullopt;
  return Moment{*clock_, *clock_ - Timestamp()};
}

void ReplayRun::move_clock(Timestamp to) {
  const bool first = !clock_;
  clock_ = first ? to : std::max(*clock_, to);
  if (first) connect_sources(*clock());
}

void ReplayRun::connect_sources(Moment now) {
  for (std::uint32_t i = 0; i < pipeline_options_.sources.size(); ++i) pipeline_.connected(SourceId{i}, now);
}

void ReplayRun::fire(Fire fire) {
  pipeline_.tick(clock().value_or(Moment{}), fire, emission_);
  const RowBatch batch = selection_.select(emission_, pipeline_, 0);
  const TimeText times = options_.numeric_time ? TimeText::microseconds : TimeText::rfc3339;
  for (const WindowRows& window : batch.windows) {
    const WindowSchema& schema = schemas_[window.input];
    for (std::size_t i = 0; i < window.rows.size(); ++i) {
      append_row_json(out_, schema, window.rows[i], window.values_of(i, schema.columns.size()), batch.id.epoch, times);
    }
  }
  rows_ += batch.row_count();
  if (out_.size() < output_block_bytes) return;
  output_ << out_;
  out_.clear();
}

}  // namespace edgetide
