#include "tests/simulation/simulation.h"

#include <random>

namespace edgetide::test {

namespace {

constexpr std::size_t scripted_sensors = 7, messages = 70;
constexpr Duration message_interval = Duration::milliseconds(700);
constexpr std::string_view partition = "0";
constexpr int patience = 1'000;  // tries of one message, of a second each

std::string counters_text(const Counters& counters) {
  std::string text = "received " + std::to_string(counters.received);
  for (const std::uint64_t outcome : counters.outcomes) text += ' ' + std::to_string(outcome);
  for (const std::uint64_t refused : counters.refused) text += ' ' + std::to_string(refused);
  return text;
}

struct Twice final : Formula {
  double evaluate(std::span<const double> inputs) const noexcept override { return 2 * inputs[0]; }
  std::string_view text() const noexcept override { return "2 * a"; }
};

WindowOptions window(const char* name, WindowKind kind) {
  WindowOptions options;
  options.name = name;
  options.kind = kind;
  options.size = Duration::seconds(10);
  options.slide = Duration::seconds(5);
  options.gap = Duration::seconds(4);
  options.inputs = {SourceId{0}};
  options.aggregates = {Aggregate::count, Aggregate::sum, Aggregate::min, Aggregate::last};
  options.allowed_lateness = Duration::seconds(6);
  options.trigger = Duration::seconds(1);
  return options;
}

}  // namespace

// Everything else than what the stores are to have the same: places of sources and windows, how a sink spills, a window
// that computes other series.
void change(GatewayOptions& options, bool computes_series) {
  PipelineOptions& pipeline = options.pipeline;
  pipeline.sources.insert(pipeline.sources.begin(), {"other", {}});
  WindowOptions extra = window("extra", WindowKind::tumbling);
  extra.aggregates = {Aggregate::count, Aggregate::avg};
  if (computes_series) extra.derived = {{"twice", {{"t", Aggregate::avg}}, std::make_shared<const Twice>()}};
  pipeline.windows.insert(pipeline.windows.begin(), extra);
  for (WindowOptions& each : pipeline.windows) each.inputs = {SourceId{1}};
  for (SinkOptions& sink : options.sinks) sink.inputs = {WindowId{1}, WindowId{2}, WindowId{3}};
  options.sinks.back().outbox.max_memory = 4'000;
}

Script make_script(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto up_to = [&](std::uint64_t most) { return random() % (most + 1); };
  Script script;
  for (std::size_t i = 0; i < messages; ++i) {
    ScriptedMessage& message = script.messages.emplace_back();
    const std::int64_t now_ms = message_interval.count() / 1000 * static_cast<std::int64_t>(i);
    const std::uint64_t readings = 1 + up_to(2);
    for (std::uint64_t r = 0; r < readings; ++r) {
      const std::int64_t delay_ms =
          up_to(9) == 0 ? static_cast<std::int64_t>(up_to(30'000)) : static_cast<std::int64_t>(up_to(4'000));
      message.readings.push_back({"s" + std::to_string(up_to(std::min(i / 4, scripted_sensors - 1))),
                                  static_cast<double>(up_to(100)) / 8, now_ms - delay_ms});
    }
    script.steps.push_back({Step::Kind::message, i});
    if (up_to(3) == 0) script.steps.push_back({Step::Kind::tick});
    if (up_to(2) == 0) script.steps.push_back({Step::Kind::storage});
    if (up_to(2) != 0) script.steps.push_back({Step::Kind::deliver});
    if (up_to(15) == 0) script.steps.push_back({Step::Kind::store_goes});
    if (up_to(7) == 0) script.steps.push_back({Step::Kind::store_comes});
  }
  // Every sensor once more, so late that all its windows become final.
  ScriptedMessage& last = script.messages.emplace_back();
  for (std::size_t i = 0; i < scripted_sensors; ++i) last.readings.push_back({"s" + std::to_string(i), 1, 10'000'000});
  script.steps.push_back({Step::Kind::message, messages});
  script.steps.push_back({Step::Kind::tick});
  script.steps.push_back({Step::Kind::store_comes});
  return script;
}

std::string difference(const Ending& a, const Ending& b) {
  std::string text = a.counters + '\n' + b.counters + '\n';
  int rows = 0;
  const auto describe = [&](const char* store, const auto& have, const auto& other, const char* in) {
    for (const auto& [key, value] : have) {
      const auto found = other.find(key);
      if ((found != other.end() && found->second == value) || ++rows > 10) continue;
      const auto& [input, sensor, metric, start] = key;
      text += std::string(store) + ", " + in + ": window " + std::to_string(input) + ", " + sensor + ", start " +
              std::to_string(start - ScriptClock::start.count()) + ", state " +
              std::to_string(static_cast<int>(value.state)) + ", count " + std::to_string(value.values[0]) + '\n';
    }
  };
  describe("updated", a.updated, b.updated, "first");
  describe("updated", b.updated, a.updated, "second");
  describe("appended", a.appended, b.appended, "first");
  describe("appended", b.appended, a.appended, "second");
  return text;
}

Simulation::Simulation(std::uint64_t seed, SimulationOptions options)
    : seed_(seed), options_(options), script_(make_script(seed)), running_(make_options(false)) {
  clock_.set_after = options.clock_set_after;
  for (FailingFake* const store : stores_) {
    store->failing_percent = options.failing_percent;
    store->random.seed(static_cast<std::uint32_t>(seed + 1));
  }
}

GatewayOptions Simulation::make_options(bool changed) {
  GatewayOptions options;
  options.id = "simulated";
  options.state_directory = "state";
  TimeOptions time;
  time.max_out_of_orderness = Duration::seconds(3);
  time.idle_timeout = Duration::unlimited();
  time.max_future = Duration::hours(24);  // the last message is far ahead
  options.pipeline.sources = {{"source", time}};
  options.pipeline.windows = {window("tumbling", WindowKind::tumbling), window("sliding", WindowKind::sliding),
                              window("session", WindowKind::session), window("grouped", WindowKind::tumbling)};
  options.pipeline.windows.back().group_by = {"metric"};
  const std::vector<WindowId> all = {WindowId{0}, WindowId{1}, WindowId{2}};
  SinkOptions updated;
  updated.name = "updated";
  updated.inputs = all;
  updated.mode = OutputMode::update;
  updated.store = std::make_shared<ConfiguredStore>(&updated_);
  SinkOptions appended = updated;
  appended.name = "appended";
  appended.store = std::make_shared<ConfiguredStore>(&appended_);
  appended.mode = OutputMode::append;
  appended.outbox.max_memory = 2'000;  // so that it spills
  options.sinks = {updated, appended};
  if (options_.has_streams) add_streams(options);
  options.journal.durability = options_.durability;
  options.checkpoint.interval = Duration::seconds(8);
  if (changed) change(options, options_.computes_series);
  return options;
}

void Simulation::add_streams(GatewayOptions& options) {
  SinkOptions update = options.sinks[0], append = options.sinks[1];
  update.name = "update_stream";
  update.store = std::make_shared<ConfiguredStream>(&update_stream_);
  append.name = "append_stream";
  append.store = std::make_shared<ConfiguredStream>(&append_stream_);
  options.sinks.push_back(update);
  options.sinks.push_back(append);
}

void Simulation::set_away(bool away) {
  for (FailingFake* const store : stores_) store->away = away;
}

// A life begins. What the disk refuses while it does is tried again, as a service manager would.
void Simulation::start() {
  running_ = make_options(changed_);
  for (int tries = 1; !core_; ++tries) {
    try {
      core_ = std::make_unique<Core>(running_, files, clock_, Core::Hooks{.fresh_id = 77});
    } catch (const std::runtime_error&) {
      if (tries == patience) throw;
      if (!died()) continue;
    }
    if (core_ && died()) core_.reset();
  }
  for (const auto& worker : core_->workers()) {
    if (worker->status().lost.records > 0) throw std::logic_error("what a death leaves of an outbox counts as lost");
  }
  next_ = next_at_source();
}

void Simulation::heal() {
  if (options_.heals_at_operation > 0 && files.operations() >= options_.heals_at_operation) files.fail_at(0, 0);
}

// True if this run has ended; the next one may begin.
bool Simulation::died() {
  heal();
  if (!files.dead()) return false;
  core_.reset();
  death_ == Death::kill ? files.forget_handles() : files.crash(seed_ + ++deaths_);
  files.die_at(again_());
  return true;
}

void Simulation::perform(const Step& step) {
  switch (step.kind) {
    case Step::Kind::message:
      return send(step.message);
    case Step::Kind::tick:
      core_->intake().tick(Fire::due);
      break;
    case Step::Kind::storage:
      store();
      break;
    case Step::Kind::deliver:
      for (const auto& worker : core_->workers()) worker->step();
      break;
    case Step::Kind::store_goes:
      set_away(true);
      break;
    case Step::Kind::store_comes:
      set_away(false);
      break;
    case Step::Kind::reload:
      reload();
      break;
  }
  if (died()) start();
}

// The file changes first; what cannot be applied stays undone until the next time, or the next run.
void Simulation::reload() {
  changed_ = !changed_;
  const GatewayOptions next = make_options(changed_);
  if (!core_->reload(next, plan_reload(running_, next), {})) running_ = next;
  next_ = next_at_source();
}

DecodedBatch Simulation::batch_of(std::size_t first, std::size_t last, bool resent) const {
  DecodedBatch batch;
  for (std::size_t number = first; number <= last; ++number) {
    for (const ScriptedMessage::One& reading : script_.messages[number].readings) {
      batch.readings.push_back({reading.sensor, "t", "", ScriptClock::start + Duration::milliseconds(reading.event_ms),
                                reading.value, 0, 0});
    }
    if (options_.has_positions) {
      batch.end_message({}, false, Position{partition, batch.keep(std::to_string(number + 1))});
    } else {
      batch.end_message(number + 1, resent);
    }
  }
  return batch;
}

// Until it is acknowledged; what is sent again is marked so.
void Simulation::send(std::size_t number) {
  if (options_.has_positions) return send_up_to(number);
  DecodedBatch batch = batch_of(number, number, false);
  for (int i = 0; i < patience; ++i) {
    const bool taken = core_->intake().try_accept(core_->intake().source_id("source"), batch).is_taken();
    const bool safe = taken && (options_.durability != Durability::power || !core_->intake().sync());
    if (died()) {
      start();
    } else if (safe) {
      return;
    } else {
      store();
    }
    batch.messages.back().redelivered = true;
    clock_.running = clock_.running + Duration::seconds(1);
  }
  throw std::runtime_error("message " + std::to_string(number) + " was never taken");
}

void Simulation::store() {
  core_->syncer().step();
  core_->checkpointer().step();
}

// Where the daemon says that the source was.
std::size_t Simulation::next_at_source() const {
  Intake& intake = core_->intake();
  const std::vector<StoredPosition> positions = intake.positions(intake.source_id("source"));
  return positions.empty() ? 0 : std::stoul(positions.at(0).bytes);
}

// Messages wait in the source, which sends them from its position on, several at once, and hears of no sync.
void Simulation::send_up_to(std::size_t number) {
  if (number % 3 == 1 && number + 1 < script_.messages.size()) return;  // the next one takes it along
  for (int i = 0; i < patience && next_ <= number; ++i) {
    const DecodedBatch batch = batch_of(next_, number, false);
    const bool taken = core_->intake().try_accept(core_->intake().source_id("source"), batch).is_taken();
    if (died()) {
      start();
      continue;
    }
    if (taken) next_ = number + 1;
    if (!taken) store();
    clock_.running = clock_.running + Duration::milliseconds(taken ? 0 : 1000);
  }
  if (next_ <= number) throw std::runtime_error("message " + std::to_string(number) + " was never taken");
}

void Simulation::deliver_all() {
  set_away(false);
  for (FailingFake* const store : stores_) store->failing_percent = 0;
  if (options_.has_positions) send_up_to(script_.messages.size() - 1);  // what a power cut at the end has taken
  int quiet = 0;  // turns in which everything went well and nothing was left to do
  for (int i = 0; i < patience && quiet < 3; ++i) {
    clock_.running = clock_.running + Duration::seconds(10);
    bool fine = core_->intake().tick(Fire::due) && !core_->intake().sync();
    store();
    for (const auto& worker : core_->workers()) {
      while (worker->step() == Duration() && worker->status().outbox_rows > 0) {
      }
      fine = fine && worker->status().outbox_rows == 0;
    }
    quiet = fine ? quiet + 1 : 0;
    if (!died()) continue;
    start();
    if (options_.has_positions) send_up_to(script_.messages.size() - 1);
    quiet = 0;
  }
  if (quiet == 3) return;
  throw std::runtime_error("rows were never delivered");
}

Ending Simulation::run() {
  start();
  std::size_t steps = 0;
  for (const Step& step : script_.steps) {
    clock_.running = clock_.running + Duration::milliseconds(500);
    perform(step);
    if (options_.steps_to_reload > 0 && ++steps % options_.steps_to_reload == 0) perform({Step::Kind::reload});
  }
  deliver_all();
  Ending ending;
  ending.counters =
      core_->intake().inspect([](const Pipeline& pipeline) { return counters_text(pipeline.counters()); });
  ending.updated = updated_.rows;
  ending.appended = appended_.rows;
  ending.operations = files.operations();
  return ending;
}

}  // namespace edgetide::test
