// The running daemon: owns everything, in the order of life, and runs until it is told to stop.
//
// Threads: main waits for signals and the trigger timer, ticks the pipeline and feeds the watchdog, which is fed only
//          after a tick has run, or was held back because the disk takes nothing. Sources and couriers own their
//          threads, named after them; `run` starts and ends all, and the storage thread.
// Signals: SIGTERM and SIGINT stop intake, fire every window, deliver, write a checkpoint, and end within 10 s.
//          SIGHUP reads the sensor tables again.
// Fails:   std::runtime_error from construction or `run` for what will not mend by itself (an address in use, a
//          certificate that cannot be read, state that must not be touched); a broker or store that is away, or a disk
//          that is full, is no failure.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/clock.h"
#include "daemon/core.h"
#include "daemon/gateway_options.h"
#include "daemon/monitor/monitor.h"
#include "daemon/service_notify.h"
#include "daemon/sources/source.h"
#include "daemon/storage/posix_file_system.h"
#include "daemon/storage_thread.h"

namespace edgetide {

class Gateway {
 public:
  explicit Gateway(GatewayOptions options);
  ~Gateway() { storage_.stop(); }

  // Until SIGTERM or SIGINT. Requires: both blocked in every thread (`block_signals`).
  void run();

  // summary.h, after `run`.
  std::string summary() const;

 private:
  void reload_tables();
  void add_sources();
  void wait_and_tick();
  void tick(Fire fire);
  void report();
  void report_refusals();
  void report_quarantine();
  void report_storage();
  void report_outboxes();
  void stop();
  void keep_state();
  std::string status_line() const;

  // gateway_monitoring.cpp
  void start_monitor();
  GatewayStatus status(StatusDetail detail) const;
  std::shared_ptr<Tap> tap(std::string_view name);

  GatewayOptions options_;
  SystemClock clock_;
  PosixFileSystem files_;
  StorageThread storage_;
  Core core_;
  std::vector<std::unique_ptr<Source>> sources_;
  ServiceNotify notify_;
  std::vector<Counters> reported_;  // by source, as last logged
  QuarantineCounters reported_quarantine_;
  std::string reported_trouble_;
  std::vector<CourierStatus> reported_couriers_;  // as last logged
  Duration reported_at_;                          // running time
  Duration status_told_at_;                       // running time
  const Timestamp started_at_;
  std::atomic<std::int64_t> ticked_at_{};  // running time, in microseconds
  mutable std::mutex parts_mutex_;         // held while parts are replaced, and by the monitor while it looks at them
  ReloadStatus reloaded_;                  // guarded by parts_mutex_
  std::unique_ptr<Monitor> monitor_;       // last: it looks at all the others
};

// Blocks the signals that `Gateway::run` waits for. Before any thread is started.
void block_signals();

}  // namespace edgetide
