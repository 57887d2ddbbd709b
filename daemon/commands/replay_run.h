// A run of the pipeline on a virtual clock that arrivals and ticks advance: what `replay` and `test` do.
//
// Owns:   the pipeline; options and output outlive it. Thread: one.
// Fails:  std::runtime_error with `strict`, at the first line that is refused; otherwise refusals go to standard error.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/commands/commands.h"
#include "daemon/commands/replay_input.h"
#include "daemon/commands/restart_folder.h"
#include "daemon/enrichment/enrichment.h"
#include "daemon/outbox/row_selection.h"
#include "pipeline/pipeline.h"

namespace edgetide {

class ReplayRun {
 public:
  // Rows go to `output` as JSON, one a line.
  ReplayRun(const ReplayOptions& options, const PipelineOptions& pipeline, const EnrichmentOptions& tables,
            std::ostream& output);

  void line(std::string_view text);
  void take(const ReplayReading& reading);
  void take(const ReplayTick& tick);
  // Of what is taken from now on, for messages about it; by default the line of the input.
  void set_place(std::string place) { place_ = std::move(place); }
  const std::vector<WindowSchema>& schemas() const noexcept { return schemas_; }
  Counters counters() const { return pipeline_.counters(); }
  // Once, at the end.
  void finish();
  std::string summary() const;

 private:
  void take(const ReplayWatermark& watermark) { pipeline_.raise_watermarks(watermark.time); }
  void take(const ReplayRestart&);
  void take(const ReplayError& error) { refuse(error); }
  void say_what_is_missing() const;
  void refuse(const ReplayError& error);
  std::optional<SourceId> source_of(std::string_view name) const;
  std::optional<SeriesId> series_of(SourceId source, const ReplayReading& reading);
  std::optional<Moment> clock() const;
  void move_clock(Timestamp to);
  void connect_sources(Moment now);
  void fire(Fire fire);

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
  std::string place_;
};

}  // namespace edgetide
