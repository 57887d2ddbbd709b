// The whole core of the daemon on a file system, a clock and stores in memory, driven by a script that one seed makes:
// messages that are sent until they are acknowledged, or from the source's position on, ticks, storage steps,
// deliveries, and a store that is away for a while. It can be killed at any operation of the file system, or lose its
// power there; it recovers and goes on.
//
// Thread: one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/core.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/simulation/death_case.h"
#include "tests/simulation/script_clock.h"
#include "tests/simulation/store_fake.h"
#include "tests/simulation/stream_fake.h"

namespace edgetide::test {

struct ScriptedMessage {
  struct One {
    std::string sensor;
    double value;
    std::int64_t event_ms;  // after ScriptClock::start
  };
  std::vector<One> readings;
};

struct Step {
  enum class Kind { message, tick, storage, deliver, store_goes, store_comes, reload } kind;
  std::size_t message = 0;
};

struct Script {
  std::vector<ScriptedMessage> messages;
  std::vector<Step> steps;
};
Script make_script(std::uint64_t seed);

struct SimulationOptions {
  Durability durability = Durability::crash;
  unsigned failing_percent = 10;          // of the store's calls
  Duration clock_set_after = Duration();  // running time
  std::size_t steps_to_reload = 0;        // as often the configuration is changed, and back; 0: never
  bool computes_series = true;            // the changed one; not with several deaths, DURABILITY.md tells the gap
  bool has_streams = false;               // two at-least-once sinks besides the exactly-once ones
  bool has_positions = false;  // messages have positions instead of fingerprints, and are never marked as resent
  std::uint64_t heals_at_operation = 0;  // of the file system: from then on nothing fails; 0: unchanged
};

struct Ending {
  std::map<StoreFake::Key, StoreFake::Value> updated;   // what the sink in update mode has
  std::map<StoreFake::Key, StoreFake::Value> appended;  // and the one in append mode
  std::string counters;
  std::uint64_t operations = 0;  // of the file system
  bool operator==(const Ending& other) const {
    return updated == other.updated && appended == other.appended && counters == other.counters;
  }
};

// The first rows in which they differ, for a person.
std::string difference(const Ending& a, const Ending& b);

class Simulation {
 public:
  Simulation(std::uint64_t seed, SimulationOptions options);

  // Dies there, and after each recovery again after as many operations as `again` says, until it says 0.
  template <typename Again>
  Ending run(std::uint64_t dies_at, Death death, Again&& again) {
    files.die_at(dies_at);
    again_ = [&again] { return again(); };
    death_ = death;
    return run();
  }
  Ending run();

  MemoryFileSystem files;

  // What the at-least-once sinks have: every row whenever it changed, and each once it is final.
  const StreamFake& update_stream() const { return update_stream_; }
  const StreamFake& append_stream() const { return append_stream_; }

 private:
  GatewayOptions make_options(bool changed);
  void add_streams(GatewayOptions& options);
  void set_away(bool away);
  void start();
  void reload();
  void perform(const Step& step);
  void send(std::size_t message);
  void send_up_to(std::size_t message);
  DecodedBatch batch_of(std::size_t first, std::size_t last, bool resent) const;
  std::size_t next_at_source() const;
  void store();
  void deliver_all();
  bool died();
  void heal();

  const std::uint64_t seed_;
  const SimulationOptions options_;
  const Script script_;
  bool changed_ = false;  // the file of the configuration
  GatewayOptions running_;
  ScriptClock clock_;
  StoreFake updated_, appended_;
  StreamFake update_stream_, append_stream_;
  const std::vector<FailingFake*> stores_ = {&updated_, &appended_, &update_stream_, &append_stream_};
  std::unique_ptr<Core> core_;
  std::function<std::uint64_t()> again_ = [] { return 0; };
  Death death_ = Death::kill;
  std::uint64_t deaths_ = 0;
  std::size_t next_ = 0;  // of the source with positions: the message to send, as this run of it knows
};

}  // namespace edgetide::test
