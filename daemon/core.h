// Everything of the daemon but its sources, threads and signals: what a reading goes through from a source to a sink,
// and what of it is on disk. Made from what an earlier life has left; the gateway drives it from its threads, the
// simulation by hand.
//
//   construction   recovers: checkpoint, outboxes, journal
//   intake()       readings and ticks in
//   couriers()     rows out, each by its thread or step by step
//   keeper()       journal syncs, checkpoints, spills
//
// Owns:   all of it, and the lock on the state directory. `options`, `files` and `clock` outlive it.
// Thread: construction and destruction, one; the parts say for themselves.
// Fails:  StateRefused, or std::runtime_error where another instance holds the state directory.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/clock.h"
#include "daemon/courier.h"
#include "daemon/gateway_options.h"
#include "daemon/intake.h"
#include "daemon/recovery.h"
#include "daemon/state_keeper.h"
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
    std::function<void()> step_wanted = [] {};  // `keeper().step()` is due
    std::uint64_t fresh_id = 1;                 // of a state directory that is empty; 0 < id < 2^63
  };

  Core(const GatewayOptions& options, FileSystem& files, Clock& clock, const Hooks& hooks);

  Intake& intake() noexcept { return intake_; }
  const Intake& intake() const noexcept { return intake_; }
  const std::vector<std::unique_ptr<Courier>>& couriers() const noexcept { return couriers_; }
  StateKeeper& keeper() noexcept { return *keeper_; }
  const StateKeeper& keeper() const noexcept { return *keeper_; }
  Quarantine& quarantine() noexcept { return quarantine_; }

  // What recovery has to tell, one line each.
  const std::vector<std::string>& recovery_reports() const noexcept { return reports_; }

 private:
  void add_couriers(const GatewayOptions& options, FileSystem& files, const Hooks& hooks, std::uint64_t state_id);

  StateDirectory directory_;
  CheckpointStore checkpoints_;
  Pipeline pipeline_;
  Quarantine quarantine_;
  Intake intake_;
  std::vector<std::unique_ptr<Courier>> couriers_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<StateKeeper> keeper_;
  std::vector<std::string> reports_;
};

}  // namespace edgetide
