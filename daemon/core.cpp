#include "daemon/core.h"

#include <stdexcept>
#include <utility>

namespace edgetide {

namespace {

std::vector<std::string> names_of(const std::vector<SourceOptions>& sources) {
  std::vector<std::string> names;
  for (const SourceOptions& source : sources) names.push_back(source.name);
  return names;
}

StateDirectory open_directory(FileSystem& files, const std::string& path) {
  auto opened = StateDirectory::open(files, path);
  if (auto* const directory = std::get_if<StateDirectory>(&opened)) return std::move(*directory);
  const auto& refusal = std::get<StateDirectory::Refusal>(opened);
  if (refusal.locked) throw std::runtime_error(refusal.text);
  throw StateRefused(refusal.text);
}

}  // namespace

Core::Core(const GatewayOptions& options, FileSystem& files, Clock& clock, const Hooks& hooks)
    : directory_(open_directory(files, options.state_directory)),
      checkpoints_(files, options.state_directory, options.checkpoint),
      pipeline_(options.pipeline),
      quarantine_(files, options.state_directory, options.quarantine),
      intake_(pipeline_, clock, names_of(options.pipeline.sources)) {
  intake_.set_quarantine(quarantine_);
  intake_.on_unsafe(hooks.step_wanted);
  intake_.set_tables(options.enrichment.tables_by_source());
  const FoundState found = find_state(files, options.state_directory, checkpoints_, hooks.fresh_id);
  add_couriers(options, files, hooks, found.state_id);
  RecoveredState recovered = recover(files, options.state_directory, found, pipeline_,
                                     names_of(options.pipeline.sources), intake_.routes(), couriers_, clock.now().wall);
  reports_ = std::move(recovered.reports);
  clock.continue_from(recovered.ran_before);
  journal_ = std::make_unique<Journal>(files, options.state_directory, options.journal, recovered.identity.run,
                                       recovered.journal);
  intake_.open(recovered.identity, std::move(recovered.intake), *journal_, options.journal);
  keeper_ = std::make_unique<StateKeeper>(intake_, couriers_, checkpoints_, clock, options.journal, options.checkpoint);
}

void Core::add_couriers(const GatewayOptions& options, FileSystem& files, const Hooks& hooks, std::uint64_t state_id) {
  for (const SinkOptions& sink : options.sinks) {
    const std::vector<WindowOptions>& windows = options.pipeline.windows;
    const std::vector<WindowSchema> schemas = schemas_of(windows, sink.inputs);
    couriers_.push_back(std::make_unique<Courier>(
        sink.name, hooks.make_sink(sink, {options.id, sink.name, state_id}, schemas), schemas, sink.outbox, files,
        options.state_directory, OutboxEvents{[this] { intake_.room(); }, hooks.step_wanted}));
    intake_.add_route(RowSelection(windows, sink.inputs, sink.mode), *couriers_.back());
  }
}

}  // namespace edgetide
