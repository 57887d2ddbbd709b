// The daemon without its sources, threads and signals: everything between a source and a sink, and its state on disk.
// It is constructed from the state of an earlier run. The gateway drives it from its threads, the simulation step by
// step.
//
//   construction   recovers: checkpoint, outboxes, journal
//   intake()       readings and ticks in
//   workers()      deliver rows to the sinks, each on its thread or step by step
//   syncer()       journal syncs
//   checkpointer() checkpoints, spills
//   reload()       replaces the configuration
//
// Owns:   all of it, and the lock on the state directory. `files` and `clock` outlive it.
// Thread: construction, `reload`, `workers` and destruction, one; the parts say for themselves.
// Fails:  StateRefused, or std::runtime_error where another instance holds the state directory.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/gateway_options.h"
#include "daemon/intake/intake.h"
#include "daemon/outbox/sink_worker.h"
#include "daemon/recovery/checkpointer.h"
#include "daemon/recovery/journal_syncer.h"
#include "daemon/recovery/recovery.h"
#include "daemon/reload/reload_plan.h"
#include "daemon/service/clock.h"
#include "daemon/storage/quarantine.h"
#include "daemon/storage/state_directory.h"
#include "pipeline/pipeline.h"

namespace edgetide {

class Core {
 public:
  struct Hooks {
    std::function<void()> sync_wanted = [] {};     // `syncer().step()` is due
    std::function<void()> storage_wanted = [] {};  // `checkpointer().step()` is
    std::uint64_t fresh_id = 1;                    // of a state directory that is empty; 0 < id < 2^63
  };

  Core(const GatewayOptions& options, FileSystem& files, Clock& clock, Hooks hooks);

  // Switches to `next`. Returns the reason if it cannot; then, and when it throws, nothing has changed. Removed workers
  // have until the deadline to deliver; their remaining rows are kept for a sink of the same name. The caller starts
  // the new ones. If the daemon dies during this call, a recovery with either configuration loses nothing that it could
  // keep. Requires: the checkpointer is stopped; `plan` was made from the former options and `next`.
  std::optional<std::string> reload(const GatewayOptions& next, const ReloadPlan& plan,
                                    std::chrono::steady_clock::time_point deadline);

  Intake& intake() noexcept { return *intake_; }
  const Intake& intake() const noexcept { return *intake_; }
  const std::vector<std::unique_ptr<SinkWorker>>& workers() const noexcept { return workers_; }  // change in `reload`
  JournalSyncer& syncer() noexcept { return *syncer_; }
  const JournalSyncer& syncer() const noexcept { return *syncer_; }
  Checkpointer& checkpointer() noexcept { return *checkpointer_; }
  const Checkpointer& checkpointer() const noexcept { return *checkpointer_; }
  Quarantine& quarantine() noexcept { return quarantine_; }

  // What recovery reports, one line each.
  const std::vector<std::string>& recovery_reports() const noexcept { return reports_; }

 private:
  using SinkWorkers = std::vector<std::unique_ptr<SinkWorker>>;

  std::unique_ptr<SinkWorker> make_worker(const GatewayOptions& options, const SinkOptions& sink);
  void tell_room();
  SinkWorkers new_workers(const GatewayOptions& next, const NameChanges& sinks);
  RowRoutes routes_to(const GatewayOptions& options, const SinkWorkers& fresh) const;
  RowRoutes routes_of(const std::vector<WindowOptions>& former, const GatewayOptions& options) const;
  SinkWorker* find_worker(const SinkWorkers& among, const std::string& name) const;
  void replace_workers(SinkWorkers fresh, const NameChanges& sinks, std::chrono::steady_clock::time_point deadline);
  void adopt(SinkWorker& leaving, SinkWorker* successor);

  FileSystem& files_;
  const Hooks hooks_;
  const std::string gateway_id_;
  const std::string folder_;
  RunIdentity identity_;
  const std::shared_ptr<StateHistory> history_ = std::make_shared<StateHistory>();  // complete before a sink opens
  StateDirectory directory_;
  CheckpointStore checkpoints_;
  Pipeline pipeline_;
  Quarantine quarantine_;
  EpochGate gate_;
  std::unique_ptr<Intake> intake_;
  SinkWorkers workers_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<JournalSyncer> syncer_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::vector<std::string> reports_;
};

}  // namespace edgetide
