// Everything of the daemon but its sources, threads and signals: what a reading goes through from a source to a sink,
// and what of it is on disk. Made from what an earlier life has left; the gateway drives it from its threads, the
// simulation by hand.
//
//   construction   recovers: checkpoint, outboxes, journal
//   intake()       readings and ticks in
//   couriers()     rows out, each by its thread or step by step
//   keeper()       journal syncs, checkpoints, spills
//   reload()       another configuration, in place of the one it has
//
// Owns:   all of it, and the lock on the state directory. `files` and `clock` outlive it.
// Thread: construction, `reload`, `couriers` and destruction, one; the parts say for themselves.
// Fails:  StateRefused, or std::runtime_error where another instance holds the state directory.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/clock.h"
#include "daemon/courier.h"
#include "daemon/gateway_options.h"
#include "daemon/intake.h"
#include "daemon/recovery.h"
#include "daemon/reload_plan.h"
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

  Core(const GatewayOptions& options, FileSystem& files, Clock& clock, Hooks hooks);

  // Goes over to `next`. The reason, if that cannot be; nothing has changed then, nor has it when this throws. Couriers
  // that go have until the deadline to deliver; what is left is kept for the sink of that name. New ones are to be
  // started. Whatever it is interrupted at, a recovery with either configuration loses nothing that it could keep.
  // Requires: the keeper is not at work; `plan` is that of the options before and `next`.
  std::optional<std::string> reload(const GatewayOptions& next, const ReloadPlan& plan,
                                    std::chrono::steady_clock::time_point deadline);

  Intake& intake() noexcept { return intake_; }
  const Intake& intake() const noexcept { return intake_; }
  const std::vector<std::unique_ptr<Courier>>& couriers() const noexcept { return couriers_; }  // change in `reload`
  StateKeeper& keeper() noexcept { return *keeper_; }
  const StateKeeper& keeper() const noexcept { return *keeper_; }
  Quarantine& quarantine() noexcept { return quarantine_; }

  // What recovery has to tell, one line each.
  const std::vector<std::string>& recovery_reports() const noexcept { return reports_; }

 private:
  using Couriers = std::vector<std::unique_ptr<Courier>>;

  std::unique_ptr<Courier> make_courier(const GatewayOptions& options, const SinkOptions& sink);
  Couriers new_couriers(const GatewayOptions& next, const NameChanges& sinks);
  RowRoutes routes_to(const GatewayOptions& options, const Couriers& fresh) const;
  Courier* find_courier(const Couriers& among, const std::string& name) const;
  void exchange(Couriers fresh, const NameChanges& sinks, std::chrono::steady_clock::time_point deadline);
  void hand_over(Courier& leaving, Courier* successor);

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
  Couriers couriers_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<StateKeeper> keeper_;
  std::vector<std::string> reports_;
};

}  // namespace edgetide
