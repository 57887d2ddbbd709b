// The running daemon: owns everything, in the order of life, and runs until it is told to stop.
//
// Threads: main waits for signals and the trigger timer, ticks the pipeline and feeds the watchdog, which is fed only
//          after a tick has run, or was held back because the disk takes nothing. Sources and workers own their
//          threads, named after them; `run` starts and ends all, and the storage thread.
// Signals: SIGTERM and SIGINT stop intake, fire every window, deliver, write a checkpoint, and end within 10 s.
//          SIGHUP reads the configuration again: all of it holds, but for what needs a restart, or nothing has changed.
//          It may come at any time; several in a row may count as one.
// Fails:   std::runtime_error from construction or `run` for what will not mend by itself (an address in use, a
//          certificate that cannot be read, state that must not be touched); a broker or store that is away, or a disk
//          that is full, is no failure.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/core.h"
#include "daemon/gateway_options.h"
#include "daemon/monitor/monitor.h"
#include "daemon/monitor/status_gathering.h"
#include "daemon/recovery/storage_thread.h"
#include "daemon/reload/reload_plan.h"
#include "daemon/reload/reload_result.h"
#include "daemon/service/clock.h"
#include "daemon/service/service_notify.h"
#include "daemon/sources/socket_loop.h"
#include "daemon/sources/source.h"
#include "daemon/storage/posix_file_system.h"

namespace edgetide {

class Gateway {
 public:
  // Reads the configuration again; throws what says why it cannot, one line for each error.
  using LoadAgain = std::function<GatewayOptions()>;
  Gateway(GatewayOptions options, LoadAgain load_again);
  ~Gateway() { storage_.stop(); }

  // Until SIGTERM or SIGINT. Requires: both blocked in every thread (`block_signals`).
  void run();

  // summary.h, after `run`.
  std::string summary() const;

 private:
  struct RunningSource {
    std::string name;
    std::unique_ptr<Source> source;
  };

  void add_source(const std::string& name, const std::vector<std::string>& former_filters = {});
  std::unique_ptr<Source> make_source(const std::string& name, SourceId id,
                                      const std::vector<std::string>& former_filters);
  bool runs(const std::string& name) const;
  void wait_and_tick();

  // gateway_reload.cpp
  void reload();
  void apply(GatewayOptions next);
  void exchange(GatewayOptions& next, const ReloadPlan& plan);
  void stop_sources(const NameChanges& changes);
  void start_new_sources(const std::vector<MqttInput>& former);
  void note_failure(const std::string& text);
  void tick(Fire fire);
  void report();
  void report_refusals();
  void report_quarantine();
  void report_storage();
  void report_outboxes();
  void stop();
  void write_state();
  std::string status_line() const;

  // gateway_monitoring.cpp
  void start_monitor();
  StatusParts status_parts() const;
  GatewayStatus status(StatusDetail detail) const;
  std::shared_ptr<Tap> tap(std::string_view name);

  GatewayOptions options_;
  const LoadAgain load_again_;
  SystemClock clock_;
  PosixFileSystem files_;
  StorageThread storage_;
  Core core_;
  SocketLoop sockets_;
  std::vector<RunningSource> sources_;
  ServiceNotify notify_;
  ReloadResult last_reload_;
  std::map<std::string, Counters> reported_;  // by source, as last logged
  QuarantineCounters reported_quarantine_;
  std::string reported_error_;
  std::map<std::string, SinkWorkerStatus> reported_workers_;  // by sink, as last logged
  Duration reported_at_;                                      // running time
  Duration status_told_at_;                                   // running time
  const Timestamp started_at_;
  std::atomic<std::int64_t> ticked_at_{};  // running time, in microseconds
  // Held while options, workers and the result of the reload are replaced, and by the monitor while it looks at them.
  mutable std::mutex parts_mutex_;
  std::unique_ptr<Monitor> monitor_;  // last: it looks at all the others
};

// Blocks the signals that `Gateway::run` waits for. Before any thread is started.
void block_signals();

}  // namespace edgetide
