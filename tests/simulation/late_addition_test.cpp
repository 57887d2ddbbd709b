// Late readings of the quarantine are added to rows while the daemon dies at any operation, and the command that asks
// for it is run again: each reading is in its row once.
#include <gtest/gtest.h>
#include <map>

#include "daemon/storage/quarantine_reader.h"
#include "tests/simulation/death_case.h"
#include "tests/simulation/restarting_core.h"
#include "tests/simulation/script_clock.h"
#include "tests/simulation/store_fake.h"

namespace edgetide::test {
namespace {

constexpr Duration window_size = Duration::seconds(10);

GatewayOptions options_of(StoreFake& store, Durability durability) {
  GatewayOptions options;
  options.id = "simulated";
  options.state_directory = "state";
  options.pipeline.sources = {{"plant", {.max_out_of_orderness = Duration()}}};
  WindowOptions window;
  window.name = "window";
  window.size = window_size;
  window.inputs = {SourceId{0}};
  window.aggregates = {Aggregate::count, Aggregate::sum};
  window.trigger = Duration::seconds(1);
  options.pipeline.windows = {window, window};
  options.pipeline.windows[1].name = "quantiles";
  options.pipeline.windows[1].aggregates = {Aggregate::count, Aggregate::percentile(50)};
  SinkOptions sink;
  sink.name = "store";
  sink.inputs = {WindowId{0}, WindowId{1}};
  sink.mode = OutputMode::append;
  sink.store = std::make_shared<ConfiguredStore>(&store);
  options.sinks = {sink};
  options.journal.durability = durability;
  return options;
}

class LateWorld {
 public:
  explicit LateWorld(const DeathCase& death, std::uint64_t seed, bool with_quantiles)
      : with_quantiles_(with_quantiles), core_(options(death.durability), clock_, seed) {
    core_.death = death.death;
    store_.failing_percent = 20;
    store_.random.seed(static_cast<std::uint32_t>(seed + 1));
    core_.start();
  }

  // One reading of sensor `a` is in time for [0, 10), the last two are ahead; the others are late for their windows.
  void fill_quarantine() {
    read("a", 5, 1);
    read("a", 100, 1);
    read("b", 100, 1);
    settle();
    for (const double value : {2, 4}) read("a", 6, value);
    read("a", 25, 8);
    read("b", 5, 16);
    core_->quarantine().sync();
  }

  // True: it has died on the way.
  bool apply_and_die_at(std::uint64_t operation) {
    core_.files.die_at(operation);
    bool died = false;
    const auto go_on = [&] {
      if (!core_.files.dead()) return;
      died = true;
      core_.die();
      core_.start();
    };
    for (const bool writes_checkpoint : {true, false}) {
      apply(), go_on();
      read("a", 101, 32), go_on();
      core_->syncer().step(), go_on();
      for (const auto& worker : core_->workers()) worker->step();
      go_on();
      if (writes_checkpoint) static_cast<void>(core_->checkpointer().write_checkpoint()), go_on();
    }
    core_.files.die_at(0);
    return died;
  }

  LateAddition apply() {
    QuarantineReader reader(core_.files, "state");
    std::vector<LateReading> late;
    if (reader.open()) return {.error = "cannot be read"};
    while (auto reading = reader.next()) late.push_back({reader.number(), std::move(*reading)});
    return core_->intake().add_late(late, reader.oldest_number());
  }
  std::size_t in_quarantine() {
    QuarantineReader reader(core_.files, "state");
    std::size_t readings = 0;
    if (reader.open()) return 0;
    while (reader.next()) ++readings;
    return readings;
  }

  void restart() {
    core_.die();
    core_.start();
  }
  void settle() {
    for (int i = 0; i < 20; ++i) {
      clock_.pass(Duration::seconds(1));
      core_->intake().tick(Fire::due);
      core_->syncer().step();
      for (const auto& worker : core_->workers()) worker->step();
    }
  }

  // "a 0": {count, sum}
  std::map<std::string, std::vector<double>> rows() {
    std::map<std::string, std::vector<double>> rows;
    for (const auto& [key, value] : store_.rows) {
      const auto& [input, sensor, metric, start] = key;
      const std::int64_t seconds = (start - ScriptClock::start.count()) / 1'000'000;
      if (input == 0 && seconds < 100) rows[sensor + ' ' + std::to_string(seconds)] = value.values;
    }
    return rows;
  }

  StoreFake store_;

 private:
  GatewayOptions options(Durability durability) {
    GatewayOptions made = options_of(store_, durability);
    if (!with_quantiles_) made.pipeline.windows.pop_back(), made.sinks[0].inputs.pop_back();
    return made;
  }
  void read(std::string_view sensor, int seconds, double value) {
    DecodedBatch batch;
    batch.readings.push_back({sensor, "t", "C", ScriptClock::start + Duration::seconds(seconds), value, 0, 0});
    clock_.pass(Duration::milliseconds(1));
    core_->intake().try_accept(SourceId{0}, batch);
  }

  const bool with_quantiles_;
  ScriptClock clock_;
  RestartingCore core_;
};

const std::map<std::string, std::vector<double>> all_rows = {{"a 0", {3, 7}}, {"a 20", {1, 8}}, {"b 0", {1, 16}}};

TEST(LateAddition, dying_at_any_operation_adds_each_reading_once) {
  for (const DeathCase& death : death_cases) {
    bool died = true;
    for (std::uint64_t operation = 1; died; ++operation) {
      SCOPED_TRACE(testing::Message() << death.name << ", operation " << operation);
      LateWorld world(death, operation, false);
      world.fill_quarantine();
      ASSERT_EQ(world.in_quarantine(), 4U);
      died = world.apply_and_die_at(operation);
      world.settle();
      EXPECT_EQ(world.apply().error, "");
      world.settle();
      ASSERT_EQ(world.rows(), all_rows);
      ASSERT_EQ(world.in_quarantine(), 0U);
    }
  }
}

TEST(LateAddition, of_one_window_stays_in_the_quarantine_for_another_and_is_not_repeated) {
  LateWorld world(death_cases[0], 1, true);
  world.fill_quarantine();
  const LateAddition done = world.apply();
  EXPECT_EQ(done.error, "");
  EXPECT_EQ(done.settled, 0U);
  EXPECT_EQ(done.windows.at("window").readings, 4U);
  EXPECT_EQ(done.windows.at("window").rows, 3U);
  const LateAddition::Reasons reasons = {{"p50 of a row and of further readings does not give that of all", 4}};
  EXPECT_EQ(done.windows.at("quantiles").refused, reasons);
  world.settle();
  EXPECT_EQ(world.rows(), all_rows);
  world.restart();
  EXPECT_EQ(world.in_quarantine(), 4U);
  EXPECT_FALSE(world.apply().windows.contains("window"));
  world.settle();
  EXPECT_EQ(world.rows(), all_rows);
}

TEST(LateMarks, readings_that_came_before_a_window_had_its_shape_are_for_another_one) {
  StoreFake store;
  std::vector<WindowOptions> windows = options_of(store, Durability::crash).pipeline.windows;
  LateMarks marks;
  const auto reload = [&](std::int64_t at) {
    std::string bytes;
    ByteWriter out(bytes);
    marks.save(out);
    ByteReader in(bytes);
    marks = {};
    marks.load(in);
    EXPECT_TRUE(in.ok() && in.at_end());
    marks.know(windows, Timestamp::microseconds(at));
  };
  const auto came_for_another = [&](std::string_view window, std::int64_t arrival) {
    return marks.came_for_another(window, Timestamp::microseconds(arrival));
  };
  reload(100);
  EXPECT_FALSE(came_for_another("window", 5)) << "of the windows that were there first nothing else is known";
  windows[0].aggregates.push_back(Aggregate::max);
  windows[0].allowed_lateness = Duration::seconds(1);
  reload(200);
  EXPECT_FALSE(came_for_another("window", 5));
  windows[0].size = Duration::seconds(20);
  windows.push_back(windows[1]);
  windows[2].name = "later";
  reload(300);
  EXPECT_TRUE(came_for_another("window", 299));
  EXPECT_FALSE(came_for_another("window", 300));
  EXPECT_FALSE(came_for_another("quantiles", 5));
  EXPECT_TRUE(came_for_another("later", 299));
  reload(400);
  EXPECT_FALSE(came_for_another("window", 300));
}

TEST(LateAddition, needs_a_journal) {
  LateWorld world({Durability::none, Death::kill, "none"}, 1, false);
  world.fill_quarantine();
  EXPECT_NE(world.apply().error, "");
  world.settle();
  EXPECT_EQ(world.rows().size(), 1U);
}

}  // namespace
}  // namespace edgetide::test
