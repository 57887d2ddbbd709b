// What an earlier run has left in the state directory, brought back: the newest whole checkpoint, else the one before,
// else nothing; then the journal from there on. No file has to be deleted by hand.
//
//   const FoundState found = find_state(...);           before the workers: their sinks need the state id
//   RecoveredState recovered = recover(found, pipeline, ...); before anything is taken in
//
// Thread: one, before any other is started. Blocks: as long as reading takes.
// Fails:  StateRefused for a newer format and for files that may not be read; std::runtime_error for a disk that fails.
//         Damage is read around, counted and reported in `reports`; files that cannot be used are set aside.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "daemon/intake/intake.h"
#include "daemon/outbox/sink_worker.h"
#include "daemon/recovery/journal_replay.h"
#include "daemon/storage/checkpoint_store.h"

namespace edgetide {

// A person has to decide. Exit status 78.
struct StateRefused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct FoundState {
  std::optional<Checkpoint> checkpoint;
  std::string path;  // of the checkpoint
  // Of all that are kept: its path, and the first journal record that it does not contain.
  std::vector<std::pair<std::string, std::uint64_t>> kept;
  std::uint64_t state_id = 0;  // of the directory; `fresh_id` if it is empty
  std::vector<std::string> reports;
};

FoundState find_state(FileSystem& files, const std::string& state_directory, CheckpointStore& checkpoints,
                      std::uint64_t fresh_id);

struct RecoveredState {
  RunIdentity identity;
  IntakeState intake;
  Duration ran_before;  // of all earlier runs, and the time between them as far as it is known
  Journal::Found journal;
  std::vector<std::string> reports;  // for the log, one line each
};

// The windows whose definition the configuration has changed, and how they go on, one line each.
std::vector<std::string> describe_changes(const Pipeline& pipeline);

// A checkpoint that is whole but cannot be restored is set aside, and the one before it is used.
//
// `pipeline` is new and has the options of the configuration. What was taken in is computed by the options that it was
// taken in with; then the pipeline goes over to those of the configuration. `make_routes` is for any of them.
RecoveredState recover(FileSystem& files, const std::string& state_directory, CheckpointStore& checkpoints,
                       FoundState found, Pipeline& pipeline, JournalReplay::MakeRoutes make_routes,
                       std::span<const std::unique_ptr<SinkWorker>> workers, const Clock& clock);

}  // namespace edgetide
