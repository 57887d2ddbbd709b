#include "daemon/core.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <unistd.h>
#include <utility>

#include "daemon/service/log.h"
#include "daemon/service/quantity.h"
#include "pipeline/window_named.h"

namespace edgetide {

namespace {

// Two clones whose clocks are behind the runs before do not get the same number. Runs count microseconds.
constexpr std::uint64_t run_spread = 1'000'000;

std::vector<std::string> names_of(const std::vector<SourceOptions>& sources) {
  std::vector<std::string> names;
  for (const SourceOptions& source : sources) names.push_back(source.name);
  return names;
}

// For a person at another instance of this gateway.
std::string this_process(const std::string& state_directory) {
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = '?';
  return std::string(host) + ", process " + std::to_string(::getpid()) + ", state " + state_directory;
}

std::optional<RowFilter> filter_of(const SinkOptions& sink, const std::vector<WindowSchema>& inputs) {
  if (sink.filter.where == nullptr) return std::nullopt;
  return RowFilter(sink.filter, sink.name, inputs, sink.store->traits().kind);
}

StateDirectory open_directory(FileSystem& files, const std::string& path) {
  auto opened = StateDirectory::open(files, path);
  if (auto* const directory = std::get_if<StateDirectory>(&opened)) return std::move(*directory);
  const auto& refusal = std::get<StateDirectory::Refusal>(opened);
  if (refusal.locked) throw std::runtime_error(refusal.text);
  throw StateRefused(refusal.text);
}

}  // namespace

Core::Core(const GatewayOptions& options, FileSystem& files, Clock& clock, Hooks hooks)
    : files_(files),
      hooks_(std::move(hooks)),
      gateway_id_(options.id),
      folder_(options.state_directory),
      directory_(open_directory(files, folder_)),
      checkpoints_(files, folder_, options.checkpoint),
      pipeline_(options.pipeline),
      quarantine_(files, folder_, options.quarantine) {
  FoundState found = find_state(files, folder_, checkpoints_, hooks_.fresh_id);
  identity_.state_id = found.state_id;
  for (const SinkOptions& sink : options.sinks) workers_.push_back(make_worker(options, sink));
  RowRoutes routes = routes_to(options, workers_);
  RecoveredState recovered = recover(
      files, folder_, checkpoints_, std::move(found), pipeline_,
      [&](const std::vector<WindowOptions>& then) { return routes_of(then, options); }, workers_, clock);
  reports_ = directory_.reports();
  std::move(recovered.reports.begin(), recovered.reports.end(), std::back_inserter(reports_));
  identity_ = recovered.identity;
  identity_.run += hooks_.fresh_id % run_spread;
  *history_ = recovered.intake.history;
  history_->begin(identity_.run);
  clock.continue_from(recovered.ran_before);
  journal_ = std::make_unique<Journal>(files, folder_, options.journal, identity_.run, recovered.journal);
  intake_ = std::make_unique<Intake>(IntakeParts{.pipeline = pipeline_,
                                                 .clock = clock,
                                                 .gate = gate_,
                                                 .journal = *journal_,
                                                 .journal_options = options.journal,
                                                 .identity = identity_,
                                                 .sources = names_of(options.pipeline.sources),
                                                 .tables = options.enrichment.tables_by_source(),
                                                 .routes = std::move(routes),
                                                 .quarantine = &quarantine_,
                                                 .recovered = std::move(recovered.intake),
                                                 .on_unsafe = hooks_.sync_wanted,
                                                 .on_storage_wanted = hooks_.storage_wanted});
  syncer_ = std::make_unique<JournalSyncer>(*intake_, clock, options.journal.sync_interval);
  checkpointer_ = std::make_unique<Checkpointer>(*intake_, workers_, checkpoints_, clock, options.checkpoint);
  // Or a later recovery would not know from when on the changed definitions took windows.
  if (!pipeline_.changed_windows().empty()) static_cast<void>(checkpointer_->write_checkpoint());
}

std::unique_ptr<SinkWorker> Core::make_worker(const GatewayOptions& options, const SinkOptions& sink) {
  const std::vector<WindowSchema> schemas = schemas_of(options.pipeline.windows, sink);
  return std::make_unique<SinkWorker>(
      sink.name,
      sink.store->make({gateway_id_, sink.name, identity_.state_id, this_process(folder_), history_}, schemas),
      sink.store->traits(), schemas, sink.outbox, files_, folder_,
      OutboxEvents{[this] { tell_room(); }, hooks_.storage_wanted});
}

// No source runs before the recovery is over.
void Core::tell_room() {
  if (intake_ != nullptr) intake_->room_available();
}

SinkWorker* Core::find_worker(const SinkWorkers& among, const std::string& name) const {
  const auto found = std::find_if(among.begin(), among.end(), [&](const auto& one) { return one->name() == name; });
  return found == among.end() ? nullptr : found->get();
}

// Rows go to a `fresh` worker where there is one, otherwise to the worker that stays.
RowRoutes Core::routes_to(const GatewayOptions& options, const SinkWorkers& fresh) const {
  RowRoutes routes;
  for (const SinkOptions& sink : options.sinks) {
    SinkWorker* worker = find_worker(fresh, sink.name);
    if (worker == nullptr) worker = find_worker(workers_, sink.name);
    const SinkKind kind = sink.store->traits().kind;
    routes.add(RowSelection(options.pipeline.windows, sink.inputs, sink.mode, kind, sink.parts), *worker,
               filter_of(sink, schemas_of(options.pipeline.windows, sink)));
  }
  return routes;
}

// For the replay of what came while the windows were these. Rows that no sink takes any more are left out.
RowRoutes Core::routes_of(const std::vector<WindowOptions>& former, const GatewayOptions& options) const {
  RowRoutes routes;
  for (const SinkOptions& sink : options.sinks) {
    const SinkKind kind = sink.store->traits().kind;
    std::vector<WindowId> inputs;
    for (const WindowId input : sink.inputs) {
      const auto then = window_named(former, options.pipeline.windows[index_of(input)].name);
      if (then) inputs.push_back(*then);
    }
    const std::vector<WindowSchema> schemas = schemas_of(former, inputs, kind, sink.filter.on, sink.parts);
    RowTranslation translation(schemas, schemas_of(options.pipeline.windows, sink));
    routes.add(RowSelection(former, inputs, sink.mode, kind, sink.parts), *find_worker(workers_, sink.name),
               filter_of(sink, schemas), std::move(translation));
  }
  return routes;
}

// ---- reload

// The journal record of the reload is the commit point: before it nothing has changed, after it a recovery with the new
// configuration finds everything (DURABILITY.md, "the daemon dies while it reads its configuration again"). The rows of
// changed windows so far are emitted to the former workers.
std::optional<std::string> Core::reload(const GatewayOptions& next, const ReloadPlan& plan,
                                        std::chrono::steady_clock::time_point deadline) {
  SinkWorkers fresh = new_workers(next, plan.sinks);
  const bool forgets = !plan.windows.changed.empty() || !plan.windows.removed.empty();
  if (auto refusal = intake_->reconfigure({Pipeline(next.pipeline), names_of(next.pipeline.sources),
                                           next.enrichment.tables_by_source(), routes_to(next, fresh), forgets})) {
    return refusal;
  }
  if (const std::error_code error = intake_->sync()) {
    log(LogLevel::error, {LogEvent::disk_failing},
        "reload: the last rows of changed windows may be lost: " + error.message());
  }
  for (const std::string& line : intake_->inspect(describe_changes)) log(LogLevel::info, line);
  replace_workers(std::move(fresh), plan.sinks, deadline);
  static_cast<void>(
      checkpointer_->write_checkpoint());  // if it fails, a later one succeeds; the journal has everything
  return std::nullopt;
}

Core::SinkWorkers Core::new_workers(const GatewayOptions& next, const NameChanges& sinks) {
  SinkWorkers fresh;
  for (const SinkOptions& sink : next.sinks) {
    if (!sinks.has_added(sink.name) && !sinks.has_changed(sink.name)) continue;
    fresh.push_back(make_worker(next, sink));
    if (!sinks.has_added(sink.name)) continue;
    const auto answer = fresh.back()->recover({}, identity_.run);
    if (const auto* const refusal = std::get_if<LogRefusal>(&answer)) throw std::runtime_error(refusal->text);
  }
  return fresh;
}

void Core::replace_workers(SinkWorkers fresh, const NameChanges& sinks,
                           std::chrono::steady_clock::time_point deadline) {
  const auto stays = [&](const auto& one) {
    return !sinks.has_changed(one->name()) && !sinks.has_removed(one->name());
  };
  const auto first_leaving = std::stable_partition(workers_.begin(), workers_.end(), stays);
  SinkWorkers leaving(std::make_move_iterator(first_leaving), std::make_move_iterator(workers_.end()));
  workers_.erase(first_leaving, workers_.end());
  for (const auto& worker : leaving) worker->finish(deadline);
  for (const auto& worker : leaving) worker->join();
  for (const auto& worker : leaving) adopt(*worker, find_worker(fresh, worker->name()));
  std::move(fresh.begin(), fresh.end(), std::back_inserter(workers_));
}

// The outbox is spilled first, because the successor's rows may have other columns in memory.
void Core::adopt(SinkWorker& leaving, SinkWorker* successor) {
  gate_.forget(leaving);
  if (const std::error_code error = leaving.spill(latest_epoch)) {
    log(LogLevel::error, {.event = LogEvent::disk_failing, .sink = leaving.name()},
        "cannot write its outbox to disk: " + error.message());
  }
  if (successor != nullptr) {
    if (leaving.status().taken_over) {
      log(LogLevel::warning, {.sink = leaving.name()},
          "another instance had taken it over; its changed configuration takes the store back");
    }
    return successor->adopt(leaving);
  }
  const std::size_t rows = leaving.status().outbox_rows;
  const std::string left = quantity(rows, "row") + " of its outbox kept on disk for a sink of the same name";
  log(LogLevel::info, {.sink = leaving.name()}, "removed" + (rows == 0 ? "" : "; " + left));
}

}  // namespace edgetide
