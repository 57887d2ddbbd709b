// The gateway's part of a reload: read and check everything, let the core switch over, then stop the old sources and
// start the new ones. Nothing has changed until the core has switched over.
#include <algorithm>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "daemon/gateway.h"
#include "daemon/service/log.h"

namespace edgetide {

namespace {

constexpr std::chrono::seconds removed_deliver_within{4};

// Stops the storage thread, so that only this thread works on the core while it exists.
class StoragePause {
 public:
  explicit StoragePause(StepThread& storage) : storage_(storage) { storage_.stop(); }
  ~StoragePause() { storage_.start(); }
  StoragePause(const StoragePause&) = delete;
  StoragePause& operator=(const StoragePause&) = delete;

 private:
  StepThread& storage_;
};

}  // namespace

void Gateway::reload() {
  notify_.reloading();
  {
    const MutexLock lock(parts_mutex_);
    last_reload_ = {true, clock_.now().running, {}};
  }
  try {
    GatewayOptions next = load_again_();
    const StoragePause pause(storage_);
    apply(std::move(next));
  } catch (const std::exception& error) {
    log(LogLevel::error, {LogEvent::reload_failed}, "reload failed, the configuration is unchanged:");
    note_failure(error.what());
  }
  notify_.ready();
  notify_.status(status_line());
}

// Logs each line; the first one becomes the reason of the failed reload.
void Gateway::note_failure(const std::string& text) {
  const MutexLock lock(parts_mutex_);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    log(LogLevel::error, line);
    if (std::exchange(last_reload_.ok, false)) last_reload_.reason = line;
  }
}

void Gateway::apply(GatewayOptions next) {
  const ReloadPlan plan = plan_reload(options(), next);
  keep_until_restart(options(), next);
  adopt(next, plan);
  stop_sources(plan.sources);
  start_new_sources();
}

// The core switches over; afterwards `next` holds the former options. The monitor sees neither meanwhile.
void Gateway::adopt(GatewayOptions& next, const ReloadPlan& plan) {
  const MutexLock lock(parts_mutex_);
  if (const auto refusal = core_.reload(next, plan, std::chrono::steady_clock::now() + removed_deliver_within)) {
    throw std::runtime_error(*refusal);
  }
  std::swap(options_, next);
  set_log_level(options_.log.level);
  log(LogLevel::info, {LogEvent::reloaded}, "reload: " + to_text(plan));
  for (const std::string& key : plan.needs_restart) {
    log(LogLevel::warning, "reload: " + key + " has changed; it takes effect at the next restart");
  }
  for (const auto& worker : core_.workers()) {
    if (plan.sinks.has_added(worker->name()) || plan.sinks.has_changed(worker->name())) worker->start();
  }
}

// A source may be waiting for room on a thread that it shares with others. It then gives up its current batch, which
// its peer sends again.
void Gateway::stop_sources(const NameChanges& changes) {
  const auto goes = [&](const RetriedSource& source) {
    return changes.has_changed(source.name()) || changes.has_removed(source.name());
  };
  if (std::none_of(sources_.begin(), sources_.end(), goes)) return;
  core_.intake().set_blocking(false);
  for (RetriedSource& source : sources_) {
    if (!goes(source)) continue;
    source.stop();
    tick(Fire::due);
    notify_.alive();
  }
  core_.intake().set_blocking(true);
  std::erase_if(sources_, goes);
  for (const std::string& name : changes.removed) reported_.erase(name);
}

// A source that cannot start is tried again, and impaired meanwhile; the reload is applied all the same.
void Gateway::start_new_sources() {
  for (const SourceInput& input : options().sources) {
    if (runs(input.name)) continue;
    try {
      add_source(input);
    } catch (const std::exception& error) {
      log(LogLevel::error, {.event = LogEvent::reload_failed, .source = input.name},
          "the reload is applied, but this source could not be made:");
      note_failure(error.what());
    }
  }
  start_due_sources();
}

}  // namespace edgetide
