// The running daemon: owns everything, in the order of life, and runs until it is told to stop.
//
// Threads: main waits for signals and the trigger timer, ticks the pipeline and feeds the watchdog, which is fed only
//          after a tick has run. Sources and couriers own their threads, named after them; `run` starts and ends all.
// Signals: SIGTERM and SIGINT stop intake, fire every window, deliver, and end within 10 s. SIGHUP is noted and
// ignored. Fails:   std::runtime_error from construction or `run` for what will not mend by itself (an address in use,
// a
//          certificate that cannot be read); a broker or store that is away is no failure.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/clock.h"
#include "daemon/courier.h"
#include "daemon/gateway_options.h"
#include "daemon/intake.h"
#include "daemon/service_notify.h"
#include "daemon/sources/source.h"
#include "daemon/storage/posix_file_system.h"
#include "daemon/storage/quarantine.h"
#include "pipeline/pipeline.h"

namespace edgetide {

class Gateway {
 public:
  explicit Gateway(GatewayOptions options);

  // Until SIGTERM or SIGINT. Requires: both blocked in every thread (`block_signals`).
  void run();

  // summary.h, after `run`.
  std::string summary() const;

 private:
  void reload_tables();
  void add_couriers();
  void add_sources();
  void wait_and_tick();
  void tick(Fire fire);
  void report();
  void report_refusals();
  void report_quarantine();
  void stop();
  std::string status_line() const;

  GatewayOptions options_;
  SystemClock clock_;
  Pipeline pipeline_;
  PosixFileSystem files_;
  Quarantine quarantine_;
  Intake intake_;
  std::vector<std::unique_ptr<Courier>> couriers_;
  std::vector<std::unique_ptr<Source>> sources_;
  ServiceNotify notify_;
  std::vector<Counters> reported_;  // by source, as last logged
  QuarantineCounters reported_quarantine_;
  Duration reported_at_;     // running time
  Duration status_told_at_;  // running time
};

// Blocks the signals that `Gateway::run` waits for. Before any thread is started.
void block_signals();

}  // namespace edgetide
