// The process does not run for a while, or the network stands still, or the connection is cut, or the daemon dies: what
// waited meanwhile is not late, and a sensor that is really silent becomes idle in the end.
#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <vector>

#include "tests/simulation/plant.h"
#include "tests/simulation/seeds.h"

namespace edgetide::test {
namespace {

constexpr std::size_t pausing_sensors = 6;  // of both sources in turn
constexpr Duration pausing_idle_timeout = Duration::seconds(10);
constexpr Duration pausing_keep_alive = Duration::seconds(12);
constexpr Duration faults_end = Duration::seconds(150);
// For the gap of the last fault, for the silence itself, and up to the next ping.
constexpr Duration calm = Duration::seconds(60);

class Pauses {
 public:
  explicit Pauses(std::uint64_t seed)
      : random_(seed), plant_(seed, options(seed)), is_slow_(up_to(1) == 0), silences_source_(up_to(2) == 0) {
    for (std::size_t i = 0; i < pausing_sensors; ++i) {
      next_at_.push_back(some(0, 2'000));
      interval_.push_back(some(500, 3'500));
    }
    if (up_to(1) == 0) pause(some(2'000, 60'000));  // before the first tick
  }

  void run() {
    plant_.start();
    for (MqttSourceFake& source : plant_.sources) plant_.exchange(source, 0, 0, 0);
    while (now() < faults_end + calm) {
      plant_.clock.pass(Plant::tick_interval);
      for (std::size_t i = 0; i < pausing_sensors; ++i) let_send(i);
      carry();
      if (now() < runs_again_at_) continue;
      turn();
      if (now() < faults_end) let_fail();
    }
    plant_.settle();
  }

  Plant& plant() { return plant_; }
  const SentReadings& sent() const { return sent_; }
  SentReadings::Key last_of_silent() const { return SentReadings::key_of(last_of_silent_); }
  int pauses() const { return pauses_; }

 private:
  static bool shows_life(std::uint64_t seed) { return seed % 3 != 0; }
  static PlantOptions options(std::uint64_t seed) {
    PlantOptions plant{.in_flight = 64, .shows_life = shows_life(seed)};
    plant.time.max_out_of_orderness = Duration::seconds(1);
    plant.time.idle_timeout = pausing_idle_timeout;
    return plant;
  }
  std::uint64_t up_to(std::uint64_t most) { return random_() % (most + 1); }
  Duration some(std::uint64_t least_ms, std::uint64_t most_ms) {
    return Duration::milliseconds(static_cast<std::int64_t>(least_ms + up_to(most_ms - least_ms)));
  }
  Duration now() const { return plant_.clock.running; }
  MqttSourceFake& source_of(std::size_t sensor) { return plant_.sources[sensor % Plant::source_count]; }

  void pause(Duration length) {
    runs_again_at_ = std::min(std::max(runs_again_at_, now()) + length, faults_end);
    ++pauses_;
  }
  void stall(MqttSourceFake& source) {
    if (!source.shows_life()) return;  // it cannot be known then
    source.link.stalled = true;
    moves_again_at_ = std::min(now() + some(2'000, 40'000), faults_end);
  }
  void cut(MqttSourceFake& source) {
    if (!source.link.is_open()) return;
    source.cut();
  }
  void kill() {
    plant_.kill();
    plant_.start();
    if (up_to(1) == 0) pause(some(0, 30'000));
  }

  void let_fail() {
    if (now() < fails_again_at_) return pause(some(1'000, 60'000));
    MqttSourceFake& source = plant_.sources[up_to(1)];
    switch (up_to(200)) {
      case 0:
        return pause(some(1'000, 60'000));
      case 1:
        fails_again_at_ = now() + some(0, 1'500);  // and after each turn until then
        return pause(some(1'000, 60'000));
      case 2:
        return stall(source);
      case 3:
        for (MqttSourceFake& each : plant_.sources) stall(each);
        return;
      case 4:
        return cut(source);
      case 5:
        return kill();
    }
  }

  bool is_silent(std::size_t sensor) const {
    return now() >= silent_from_ && (sensor == 0 || (silences_source_ && sensor % Plant::source_count == 0));
  }
  void let_send(std::size_t sensor) {
    if (now() < next_at_[sensor] || is_silent(sensor)) return;
    next_at_[sensor] = next_at_[sensor] + interval_[sensor];
    const Duration since = is_slow_ ? Duration::microseconds(now().count() / 10) : now();
    const SentReading reading{Plant::sensor(sensor), ScriptClock::start + since, 1};
    if (!source_of(sensor).broker.publish(reading)) return;
    sent_.add(reading);
    if (sensor == 0) last_of_silent_ = reading;
  }

  // What the network and the kernel do without us.
  void carry() {
    for (MqttSourceFake& source : plant_.sources) {
      if (now() >= moves_again_at_) source.link.stalled = false;
      source.link.carry_messages(source.broker, 64, now());
    }
  }

  void turn() {
    const bool ticks_first = up_to(1) == 0;
    if (ticks_first) plant_.tick();
    for (MqttSourceFake& source : plant_.sources) {
      plant_.exchange(source, 64, 16 + up_to(48), 64);
      source.link.ping(pausing_keep_alive, now());
    }
    if (!ticks_first) plant_.tick();
    plant_.store();
    plant_.deliver();
  }

  std::mt19937_64 random_;
  Plant plant_;
  SentReadings sent_;
  const bool
      is_slow_;  // event time goes slower than the clock: what comes belongs to a window that silence would close
  const bool silences_source_;                // all sensors of the first one
  std::vector<Duration> next_at_, interval_;  // of each sensor
  const Duration silent_from_ = some(20'000, 100'000);
  SentReading last_of_silent_;
  Duration runs_again_at_;
  Duration moves_again_at_;
  Duration fails_again_at_;
  int pauses_ = 0;
};

TEST(PauseSimulation, nothing_that_waited_is_late_and_a_silent_sensor_becomes_idle) {
  const Range range = seeds(500);
  int pauses = 0;
  for (std::uint64_t seed = range.first; seed <= range.last; ++seed) {
    Pauses simulation(seed);
    simulation.run();
    Plant& plant = simulation.plant();
    const SentReadings::Rows& sent = simulation.sent().rows();
    const SentReadings::Key silent = simulation.last_of_silent();
    const SentReadings::Rows before = Plant::rows_of(plant.appended);
    ASSERT_TRUE(before.contains(silent) && before.at(silent) == sent.at(silent))
        << "seed " << seed << ", start " << silent.second;
    plant.close_windows(pausing_sensors);
    const Counters counters =
        plant.core->intake().inspect([](const Pipeline& pipeline) { return pipeline.counters(); });
    ASSERT_EQ(counters.of(ReadingOutcome::late_dropped), 0U) << "seed " << seed;
    for (const StoreFake* const store : {&plant.updated, &plant.appended}) {
      ASSERT_TRUE(Plant::rows_of(*store) == sent) << "seed " << seed << '\n'
                                                  << difference(Plant::rows_of(*store), sent);
    }
    pauses += simulation.pauses();
  }
  EXPECT_GE(pauses, static_cast<int>(range.last - range.first)) << "the simulation shows nothing";
}

}  // namespace
}  // namespace edgetide::test
