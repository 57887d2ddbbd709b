// Messages that were sent and not acknowledged come again after a death or a cut connection, and messages with equal
// topic and payload are among them: each counts exactly once.
#include <gtest/gtest.h>
#include <random>

#include "tests/simulation/death_case.h"
#include "tests/simulation/plant.h"
#include "tests/simulation/seeds.h"

namespace edgetide::test {
namespace {

constexpr std::size_t resending_sensors = 3;
constexpr int resending_steps = 150;

class Redelivery {
 public:
  Redelivery(std::uint64_t seed, const DeathCase& one) : random_(seed), plant_(seed, options(one)) {
    plant_.core.death = one.death;
    plant_.core.next_death = [this] { return 1 + random_() % 250; };
  }

  void run() {
    plant_.start();
    plant_.core.files.die_at(plant_.core.next_death());
    for (int i = 0; i < resending_steps; ++i) {
      plant_.clock.pass(Duration::milliseconds(static_cast<std::int64_t>(up_to(900))));
      for (MqttSourceFake& source : plant_.sources) let_act(source);
      if (up_to(3) == 0) plant_.tick(), deaths_ += plant_.revive();
      if (up_to(2) == 0) plant_.store(), deaths_ += plant_.revive();
      if (up_to(2) != 0) plant_.deliver(), deaths_ += plant_.revive();
    }
    plant_.settle();
    plant_.close_windows(resending_sensors);
  }

  const Plant& plant() const { return plant_; }
  Plant& plant() { return plant_; }
  const SentReadings& sent() const { return sent_; }
  int deaths() const { return deaths_; }
  int lost_sessions() const { return lost_sessions_; }

 private:
  static PlantOptions options(const DeathCase& one) {
    PlantOptions plant{.durability = one.durability, .in_flight = 5};
    plant.time.max_out_of_orderness = Duration::hours(1);
    plant.time.idle_timeout = Duration::unlimited();
    return plant;
  }
  std::uint64_t up_to(std::uint64_t most) { return random_() % (most + 1); }

  void let_act(MqttSourceFake& source) {
    for (std::uint64_t n = up_to(2); n > 0; --n) publish(source);
    plant_.exchange(source, up_to(6), up_to(6), up_to(6));
    deaths_ += plant_.revive();
    if (!source.link.is_open() || up_to(9) != 0) return;
    if (up_to(1) == 0 && source.broker.in_flight().empty()) lose_session(source);
    source.cut();
    deaths_ += plant_.revive();
  }

  // What the broker has kept for it is lost. Of what it had sent all was acknowledged.
  void lose_session(MqttSourceFake& source) {
    for (const SentReading& reading : source.broker.forget()) sent_.remove(reading);
    ++lost_sessions_;
  }

  // Few different ones, each of which may follow itself.
  void publish(MqttSourceFake& source) {
    const std::int64_t time = plant_.clock.running.count() / 5'000'000 * 5'000'000;
    const SentReading reading{Plant::sensor(up_to(resending_sensors - 1)),
                              ScriptClock::start + Duration::microseconds(time), static_cast<double>(up_to(1))};
    if (source.broker.publish(reading)) sent_.add(reading);
  }

  std::mt19937_64 random_;
  Plant plant_;
  SentReadings sent_;
  int deaths_ = 0;
  int lost_sessions_ = 0;
};

TEST(RedeliverySimulation, messages_that_come_again_after_deaths_and_cuts_count_exactly_once) {
  const Range range = seeds(500);
  std::uint64_t deaths = 0, resent = 0, lost_sessions = 0;
  for (std::uint64_t seed = range.first; seed <= range.last; ++seed) {
    const DeathCase& one = death_cases[seed % std::size(death_cases)];
    Redelivery redelivery(seed, one);
    redelivery.run();
    const Plant& plant = redelivery.plant();
    for (const StoreFake* const store : {&plant.updated, &plant.appended}) {
      ASSERT_TRUE(Plant::rows_of(*store) == redelivery.sent().rows())
          << one.name << ", seed " << seed << '\n'
          << difference(Plant::rows_of(*store), redelivery.sent().rows());
    }
    deaths += static_cast<std::uint64_t>(redelivery.deaths());
    lost_sessions += static_cast<std::uint64_t>(redelivery.lost_sessions());
    resent += redelivery.plant().core->intake().resent_messages();
  }
  EXPECT_GE(deaths, range.last - range.first) << "the simulation shows nothing";
  EXPECT_GE(lost_sessions, (range.last - range.first) / 4) << "the simulation shows nothing";
  EXPECT_GE(resent, range.last - range.first) << "the simulation shows nothing";
}

}  // namespace
}  // namespace edgetide::test
