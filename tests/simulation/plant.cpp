#include "tests/simulation/plant.h"

#include <memory>
#include <stdexcept>

namespace edgetide::test {

namespace {

constexpr std::size_t everything = 1'000'000;
constexpr int most_turns = 1'000;

GatewayOptions options_of(const PlantOptions& plant, StoreFake& updated, StoreFake& appended) {
  GatewayOptions options;
  options.id = "simulated";
  options.state_directory = "state";
  TimeOptions time = plant.time;
  time.max_future = Duration::days(7);  // the closing readings are far ahead
  options.pipeline.sources = {{"left", time}, {"right", time}};
  WindowOptions window;
  window.name = "window";
  window.size = SentReadings::window_size;
  window.inputs = {SourceId{0}, SourceId{1}};
  window.aggregates = {Aggregate::count, Aggregate::sum};
  window.trigger = Duration::seconds(1);
  options.pipeline.windows = {window};
  SinkOptions update;
  update.name = "updated";
  update.inputs = {WindowId{0}};
  update.mode = OutputMode::update;
  update.store = std::make_shared<ConfiguredStore>(&updated);
  SinkOptions append = update;
  append.name = "appended";
  append.mode = OutputMode::append;
  append.store = std::make_shared<ConfiguredStore>(&appended);
  append.outbox.max_memory = 2'000;  // so that it spills
  options.sinks = {update, append};
  options.journal.durability = plant.durability;
  options.checkpoint.interval = Duration::seconds(8);
  return options;
}

}  // namespace

// Packet ids begin near their end, so that they go around; both sources give the same ones.
Plant::Plant(std::uint64_t seed, const PlantOptions& options)
    : core(options_of(options, updated, appended), clock, seed),
      sources{
          MqttSourceFake("left", BrokerFake(options.in_flight, 65'500), options.in_flight, clock, options.shows_life),
          MqttSourceFake("right", BrokerFake(options.in_flight, 65'500), options.in_flight, clock)},
      writes_checkpoints_(options.writes_checkpoints) {
  for (StoreFake* const store : {&updated, &appended}) {
    store->failing_percent = 10;
    store->random.seed(static_cast<std::uint32_t>(seed + 1));
  }
}

void Plant::start() {
  core.start();
  if (first_reports.empty()) first_reports = core->recovery_reports();
  for (MqttSourceFake& source : sources) source.start(core->intake());
}

void Plant::kill() {
  for (MqttSourceFake& source : sources) source.forget_intake();
  core->intake().inspect([this](const Pipeline& pipeline) {
    const SeriesTable& series = pipeline.series();
    for (std::uint32_t i = 0; i < series.size(); ++i) {
      if (series.has(SeriesId{i})) sensors[i] = series[SeriesId{i}].sensor;
    }
  });
  core.die();
  while_dead();
}

bool Plant::revive() {
  if (!core.files.dead()) return false;
  kill();
  start();
  return true;
}

void Plant::exchange(MqttSourceFake& source, std::size_t most_messages, std::size_t most_read,
                     std::size_t most_acknowledgements) {
  if (!source.link.is_open() && (source.link.stalled || !source.connect())) return;
  source.link.carry_messages(source.broker, most_messages, clock.now().running);
  source.read(most_read);
  source.link.carry_acknowledgements(source.broker, most_acknowledgements);
}

void Plant::store() {
  core->syncer().step();
  if (writes_checkpoints_) core->checkpointer().step();
}

void Plant::deliver() {
  for (const auto& worker : core->workers()) worker->step();
}

void Plant::settle() {
  core.next_death = [] { return 0; };
  core.files.die_at(0);
  for (StoreFake* const store : {&updated, &appended}) store->away = false, store->failing_percent = 0;
  int quiet = 0;
  for (int i = 0; i < most_turns && quiet < 3; ++i) {
    bool settled = true;
    for (MqttSourceFake& source : sources) {
      source.link.stalled = false;
      exchange(source, everything, everything, everything);
      settled = settled && source.broker.is_settled();
    }
    clock.pass(Duration::seconds(1));
    tick();
    store();
    for (const auto& worker : core->workers()) {
      while (worker->step() == Duration() && worker->status().outbox_rows > 0) {
      }
      settled = settled && worker->status().outbox_rows == 0;
    }
    quiet = settled && !core->intake().sync() ? quiet + 1 : 0;
  }
  if (quiet < 3) throw std::runtime_error("it does not settle");
}

void Plant::close_windows(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) sources[0].broker.publish({sensor(i), ScriptClock::start + closing, 1});
  settle();
}

SentReadings::Rows Plant::rows_of(const StoreFake& store) {
  SentReadings::Rows rows;
  for (const auto& [key, value] : store.rows) {
    const auto& [input, sensor, metric, start] = key;
    if (start >= (ScriptClock::start + closing).count()) continue;
    rows[{sensor, start}] = {static_cast<std::size_t>(value.values[0]), value.values[1]};
  }
  return rows;
}

std::string difference(const SentReadings::Rows& have, const SentReadings::Rows& wanted) {
  std::string text;
  int differences = 0;
  const auto describe = [&](const SentReadings::Rows& all, const SentReadings::Rows& other, const char* which) {
    for (const auto& [key, row] : all) {
      const auto found = other.find(key);
      if ((found != other.end() && found->second == row) || ++differences > 10) continue;
      text += which + key.first + ", start " + std::to_string((key.second - ScriptClock::start.count()) / 1'000'000) +
              " s, count " + std::to_string(row.count) + ", sum " + std::to_string(row.sum) + '\n';
    }
  };
  describe(have, wanted, "has    ");
  describe(wanted, have, "wanted ");
  return text;
}

}  // namespace edgetide::test
