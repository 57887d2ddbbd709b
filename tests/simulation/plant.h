// Two MQTT sources with their brokers, a tumbling window and two stores around a core that may die at any operation. A
// test moves the clock, publishes, and says who acts when.
//
// Owns:   all of it. Thread: one. Fails: std::runtime_error where it does not settle.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/mqtt_source_fake.h"
#include "tests/simulation/restarting_core.h"
#include "tests/simulation/script_clock.h"
#include "tests/simulation/sent_readings.h"
#include "tests/simulation/store_fake.h"

namespace edgetide::test {

struct PlantOptions {
  Durability durability = Durability::crash;
  TimeOptions time = {};
  std::uint32_t in_flight = 8;  // the most unacknowledged messages of a broker
  bool shows_life = true;       // the first source; the other always does
  bool writes_checkpoints = true;
};

class Plant {
 public:
  static constexpr std::size_t source_count = 2;
  static constexpr Duration tick_interval = Duration::milliseconds(250);

  Plant(std::uint64_t seed, const PlantOptions& options);

  ScriptClock clock;
  StoreFake updated, appended;  // sinks of mode update and append
  RestartingCore core;
  std::array<MqttSourceFake, source_count> sources;

  // Between a death and the next start.
  std::function<void()> while_dead = [] {};
  std::map<std::uint32_t, std::string> sensors;  // by series id, as of the last death
  std::vector<std::string> first_reports;        // of the first start since it was empty

  void start();
  // True: it had died, and runs again.
  bool revive();
  void kill();

  // Connects if need be, and lets so much move both ways.
  void exchange(MqttSourceFake& source, std::size_t most_messages, std::size_t most_read,
                std::size_t most_acknowledgements);
  void tick() { core->intake().tick(Fire::due, tick_interval); }
  void store();
  void deliver();

  // All that was published is taken, acknowledged and delivered. Nothing fails from now on.
  void settle();
  // Every sensor once more, so late that all its windows become final.
  void close_windows(std::size_t count);

  // What a store has of the windows before the closing readings.
  static SentReadings::Rows rows_of(const StoreFake& store);
  static std::string sensor(std::size_t number) { return "s" + std::to_string(number); }

 private:
  const bool writes_checkpoints_;
  static constexpr Duration closing = Duration::seconds(100'000);
};

// The first rows in which they differ, for a person.
std::string difference(const SentReadings::Rows& have, const SentReadings::Rows& wanted);

}  // namespace edgetide::test
