// The running daemon: owns everything, in order of lifetime, and runs until SIGTERM.
//
// Threads: main waits for signals and the trigger timer, ticks the pipeline and feeds the watchdog, which is fed only
//          after a tick has run, or was held back because the disk cannot be written. Sources and workers have
//          named threads, all sources on the event loop one; `run` starts and stops all of them, and the threads that
//          sync and store.
// Signals: SIGTERM and SIGINT stop intake, fire every window, deliver, write a checkpoint, and exit within 10 s.
//          SIGHUP reads the configuration again. It is applied whole, except for keys that need a restart, or not at
//          all. It may arrive at any time; several in a row may count as one.
// Fails:   std::runtime_error from construction or `run` for a permanent fault (state that must not be touched). A
//          broker or store that cannot be reached, a full disk, and a source that cannot start (retried_source.h) are
//          not failures.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/core.h"
#include "daemon/gateway_options.h"
#include "daemon/monitor/monitor.h"
#include "daemon/monitor/row_losses.h"
#include "daemon/monitor/status_gathering.h"
#include "daemon/recovery/step_thread.h"
#include "daemon/reload/reload_plan.h"
#include "daemon/reload/reload_result.h"
#include "daemon/service/clock.h"
#include "daemon/service/event_loop.h"
#include "daemon/service/mutex.h"
#include "daemon/service/service_notify.h"
#include "daemon/sources/retried_source.h"
#include "daemon/sources/socket_loop.h"
#include "daemon/storage/posix_file_system.h"

namespace edgetide {

class Gateway {
 public:
  // Reads the configuration again; throws an exception whose text has one line for each error.
  using LoadAgain = std::function<GatewayOptions()>;
  Gateway(GatewayOptions options, LoadAgain load_again);
  ~Gateway() { storage_.stop(); }

  // Until SIGTERM or SIGINT. Requires: both blocked in every thread (`block_signals`).
  void run();

  // summary.h, after `run`.
  std::string summary() const;

 private:
  void add_source(const SourceInput& input);
  bool runs(const std::string& name) const;
  void start_due_sources();
  int until_next_start() const;
  void wait_and_tick();

  // gateway_reload.cpp
  void reload();
  void apply(GatewayOptions next);
  void adopt(GatewayOptions& next, const ReloadPlan& plan);
  void stop_sources(const NameChanges& changes);
  void start_new_sources();
  void note_failure(const std::string& text);
  void tick(Fire fire);
  void note_row_losses(Duration running);
  void report();
  void report_refusals();
  void report_series_refusal(SourceId source, const std::string& name);
  void report_quarantine();
  void report_storage();
  void report_outboxes();
  void stop();
  void write_state();
  std::string status_line() const;

  // gateway_monitoring.cpp
  void start_monitor();
  StatusParts status_parts() const REQUIRES(parts_mutex_);
  GatewayStatus status(StatusDetail detail) const;
  std::shared_ptr<Tap> tap(std::string_view name);
  std::variant<std::size_t, std::string> take_sink(std::string_view name);
  LateAddition add_late(const LateChoice& choice, std::uint64_t& next);
  std::string state_directory() const;

  // Only the main thread, which alone replaces them, reads them without the lock.
  const GatewayOptions& options() const NO_THREAD_SAFETY_ANALYSIS { return options_; }

  GatewayOptions options_ GUARDED_BY(parts_mutex_);
  const LoadAgain load_again_;
  SystemClock clock_;
  PosixFileSystem files_;
  StepThread sync_;     // of the journal
  StepThread storage_;  // of checkpoints and spills
  Core core_;
  EventLoop loop_;  // of the sources
  SocketLoop sockets_;
  std::list<RetriedSource> sources_;
  ServiceNotify notify_;
  ReloadResult last_reload_ GUARDED_BY(parts_mutex_);
  std::map<std::string, Counters> counters_before_;  // by source, at the start
  RowLosses row_losses_ GUARDED_BY(parts_mutex_);
  std::map<std::string, Counters> reported_;    // by source, as last logged
  std::map<std::string, bool> refuses_series_;  // by source, as last logged
  QuarantineCounters reported_quarantine_;
  std::string reported_error_;
  std::map<std::string, SinkWorkerStatus> reported_workers_;  // by sink, as last logged
  Duration reported_at_;                                      // running time
  Duration status_sent_at_;                                   // running time
  const Duration started_at_;                                 // running time
  std::atomic<std::int64_t> ticked_at_{};                     // running time, in microseconds
  // Held while options, the workers of the core and the reload result are replaced, and by the monitor while it reads
  // them.
  mutable Mutex parts_mutex_;
  std::unique_ptr<Monitor> monitor_;  // last: it reads all the others
};

// Blocks the signals that `Gateway::run` waits for. Before any thread is started.
void block_signals();

}  // namespace edgetide
