#include "daemon/gateway.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <numeric>
#include <poll.h>
#include <random>
#include <stdexcept>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "daemon/monitor/readiness.h"
#include "daemon/monitor/summary.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/heap.h"
#include "daemon/service/log.h"
#include "daemon/service/quantity.h"

namespace edgetide {

namespace {

// For the last deliveries. A store that does not answer may delay the stop by its connect timeout (5 s) more.
constexpr std::chrono::seconds deliver_within{4};
constexpr Duration tick_min = Duration::milliseconds(100);
constexpr Duration max_tick = Duration::seconds(10);
constexpr Duration report_every = Duration::minutes(1);
constexpr Duration status_every = Duration::seconds(5);

Descriptor checked(int descriptor, const char* what) {
  if (descriptor < 0) throw std::system_error(errno, std::generic_category(), what);
  return Descriptor(descriptor);
}

sigset_t awaited_signals() noexcept {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

// Often enough for every trigger to fire at its multiples, and for the watchdog.
Duration tick_interval(const std::vector<WindowOptions>& windows, std::optional<Duration> watchdog) {
  std::int64_t interval = max_tick.count();
  for (const WindowOptions& window : windows) interval = std::gcd(interval, window.trigger.count());
  if (watchdog) interval = std::min(interval, watchdog->count());
  return Duration::microseconds(std::max(interval, tick_min.count()));
}

timespec to_timespec(Duration duration) noexcept {
  return {static_cast<std::time_t>(duration.count() / 1'000'000),
          static_cast<long>(duration.count() % 1'000'000 * 1000)};
}

void start_timer(int timer, Duration interval) {
  const itimerspec every{to_timespec(interval), to_timespec(interval)};
  timerfd_settime(timer, 0, &every, nullptr);
}

std::uint64_t fresh_state_id() {
  std::random_device random;
  const std::uint64_t bits = static_cast<std::uint64_t>(random()) << 32 | random();
  return (bits >> 1) | 1;
}

}  // namespace

void block_signals() {
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

Gateway::Gateway(GatewayOptions options, LoadAgain load_again)
    : options_(std::move(options)),
      load_again_(std::move(load_again)),
      clock_(options_.clock.wait_after_boot),
      sync_("sync", [this] { return core_.syncer().step(); }),
      storage_("storage", [this] { return core_.checkpointer().step(); }),
      core_(options_, files_, clock_, {[this] { sync_.wake(); }, [this] { storage_.wake(); }, fresh_state_id()}),
      loop_("sources"),
      sockets_(core_.intake(), loop_),
      last_reload_{true, clock_.now().running, {}},
      started_at_(last_reload_.at) {
  for (const SourceInput& input : options_.sources) {
    add_source(input);
    const SourceId id = core_.intake().source_id(input.name);
    counters_before_[input.name] =
        core_.intake().inspect([&](const Pipeline& pipeline) { return pipeline.counters(id); });
  }
}

void Gateway::add_source(const SourceInput& input) {
  const SourceId id = core_.intake().source_id(input.name);
  sources_.emplace_back(input.name, id, core_.intake(), input.source->make({id, core_.intake(), loop_, sockets_}));
}

bool Gateway::runs(const std::string& name) const {
  return std::any_of(sources_.begin(), sources_.end(),
                     [&](const RetriedSource& source) { return source.name() == name; });
}

void Gateway::start_due_sources() {
  for (RetriedSource& source : sources_) source.start_if_due(clock_.now().running);
}

// In milliseconds, as poll wants it; -1: all run.
int Gateway::until_next_start() const {
  std::optional<Duration> next;
  for (const RetriedSource& source : sources_) {
    if (const auto at = source.next_try()) next = std::min(next.value_or(*at), *at);
  }
  if (!next) return -1;
  return static_cast<int>(std::max<std::int64_t>((*next - clock_.now().running).count() / 1000 + 1, 1));
}

void Gateway::run() {
  for (const std::string& line : core_.recovery_reports()) log(LogLevel::warning, line);
  report_outboxes();
  sync_.start();
  storage_.start();
  for (const auto& worker : core_.workers()) worker->start();
  start_due_sources();
  log(LogLevel::info, {LogEvent::started},
      "gateway " + options().id + ": running, " + quantity(options().pipeline.sources.size(), "source") + ", " +
          quantity(options().pipeline.windows.size(), "window") + ", " + quantity(core_.workers().size(), "sink"));
  if (options().pipeline.sources.empty()) {
    log(LogLevel::warning, "no source is configured, so no reading can arrive; add a [sources.NAME] table");
  }
  start_monitor();
  notify_.ready();
  notify_.status(status_line());
  wait_and_tick();
  stop();
}

void Gateway::wait_and_tick() {
  const sigset_t awaited = awaited_signals();
  const Descriptor signals = checked(signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
  const Descriptor timer = checked(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd_create");
  const auto start_ticking = [&] {
    start_timer(timer.get(), tick_interval(options().pipeline.windows, notify_.watchdog_interval()));
  };
  start_ticking();
  while (true) {
    std::array<pollfd, 2> ready{pollfd{signals.get(), POLLIN, 0}, pollfd{timer.get(), POLLIN, 0}};
    if (poll(ready.data(), ready.size(), until_next_start()) < 0 && errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "poll");
    }
    signalfd_siginfo signal{};
    if (read(signals.get(), &signal, sizeof signal) == sizeof signal) {
      if (signal.ssi_signo != SIGHUP) return;
      reload();
      start_ticking();
    }
    std::uint64_t expirations = 0;
    if (read(timer.get(), &expirations, sizeof expirations) == sizeof expirations) {
      tick(Fire::due);
      notify_.alive();
    }
    start_due_sources();
  }
}

void Gateway::tick(Fire fire) {
  core_.intake().tick(fire, tick_interval(options().pipeline.windows, notify_.watchdog_interval()));
  for (const auto& worker : core_.workers()) worker->end_silence();
  const Duration running = clock_.now().running;
  ticked_at_ = running.count();
  if (running - status_sent_at_ >= status_every) {
    status_sent_at_ = running;
    note_row_losses(running);
    notify_.status(status_line());
    trim_heap();
  }
  if (running - reported_at_ < report_every) return;
  reported_at_ = running;
  report();
}

void Gateway::note_row_losses(Duration running) {
  const MutexLock lock(parts_mutex_);
  for (const auto& worker : core_.workers()) {
    const SinkWorkerStatus status = worker->status();
    row_losses_.note(worker->name(), status.dropped_rows + status.rejected_rows, running);
  }
}

void Gateway::report() {
  log(LogLevel::info, status_line());
  report_refusals();
  report_quarantine();
  report_storage();
  report_outboxes();
  log_withheld();
}

// One line for each source that refused readings since the last report: the number by reason, and one example.
void Gateway::report_refusals() {
  for (std::uint32_t i = 0; i < options().pipeline.sources.size(); ++i) {
    const SourceId source{i};
    const std::string& name = options().pipeline.sources[i].name;
    const Counters counters =
        core_.intake().inspect([&](const Pipeline& pipeline) { return pipeline.counters(source); });
    report_series_refusal(source, name);
    const Counters before = std::exchange(reported_[name], counters);
    std::string refused;
    for (std::size_t reason = 0; reason < refusal_count; ++reason) {
      const std::uint64_t fresh = counters.refused[reason] - before.refused[reason];
      if (fresh > 0) refused += " " + std::string(name_of(Refusal(reason))) + "=" + std::to_string(fresh);
    }
    const std::uint64_t late = counters.of(ReadingOutcome::late_dropped) - before.of(ReadingOutcome::late_dropped);
    if (late > 0) refused += " late_dropped=" + std::to_string(late);
    if (refused.empty()) continue;
    const RefusalSample sample = core_.intake().last_refusal(source);
    if (!sample.where.empty()) {
      refused += " (last invalid: " + std::string(name_of(sample.reason)) + " at " + printable(sample.where) +
                 " byte " + std::to_string(sample.offset) + ")";
    }
    log(LogLevel::warning, {.event = LogEvent::readings_refused, .source = name}, "refused or dropped:" + refused);
  }
}

// Once when it begins, and once when it is over.
void Gateway::report_series_refusal(SourceId source, const std::string& name) {
  const auto refusal =
      core_.intake().inspect([&](const Pipeline& pipeline) { return pipeline.refuses_series(source); });
  const bool was_refusing = std::exchange(refuses_series_[name], refusal.has_value());
  if (refusal.has_value() == was_refusing) return;
  const LogSubject subject{.event = LogEvent::readings_refused, .source = name};
  if (refusal) {
    log(LogLevel::warning, subject,
        "new series are refused, and with them their readings: " + std::string(name_of(*refusal)));
  } else {
    log(LogLevel::info, subject, "new series are taken again");
  }
}

// What the quarantine could not keep since the last report.
void Gateway::report_quarantine() {
  const QuarantineCounters counters = core_.intake().quarantine_counters();
  const auto warn = [](std::uint64_t count, std::string_view what, const std::string& why) {
    if (count == 0) return;
    log(LogLevel::warning, "quarantine: " + quantity(count, what) + " counted but not kept: " + why);
  };
  const std::string failed = counters.error.empty() ? "disk errors" : counters.error;
  warn(counters.failed - reported_quarantine_.failed, "reading", failed);
  warn(counters.over_rate - reported_quarantine_.over_rate, "reading", "they exceed its rate limit");
  warn(counters.messages_failed - reported_quarantine_.messages_failed, "message", failed);
  reported_quarantine_ = counters;
}

namespace {

std::string describe(const SpillLoss& lost) {
  std::string text = quantity(lost.records, "record");
  if (lost.rows > 0) text += " with up to " + quantity(lost.rows, "row");
  if (lost.last != EpochId{}) {
    const bool one_run = lost.after.run == lost.last.run && lost.after.epoch < lost.last.epoch;
    text += " of the epochs " + (one_run ? "from " + std::to_string(lost.after.epoch + 1) + " " : std::string()) +
            "to " + std::to_string(lost.last.epoch);
  }
  return text + " missing or damaged on disk; rows that the store does not have already are lost";
}

}  // namespace

// Changes in the spilled rows of each sink.
void Gateway::report_outboxes() {
  for (const auto& worker : core_.workers()) {
    const SinkWorkerStatus status = worker->status();
    const SinkWorkerStatus before = std::exchange(reported_workers_[worker->name()], status);
    const LogSubject disk{.event = LogEvent::disk_failing, .sink = worker->name()};
    if (status.spilled_rows > 0) {
      log(LogLevel::info, {.sink = worker->name()},
          quantity(status.spilled_rows, "row") + " in the outbox on disk, " + quantity(status.spilled_bytes, "byte"));
    }
    if (status.disk_error != before.disk_error && !status.disk_error.empty()) {
      log(LogLevel::error, disk, "cannot write its outbox to disk: " + printable(status.disk_error));
    }
    if (status.lost.records > before.lost.records) {
      log(LogLevel::error, disk, "outbox: " + describe(status.lost));
    } else if (status.lost.records < before.lost.records) {
      log(LogLevel::info, {.sink = worker->name()}, "outbox: the store has the rows that are not on disk");
    }
  }
}

void Gateway::report_storage() {
  const std::string error = core_.intake().journal_status().error;
  if (error == reported_error_) return;
  log(error.empty() ? LogLevel::info : LogLevel::error, {LogEvent::disk_failing},
      error.empty() ? "journal: writable again" : "journal cannot be written, intake waits: " + error);
  reported_error_ = error;
}

std::string Gateway::status_line() const {
  std::string line = core_.intake().inspect([](const Pipeline& pipeline) {
    const Counters counters = pipeline.counters();
    return std::to_string(counters.received) + " readings, " +
           std::to_string(counters.of(ReadingOutcome::late_dropped)) + " late, " +
           std::to_string(counters.refused_total()) + " refused, " + std::to_string(pipeline.series().size()) +
           " series, " + std::to_string(pipeline.open_windows()) + " open windows";
  });
  if (core_.intake().waits_for_clock()) {
    line = clock_hold_text(clock_.set_within(), core_.intake().held_readings()) + "; " + line;
  }
  for (const auto& worker : core_.workers()) {
    const SinkWorkerStatus status = worker->status();
    line += "; " + worker->name() + (status.connected ? ": " : " (not connected): ") +
            std::to_string(status.delivered_rows) + " rows stored, " + std::to_string(status.outbox_rows) +
            " in the outbox";
    if (status.dropped_rows > 0) line += ", " + std::to_string(status.dropped_rows) + " dropped";
    if (status.rejected_rows > 0) line += ", " + std::to_string(status.rejected_rows) + " rejected";
  }
  const MutexLock lock(parts_mutex_);
  if (!last_reload_.ok) line += "; RELOAD FAILED: " + last_reload_.reason;
  return line;
}

void Gateway::stop() {
  const auto deadline = std::chrono::steady_clock::now() + deliver_within;
  notify_.stopping();
  log(LogLevel::info, "stopping");
  core_.intake().set_blocking(false);
  for (RetriedSource& source : sources_) source.stop();
  core_.intake().close();
  core_.quarantine().sync();
  core_.intake().tick(Fire::all);
  static_cast<void>(core_.intake().sync());  // releases the rows; if it fails, the next run computes them again
  for (const auto& worker : core_.workers()) worker->finish(deadline);
  for (const auto& worker : core_.workers()) worker->join();
  report();
  write_state();
  monitor_.reset();
  log(LogLevel::info, {LogEvent::stopped}, "stopped");
}

void Gateway::write_state() {
  sync_.stop();
  storage_.stop();
  const std::error_code error = core_.checkpointer().write_checkpoint();
  for (const auto& worker : core_.workers()) {
    const SinkWorkerStatus status = worker->status();
    if (status.outbox_rows == 0) continue;
    log(error ? LogLevel::error : LogLevel::info, {.sink = worker->name()},
        quantity(status.outbox_rows, "row") + " not delivered" + (error ? "" : ", kept for the next start"));
  }
}

std::string Gateway::summary() const {
  const std::uint64_t rows = core_.intake().rows_emitted();
  return core_.intake().inspect(
      [&](const Pipeline& pipeline) { return summary_json(pipeline, pipeline.watermarks(), rows, TimeText::rfc3339); });
}

}  // namespace edgetide
