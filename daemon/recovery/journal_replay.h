// The inputs of an earlier run, from the journal into the pipeline again, as they happened. Rows of its epochs go to
// the workers again, under the run that fired them first.
//
// The configuration may have changed in between. Each input is computed by the options of the run that took it, which
// the journal says (RunStart, JournaledSources), so that an epoch has the rows that it had the first time; from one to
// the next the pipeline goes over as it does in a reload. Where the options are not known, those before stay. Sources
// are found by name, series by sensor and metric. What belongs to a removed source, or to a series that the journal no
// longer names, is counted as lost.
//
// Records may be lost. What cannot be attributed without them is counted as lost, never put elsewhere: readings of a
// series whose definition is lost; after a lost start of a run, all readings until the next one.
//
// Owns:   nothing; what it writes to outlives it.
// Thread: one owner at a time, before the intake is opened. Fails: never; see `lost_readings`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/intake/intake_state.h"
#include "daemon/outbox/row_routes.h"
#include "daemon/storage/journal_inputs.h"
#include "pipeline/pipeline.h"

namespace edgetide {

// A running time, and the age of the boot then.
struct RunningAt {
  Duration running;
  BootAge since_boot;
};

class JournalReplay {
 public:
  // Where rows go of a pipeline with these windows.
  using MakeRoutes = std::function<RowRoutes(const std::vector<WindowOptions>& windows)>;

  JournalReplay(Pipeline& pipeline, MakeRoutes make_routes, IntakeState& state);
  // `sources`: names as of the checkpoint that the pipeline was restored from; `run`: the one that wrote it.
  void begin(const std::vector<std::string>& sources, std::uint64_t run);
  // What the checkpoint says that waited for the clock. After `begin`.
  void hold(const ClockHold& held);
  // How far the runs before came. After `begin`.
  void know(StateHistory history) { history_ = std::move(history); }

  // Before the record that `apply` gets next, records are lost.
  void note_gap(const JournalGap& gap);
  void apply(const JournalRecord& record);
  // Nothing is heard any more: the end of that run.
  void end();
  // From here on the pipeline has these options, as after a reload. Nothing is done if it has them. The reason, if it
  // cannot be: nothing has changed then. Requires: no source is connected.
  std::optional<std::string> go_over(PipelineOptions next);

  std::uint64_t run() const noexcept { return run_; }
  // When the last run began, by both; nothing: its start is not in this journal.
  const std::optional<RunningAt>& began() const noexcept { return began_; }
  const ClockHold& held() const noexcept { return held_; }           // these still wait
  const StateHistory& history() const noexcept { return history_; }  // of all runs that have ended
  std::uint64_t readings() const noexcept { return readings_; }
  std::uint64_t lost_readings() const noexcept { return lost_readings_; }
  std::uint64_t senseless_records() const noexcept { return senseless_records_; }  // intact, but impossible

 private:
  void apply_one(const RunStart& start);
  void apply_one(const NewSeries& added);
  void apply_one(const JournaledBatch& batch);
  void apply_one(const JournaledTick& tick) { fire(tick, {}); }
  void apply_one(const JournaledLate& late);
  void fire(const JournaledTick& tick, AddedRows added);
  void apply_one(const JournaledConnection& connection);
  void apply_one(const ClockSet& set);
  void apply_one(const JournaledSession& session);
  void apply_one(const JournaledDelivery& delivery);
  void note_messages(const std::string& source, const JournaledBatch& batch);
  std::vector<Reading> known_of(std::span<const Reading> readings);
  void apply_or_hold(SourceId then, Moment arrival, std::span<const Reading> readings);
  void apply_one(const JournaledSources& sources);
  void go_over_to(const std::string& options);
  std::optional<SourceId> source_now(const std::string& name) const noexcept;
  std::optional<SourceId> source_of(SourceId then) const noexcept;
  std::optional<SeriesId> series_of(SeriesId then) const noexcept;
  void keep_marked(const RunStart& start);
  void follow_connections(const JournaledTick& tick);
  void set_listening(SourceId source, bool listening, Moment at);
  void name_sources(const std::vector<std::string>& sources);

  Pipeline& pipeline_;
  const MakeRoutes make_routes_;
  RowRoutes routes_;
  SourceSessions& sessions_;
  SourcePositions& positions_;
  StoredValues& values_;
  LateMarks& late_;
  RowEdges& edges_;
  std::vector<std::string> source_names_;  // of the pipeline

  std::uint64_t run_ = 0;
  std::optional<RunningAt> began_;
  std::vector<std::string> names_;                // by id then
  std::vector<std::optional<SourceId>> sources_;  // by id then
  std::vector<std::optional<SeriesId>> series_;   // by id then
  ClockHold held_;
  StateHistory history_;
  std::vector<Reading> applied_;  // of one batch; kept for its buffer
  Emission emission_;             // kept for its buffer
  std::uint64_t readings_ = 0;
  std::uint64_t lost_readings_ = 0;
  std::uint64_t senseless_records_ = 0;
  bool is_empty_ = true;          // nothing has come into the pipeline
  bool started_ = false;          // the run has begun in this journal: its start is there twice
  bool ids_are_known_ = true;     // of series
  bool places_are_known_ = true;  // of sources
};

}  // namespace edgetide
