#include "daemon/recovery/recovery.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "daemon/recovery/journal_replay.h"
#include "daemon/storage/record_log_reader.h"

namespace edgetide {

namespace {

constexpr std::uint64_t spill_each_records = 4096;

// Rows of a long journal may be more than memory is to hold. An error is in the worker's status.
void spill_surplus(std::span<const std::unique_ptr<SinkWorker>> workers) {
  for (const auto& worker : workers) static_cast<void>(worker->spill_surplus());
}

std::string counted(std::uint64_t n, const std::string& what) {
  return std::to_string(n) + ' ' + what + (n == 1 ? "" : "s");
}

RecordLogReader open_journal(FileSystem& files, const std::string& state_directory, std::uint64_t from) {
  RecordLogReader reader(files, journal_location(state_directory), LogKind::journal);
  if (const auto refusal = reader.open(from)) throw StateRefused(refusal->text);
  return reader;
}

// The journal of a directory without checkpoints knows its id, if it has its beginning.
std::optional<std::uint64_t> state_id_of_journal(FileSystem& files, const std::string& state_directory) {
  RecordLogReader reader = open_journal(files, state_directory, 0);
  const std::optional<Record> first = reader.next();
  if (!first) return std::nullopt;
  const std::optional<JournalRecord> record = JournalDecoder().decode(first->type, first->payload);
  if (!record || !std::holds_alternative<RunStart>(*record)) return std::nullopt;
  return std::get<RunStart>(*record).state_id;
}

void restore(const Checkpoint& checkpoint, Pipeline& pipeline, IntakeState& intake, RecoveredState& recovered) {
  // Who was connected then still is, in the journal that follows.
  if (const auto reason = pipeline.restore(checkpoint.pipeline, Connections::go_on))
    throw StateRefused("checkpoint: " + *reason);
  if (!intake.restore(checkpoint.intake)) throw StateRefused("checkpoint: the intake's part is not readable");
  for (const std::string& window : pipeline.forgotten_windows()) {
    recovered.reports.push_back("window " + window +
                                ": its definition was changed or removed; its open windows are gone");
  }
}

void recover_outboxes(const FoundState& found, std::uint64_t run,
                      std::span<const std::unique_ptr<SinkWorker>> workers) {
  for (const auto& worker : workers) {
    std::uint64_t first = 0;
    for (const OutboxStart& start : found.checkpoint ? found.checkpoint->outboxes : std::vector<OutboxStart>()) {
      if (start.sink == worker->name()) first = start.first_record;
    }
    const auto answer = worker->recover(first, run);
    if (const auto* const refusal = std::get_if<LogRefusal>(&answer)) throw StateRefused(refusal->text);
  }
}

// How many records are of no kind that is known.
std::uint64_t apply_all(RecordLogReader& reader, JournalReplay& replay,
                        std::span<const std::unique_ptr<SinkWorker>> workers) {
  JournalDecoder decoder;
  std::uint64_t unknown = 0;
  while (const std::optional<Record> record = reader.next()) {
    const auto input = decoder.decode(record->type, record->payload);
    input ? replay.apply(*input) : static_cast<void>(++unknown);
    if (record->number % spill_each_records == 0) spill_surplus(workers);
  }
  return unknown;
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
                                counted(damage.records_lost, "record") + " lost" +
                                (damage.error ? " (" + damage.error.message() + ")" : "") + "; the file is kept aside");
    recovered.journal.damaged.push_back(damage.path);
  }
  if (log.torn_bytes > 0) {
    recovered.reports.push_back(log.torn_path + ": its last write was cut off, " + counted(log.torn_bytes, "byte") +
                                " removed");
  }
}

void report(const JournalReplay& replay, const LogReport& log, RecoveredState& recovered) {
  if (log.records == 0) return;
  recovered.reports.push_back("journal: " + counted(log.records, "record") + " replayed, " +
                              counted(replay.readings(), "reading"));
  if (replay.lost_readings() > 0) {
    recovered.reports.push_back("journal: " + counted(replay.lost_readings(), "reading") +
                                " lost: their source or their series is no longer known");
  }
  if (replay.stopped()) {
    recovered.reports.push_back(
        "journal: what follows the last start of the daemon cannot be read without the "
        "checkpoint that is missing, and is lost");
  }
}

}  // namespace

FoundState find_state(FileSystem& files, const std::string& state_directory, CheckpointStore& checkpoints,
                      std::uint64_t fresh_id) {
  FoundState state;
  auto found = checkpoints.newest();
  if (const auto* const refusal = std::get_if<std::string>(&found)) throw StateRefused(*refusal);
  auto& readable = std::get<CheckpointStore::Found>(found);
  state.reports = std::move(readable.warnings);
  state.checkpoint = std::move(readable.checkpoint);
  state.state_id =
      state.checkpoint ? state.checkpoint->state_id : state_id_of_journal(files, state_directory).value_or(fresh_id);
  return state;
}

RecoveredState recover(FileSystem& files, const std::string& state_directory, const FoundState& found,
                       Pipeline& pipeline, const std::vector<std::string>& source_names, const RowRoutes& routes,
                       std::span<const std::unique_ptr<SinkWorker>> workers, Timestamp now) {
  RecoveredState recovered;
  recovered.reports = found.reports;
  IntakeState& intake = recovered.intake;
  if (found.checkpoint) restore(*found.checkpoint, pipeline, intake, recovered);
  const std::uint64_t from = found.checkpoint ? found.checkpoint->journal_next : 0;

  RecordLogReader reader = open_journal(files, state_directory, from);
  const std::uint64_t last_known_run = found.checkpoint ? found.checkpoint->run : 0;
  const auto wall = static_cast<std::uint64_t>(std::max<std::int64_t>(now.count(), 0));
  recover_outboxes(found, std::max(last_known_run + 1, wall), workers);
  JournalReplay replay(pipeline, routes, intake.sessions, intake.positions, intake.values, source_names);
  replay.begin(intake.sources, last_known_run);
  replay.hold(intake.held);
  const std::uint64_t unknown = apply_all(reader, replay, workers);
  if (unknown > 0) recovered.reports.push_back("journal: " + counted(unknown, "record") + " of an unknown kind");
  replay.end();
  report(reader.report(), recovered);
  report(replay, reader.report(), recovered);
  if (const std::error_code error = reader.cut_torn_tail()) {
    recovered.reports.push_back(reader.report().torn_path + ": " + error.message());
  }
  if (const std::error_code error = sync_journal(files, state_directory, reader)) {
    recovered.reports.push_back(journal_location(state_directory).folder + ": " + error.message());
  }
  recovered.identity = {found.state_id, std::max(replay.run() + 1, wall)};
  intake.held = replay.held();
  intake.positions.keep(source_names);
  intake.sessions.keep(source_names);
  intake.values.keep(source_names);
  recovered.ran_before = intake.held.newest_running();
  if (pipeline.now()) recovered.ran_before = std::max(recovered.ran_before, pipeline.now()->running);
  recovered.journal.segments = reader.segments();
  recovered.journal.next_record = std::max(reader.next_number(), from);
  return recovered;
}

}  // namespace edgetide
