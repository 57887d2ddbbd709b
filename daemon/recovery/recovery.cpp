#include "daemon/recovery/recovery.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>
#include <variant>

#include "daemon/storage/record_log_reader.h"
#include "daemon/storage/set_aside.h"
#include "pipeline/options_bytes.h"
#include "pipeline/window_named.h"

namespace edgetide {

namespace {

constexpr std::uint64_t spill_each_records = 4096;
constexpr std::uint64_t first_of_all = 1;  // of the records of a journal: without a checkpoint all are needed

// Rows of a long journal may be more than memory is to hold. An error is in the worker's status.
void spill_excess(std::span<const std::unique_ptr<SinkWorker>> workers) {
  for (const auto& worker : workers) static_cast<void>(worker->spill_excess());
}

std::string counted(std::uint64_t n, const std::string& what) {
  return std::to_string(n) + ' ' + what + (n == 1 ? "" : "s");
}

[[noreturn]] void refuse(const LogRefusal& refusal) {
  if (refusal.is_for_a_person()) throw StateRefused(refusal.text);
  throw std::runtime_error(refusal.text);
}

RecordLogReader open_journal(FileSystem& files, const std::string& state_directory, std::uint64_t from,
                             std::vector<std::string>& reports) {
  auto opened = open_own_log(files, journal_location(state_directory), LogKind::journal, from, reports);
  if (const auto* const refusal = std::get_if<LogRefusal>(&opened)) refuse(*refusal);
  return std::get<RecordLogReader>(std::move(opened));
}

// The journal of a directory without checkpoints knows its id, if it has its beginning.
std::optional<std::uint64_t> state_id_of_journal(FileSystem& files, const std::string& state_directory,
                                                 std::vector<std::string>& reports) {
  RecordLogReader reader = open_journal(files, state_directory, 0, reports);
  const std::optional<Record> first = reader.next();
  if (!first) return std::nullopt;
  const std::optional<JournalRecord> record = JournalDecoder().decode(first->type, first->payload);
  if (!record || !std::holds_alternative<RunStart>(*record)) return std::nullopt;
  return std::get<RunStart>(*record).state_id;
}

bool is_configured(const Pipeline& pipeline, const std::string& name) {
  return window_named(pipeline.options().windows, name).has_value();
}

// The reason if it cannot be.
std::optional<std::string> restore(const Checkpoint& checkpoint, const PipelineOptions& configured, Pipeline& pipeline,
                                   RecoveredState& recovered) {
  auto then = load_options(checkpoint.options, configured);
  pipeline = Pipeline(then ? *std::move(then) : configured);
  // Who was connected then still is, in the journal that follows.
  if (auto reason = pipeline.restore(checkpoint.pipeline, Connections::go_on)) return reason;
  if (!recovered.intake.restore(checkpoint.intake)) return "the intake's part is not readable";
  return std::nullopt;
}

void take_found(CheckpointStore::Found readable, FileSystem& files, FoundState& state) {
  for (const std::string& path : readable.damaged) {
    const std::error_code error = set_aside(files, path);
    readable.warnings.push_back(path +
                                (error ? ": cannot be set aside: " + error.message() : ": set aside as *.damaged"));
  }
  std::move(readable.warnings.begin(), readable.warnings.end(), std::back_inserter(state.reports));
  state.checkpoint = std::move(readable.checkpoint);
  state.path = std::move(readable.path);
  state.kept = std::move(readable.kept);
}

void find_checkpoint(FileSystem& files, CheckpointStore& checkpoints, FoundState& state) {
  auto found = checkpoints.newest();
  if (const auto* const refusal = std::get_if<std::string>(&found)) throw StateRefused(*refusal);
  take_found(std::get<CheckpointStore::Found>(std::move(found)), files, state);
}

// From the newest checkpoint that can be. Another version of the pipeline's format is for a person.
void restore_newest(FileSystem& files, CheckpointStore& checkpoints, FoundState& found, Pipeline& pipeline,
                    RecoveredState& recovered) {
  const PipelineOptions configured = pipeline.options();
  while (found.checkpoint) {
    const auto reason = restore(*found.checkpoint, configured, pipeline, recovered);
    if (!reason) {
      std::exchange(found.checkpoint->pipeline, {});  // the memory of a second state
      return;
    }
    if (reason->starts_with("snapshot version")) throw StateRefused(found.path + ": " + *reason);
    found.reports.push_back(found.path + ": " + *reason + "; it is set aside as *.damaged");
    if (const std::error_code error = set_aside(files, found.path)) {
      throw std::runtime_error(found.path + ": " + *reason + ", and it cannot be set aside: " + error.message());
    }
    recovered.intake = {};
    pipeline = Pipeline(configured);
    find_checkpoint(files, checkpoints, found);
  }
}

// The journal goes on behind each checkpoint. Where it does not, a file of it is missing or was shortened. Its newest
// file is there although all of its records may be in the checkpoint.
void report_missing(FileSystem& files, const std::string& state_directory, const FoundState& found,
                    const RecordLogReader& reader, RecoveredState& recovered) {
  const std::uint64_t next_record = reader.segments().empty() ? first_of_all : reader.next_number();
  if (!reader.report().before_missing.empty()) {
    recovered.reports.push_back("journal: the file with record " + std::to_string(next_record) +
                                " is missing; what was written from there on is lost. " +
                                reader.report().before_missing + " names it");
  }
  for (const auto& [path, record] : found.kept) {
    const bool newest = path == found.path;
    if (newest ? next_record >= record : reaches(files, journal_location(state_directory), record)) continue;
    recovered.reports.push_back("journal: the file with record " + std::to_string(record) +
                                " is missing, empty or shortened; what was written from there on is lost. " + path +
                                " names it" +
                                (newest ? "" : ", from which a recovery would go on if newer ones failed"));
  }
}

void recover_outboxes(const FoundState& found, std::uint64_t run, std::span<const std::unique_ptr<SinkWorker>> workers,
                      StateHistory& history) {
  for (const auto& worker : workers) {
    SpillExtent extent;
    for (const OutboxStart& start : found.checkpoint ? found.checkpoint->outboxes : std::vector<OutboxStart>()) {
      if (start.sink != worker->name()) continue;
      extent = {start.first_record,
                start.next_record,
                start.rows,
                {start.last_run, start.last_epoch},
                {start.confirmed_run, start.confirmed_epoch},
                found.checkpoint->taken_at.wall};
    }
    const auto answer = worker->recover(extent, run);
    if (const auto* const refusal = std::get_if<LogRefusal>(&answer)) refuse(*refusal);
    history.note(std::get<std::optional<EpochId>>(answer).value_or(EpochId{}));
  }
}

std::optional<JournalInputs::Start> start_of(const FoundState& found) {
  if (!found.checkpoint) return std::nullopt;
  return JournalInputs::Start{found.checkpoint->journal_next, found.checkpoint->journal_context, found.checkpoint->run};
}

// In one boot the machine itself says how long the daemon was away; after another one the wall clock does, if it was
// right before and is right now. Otherwise that time is not known, and running time goes on from the last one known.
Duration running_now(const FoundState& found, const JournalReplay& replay, const Pipeline& pipeline,
                     const Clock& clock) {
  Duration running = replay.held().newest_running();
  if (found.checkpoint) running = std::max(running, found.checkpoint->taken_at.running);
  if (replay.began()) running = std::max(running, replay.began()->running);
  if (pipeline.now()) running = std::max(running, pipeline.now()->running);
  std::optional<RunningAt> then = replay.began();
  if (!then && found.checkpoint) then = RunningAt{found.checkpoint->taken_at.running, found.checkpoint->since_boot};
  const BootAge since_boot = clock.since_boot();
  if (then && since_boot.boot != 0 && then->since_boot.boot == since_boot.boot) {
    return std::max(running, then->running + (since_boot.age - then->since_boot.age));
  }
  if (!pipeline.now() || !replay.held().empty() || !clock.is_set()) return running;
  return std::max(running, pipeline.now()->running + (clock.now().wall - pipeline.now()->wall));
}

void apply_all(JournalInputs& inputs, JournalReplay& replay, std::span<const std::unique_ptr<SinkWorker>> workers) {
  while (const auto input = inputs.next()) {
    if (const auto gap = inputs.take_gap()) replay.note_gap(*gap);
    replay.apply(*input);
    if (inputs.number() % spill_each_records == 0) spill_excess(workers);
  }
}

// What was replayed is acted on, so it has to be as safe as what will be written: the run before may not have synced
// it.
std::error_code sync_journal(FileSystem& files, const std::string& state_directory, const RecordLogReader& reader) {
  const LogLocation location = journal_location(state_directory);
  for (const Segment& segment : reader.segments()) {
    auto opened = files.open(location.path_of(segment.first_record), FileAccess::update);
    const std::error_code error = opened.error ? opened.error : opened.value->sync();
    if (error) return error;
  }
  return files.sync_folder(location.folder);
}

void report(const LogReport& log, RecoveredState& recovered) {
  for (const LogDamage& damage : log.damage) {
    recovered.reports.push_back(damage.path + ": damaged at byte " + std::to_string(damage.offset) + ", " +
                                (damage.error && damage.records_lost == 0
                                     ? "how many records are lost there is not known"
                                     : counted(damage.records_lost, "record") + " lost") +
                                (damage.error ? " (" + damage.error.message() + ")" : "") + "; the file is kept aside");
    recovered.journal.damaged.push_back(damage.path);
  }
  if (log.torn_bytes > 0) {
    recovered.reports.push_back(log.torn_path + ": its last write was cut off, " + counted(log.torn_bytes, "byte") +
                                " removed");
  }
}

void report(const JournalReplay& replay, const JournalInputs& inputs, const LogReport& log, RecoveredState& recovered) {
  if (log.records == 0) return;
  const auto lost = [&](std::uint64_t count, const char* what, const char* why) {
    if (count > 0) recovered.reports.push_back("journal: " + counted(count, what) + " lost: " + why);
  };
  recovered.reports.push_back("journal: " + counted(log.records, "record") + " replayed, " +
                              counted(replay.readings(), "reading"));
  lost(replay.lost_readings(), "reading", "their source or their series is no longer known");
  lost(inputs.unplaced_readings(), "reading", "a record is lost without which their time is not known");
  lost(inputs.unknown_records() + replay.senseless_records(), "record", "their content makes no sense");
}

}  // namespace

std::vector<std::string> describe_changes(const Pipeline& pipeline) {
  std::vector<std::string> lines;
  for (const std::string& window : pipeline.changed_windows()) {
    lines.push_back("window " + window +
                    ": its definition has changed; open windows are finished as they began, the new definition takes "
                    "those that start later");
  }
  for (const std::string& window : pipeline.forgotten_windows()) {
    lines.push_back("window " + window +
                    (is_configured(pipeline, window)
                         ? ": its definition has changed; it starts again, and the start of its rows says when"
                         : ": it is no longer configured; its open windows are gone"));
  }
  return lines;
}

FoundState find_state(FileSystem& files, const std::string& state_directory, CheckpointStore& checkpoints,
                      std::uint64_t fresh_id) {
  FoundState state;
  find_checkpoint(files, checkpoints, state);
  state.state_id = state.checkpoint ? state.checkpoint->state_id
                                    : state_id_of_journal(files, state_directory, state.reports).value_or(fresh_id);
  return state;
}

RecoveredState recover(FileSystem& files, const std::string& state_directory, CheckpointStore& checkpoints,
                       FoundState found, Pipeline& pipeline, JournalReplay::MakeRoutes make_routes,
                       std::span<const std::unique_ptr<SinkWorker>> workers, const Clock& clock) {
  RecoveredState recovered;
  IntakeState& intake = recovered.intake;
  const PipelineOptions configured = pipeline.options();
  restore_newest(files, checkpoints, found, pipeline, recovered);
  recovered.reports.insert(recovered.reports.begin(), found.reports.begin(), found.reports.end());
  const std::uint64_t from = found.checkpoint ? found.checkpoint->journal_next : first_of_all;

  RecordLogReader reader = open_journal(files, state_directory, from, recovered.reports);
  const std::uint64_t last_known_run = found.checkpoint ? found.checkpoint->run : 0;
  const auto wall = static_cast<std::uint64_t>(std::max<std::int64_t>(clock.now().wall.count(), 0));
  recover_outboxes(found, std::max(last_known_run + 1, wall), workers, intake.history);
  JournalReplay replay(pipeline, std::move(make_routes), intake);
  replay.begin(intake.sources, last_known_run);
  replay.hold(intake.held);
  replay.know(std::move(intake.history));
  JournalInputs inputs(reader, start_of(found));
  apply_all(inputs, replay, workers);
  replay.end();
  pipeline.take_over_changed();
  if (const auto reason = replay.go_over(configured)) throw std::runtime_error("the state of the last run: " + *reason);
  for (const std::string& line : describe_changes(pipeline)) recovered.reports.push_back(line);
  report(reader.report(), recovered);
  report(replay, inputs, reader.report(), recovered);
  report_missing(files, state_directory, found, reader, recovered);
  if (const std::error_code error = reader.cut_torn_tail()) {
    recovered.reports.push_back(reader.report().torn_path + ": " + error.message());
  }
  if (const std::error_code error = sync_journal(files, state_directory, reader)) {
    recovered.reports.push_back(journal_location(state_directory).folder + ": " + error.message());
  }
  recovered.identity = {found.state_id, std::max(replay.run() + 1, wall)};
  intake.history = replay.history();
  if (pipeline.now()) intake.history.set_end(pipeline.now()->wall);
  intake.held = replay.held();
  std::vector<std::string> source_names;
  for (const SourceOptions& source : configured.sources) source_names.push_back(source.name);
  intake.positions.keep(source_names);
  intake.sessions.keep(source_names);
  intake.values.keep(source_names);
  recovered.ran_before = running_now(found, replay, pipeline, clock);
  recovered.journal.segments = reader.segments();
  recovered.journal.next_record = std::max(reader.next_number(), from);
  return recovered;
}

}  // namespace edgetide
