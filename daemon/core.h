// Everything of the daemon but its sources, threads and signals: what a reading goes through from a source to a sink,
// and what of it is on disk. Made from what an earlier run has left; the gateway drives it from its threads, the
// simulation by hand.
//
//   construction   recovers: checkpoint, outboxes, journal
//   intake()       readings and ticks in
//   workers()     rows out, each by its thread or step by step
//   checkpointer()       journal syncs, checkpoints, spills
//   reload()       another configuration, in place of the one it has
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
#include "daemon/recovery/recovery.h"
#include "daemon/reload/reload_plan.h"
#include "daemon/service/clock.h"
#include "daemon/storage/quarantine.h"
#include "daemon/storage/state_directory.h"
#include "pipeline/pipeline.h"

namespace edgetide {

class Core {
 public:
  using MakeSink =
      std::function<std::unique_ptr<Sink>(const SinkOptions& options, SinkIdentity, std::vector<WindowSchema> inputs)>;
  struct Hooks {
    MakeSink make_sink;
    std::function<void()> step_wanted = [] {};  // `checkpointer().step()` is due
    std::uint64_t fresh_id = 1;                 // of a state directory that is empty; 0 < id < 2^63
  };

  Core(const GatewayOptions& options, FileSystem& files, Clock& clock, Hooks hooks);

  // Goes over to `next`. The reason, if that cannot be; nothing has changed then, nor has it when this throws.
  // SinkWorkers that go have until the deadline to deliver; what is left is kept for the sink of that name. New ones
  // are to be started. Whatever it is interrupted at, a recovery with either configuration loses nothing that it could
  // keep. Requires: the checkpointer is not at work; `plan` is that of the options before and `next`.
  std::optional<std::string> reload(const GatewayOptions& next, const ReloadPlan& plan,
                                    std::chrono::steady_clock::time_point deadline);

  Intake& intake() noexcept { return intake_; }
  const Intake& intake() const noexcept { return intake_; }
  const std::vector<std::unique_ptr<SinkWorker>>& workers() const noexcept { return workers_; }  // change in `reload`
  Checkpointer& checkpointer() noexcept { return *checkpointer_; }
  const Checkpointer& checkpointer() const noexcept { return *checkpointer_; }
  Quarantine& quarantine() noexcept { return quarantine_; }

  // What recovery has to tell, one line each.
  const std::vector<std::string>& recovery_reports() const noexcept { return reports_; }

 private:
  using SinkWorkers = std::vector<std::unique_ptr<SinkWorker>>;

  std::unique_ptr<SinkWorker> make_worker(const GatewayOptions& options, const SinkOptions& sink);
  SinkWorkers new_workers(const GatewayOptions& next, const NameChanges& sinks);
  RowRoutes routes_to(const GatewayOptions& options, const SinkWorkers& fresh) const;
  SinkWorker* find_worker(const SinkWorkers& among, const std::string& name) const;
  void exchange(SinkWorkers fresh, const NameChanges& sinks, std::chrono::steady_clock::time_point deadline);
  void adopt(SinkWorker& leaving, SinkWorker* successor);

  FileSystem& files_;
  const Hooks hooks_;
  const std::string gateway_id_;
  const std::string folder_;
  RunIdentity identity_;
  StateDirectory directory_;
  CheckpointStore checkpoints_;
  Pipeline pipeline_;
  Quarantine quarantine_;
  Intake intake_;
  SinkWorkers workers_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::vector<std::string> reports_;
};

}  // namespace edgetide
