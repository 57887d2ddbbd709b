// Whatever operation of the file system the daemon dies at, and however often: once it has caught up, its stores hold
// what they hold if it never died. A seed makes the whole run; a failing one is printed: EDGETIDE_SEED=N runs it alone,
// EDGETIDE_SEEDS=N as many.
#include <gtest/gtest.h>

#include "tests/simulation/death_case.h"
#include "tests/simulation/seeds.h"
#include "tests/simulation/simulation.h"

namespace edgetide::test {
namespace {

constexpr auto never_again = [] { return std::uint64_t{0}; };

TEST(CrashSimulation, dying_at_any_operation_of_a_run_changes_no_row_and_no_counter) {
  const std::uint64_t seed = number_in("EDGETIDE_SEED", 1);
  for (const DeathCase& one : death_cases) {
    const Ending whole = Simulation(seed, {one.durability}).run();
    ASSERT_GT(whole.updated.size(), 20U);
    for (std::uint64_t n = 1; n <= whole.operations; ++n) {
      const Ending ending = Simulation(seed, {one.durability}).run(n, one.death, never_again);
      ASSERT_TRUE(ending == whole) << one.name << ", seed " << seed << ", operation " << n << '\n'
                                   << difference(ending, whole);
    }
  }
}

TEST(CrashSimulation, dying_again_and_again_also_while_recovering_changes_no_row_and_no_counter) {
  const Range range = seeds(500);
  for (std::uint64_t seed = range.first; seed <= range.last; ++seed) {
    const DeathCase& one = death_cases[seed % std::size(death_cases)];
    const Ending whole = Simulation(seed, {one.durability}).run();
    std::mt19937_64 random(seed);
    const auto again = [&] { return random() % 12 == 0 ? 0 : 1 + random() % 120; };
    const Ending ending = Simulation(seed, {one.durability}).run(1 + random() % 300, one.death, again);
    ASSERT_TRUE(ending == whole) << one.name << ", seed " << seed << '\n' << difference(ending, whole);
  }
}

TEST(CrashSimulation, configuration_that_is_changed_and_changed_back_changes_no_row_and_no_counter) {
  const Range range = seeds(100);
  for (std::uint64_t seed = range.first; seed <= range.last; ++seed) {
    const Ending whole = Simulation(seed, {}).run();
    const Ending ending = Simulation(seed, {.steps_to_reload = static_cast<std::size_t>(10 + seed % 7)}).run();
    ASSERT_TRUE(ending == whole) << "seed " << seed << '\n' << difference(ending, whole);
  }
}

TEST(CrashSimulation, dying_at_any_operation_of_a_run_with_reloads_changes_no_row_and_no_counter) {
  const std::uint64_t seed = number_in("EDGETIDE_SEED", 4);
  for (const DeathCase& one : death_cases) {
    const SimulationOptions reloads{.durability = one.durability, .steps_to_reload = 30};
    const Ending whole = Simulation(seed, reloads).run();
    ASSERT_GT(whole.updated.size(), 20U);
    for (std::uint64_t n = 1; n <= whole.operations; ++n) {
      const Ending ending = Simulation(seed, reloads).run(n, one.death, never_again);
      ASSERT_TRUE(ending == whole) << one.name << ", seed " << seed << ", operation " << n << '\n'
                                   << difference(ending, whole);
    }
  }
}

TEST(CrashSimulation, dying_again_and_again_with_reloads_changes_no_row_and_no_counter) {
  const Range range = seeds(150);
  for (std::uint64_t seed = range.first; seed <= range.last; ++seed) {
    const DeathCase& one = death_cases[seed % std::size(death_cases)];
    const SimulationOptions reloads{.durability = one.durability,
                                    .steps_to_reload = static_cast<std::size_t>(5 + seed % 20),
                                    .computes_series = false};
    const Ending whole = Simulation(seed, reloads).run();
    std::mt19937_64 random(seed);
    const auto again = [&] { return random() % 12 == 0 ? 0 : 1 + random() % 120; };
    const Ending ending = Simulation(seed, reloads).run(1 + random() % 300, one.death, again);
    ASSERT_TRUE(ending == whole) << one.name << ", seed " << seed << '\n' << difference(ending, whole);
  }
}

// At-least-once: rows may come again, then with the same revision and epoch. None is ever missing.
void expect_complete(const Simulation& simulation, const Ending& ending) {
  for (const StreamFake* const stream : {&simulation.update_stream(), &simulation.append_stream()}) {
    EXPECT_EQ(stream->conflicts, "");
  }
  EXPECT_EQ(simulation.update_stream().gaps(), "");
  EXPECT_TRUE(simulation.update_stream().newest() == ending.updated);
  EXPECT_TRUE(simulation.append_stream().newest() == ending.appended);
}

TEST(CrashSimulation, stream_misses_no_row_and_gets_repeated_ones_unchanged_wherever_the_daemon_dies) {
  const std::uint64_t seed = number_in("EDGETIDE_SEED", 6);
  for (const DeathCase& one : death_cases) {
    const SimulationOptions streams{.durability = one.durability, .has_streams = true};
    Simulation undisturbed(seed, streams);
    const Ending whole = undisturbed.run();
    ASSERT_GT(whole.updated.size(), 20U);
    expect_complete(undisturbed, whole);
    std::size_t repeats = 0;
    for (std::uint64_t n = 1; n <= whole.operations && !HasFailure(); ++n) {
      Simulation simulation(seed, streams);
      const Ending ending = simulation.run(n, one.death, never_again);
      expect_complete(simulation, ending);
      EXPECT_TRUE(ending == whole) << difference(ending, whole);
      ASSERT_FALSE(HasFailure()) << one.name << ", seed " << seed << ", operation " << n;
      repeats += simulation.append_stream().repeats;
    }
    EXPECT_GT(repeats, 0U) << "the simulation shows nothing";
  }
}

TEST(CrashSimulation, stream_misses_no_row_and_gets_repeated_ones_unchanged_after_many_deaths) {
  const Range range = seeds(100);
  for (std::uint64_t seed = range.first; seed <= range.last; ++seed) {
    const DeathCase& one = death_cases[seed % std::size(death_cases)];
    const SimulationOptions streams{.durability = one.durability, .has_streams = true};
    std::mt19937_64 random(seed);
    const auto again = [&] { return random() % 12 == 0 ? 0 : 1 + random() % 120; };
    Simulation simulation(seed, streams);
    const Ending ending = simulation.run(1 + random() % 300, one.death, again);
    expect_complete(simulation, ending);
    EXPECT_TRUE(ending == Simulation(seed, streams).run());
    ASSERT_FALSE(HasFailure()) << one.name << ", seed " << seed;
  }
}

// Nothing marks a message as sent again: what is lost or taken twice is seen. A power cut that takes the newest records
// takes the positions with them, so that even under durability crash nothing is missing.
constexpr DeathCase cases_of_positions[] = {{Durability::crash, Death::kill, "killed, durability crash"},
                                            {Durability::crash, Death::power_cut, "power cut, durability crash"},
                                            {Durability::power, Death::power_cut, "power cut, durability power"}};

TEST(CrashSimulation, source_with_positions_is_resumed_exactly_wherever_the_daemon_dies) {
  const std::uint64_t seed = number_in("EDGETIDE_SEED", 5);
  for (const DeathCase& one : cases_of_positions) {
    const SimulationOptions positions{.durability = one.durability, .has_positions = true};
    const Ending whole = Simulation(seed, positions).run();
    ASSERT_GT(whole.updated.size(), 20U);
    for (std::uint64_t n = 1; n <= whole.operations; ++n) {
      const Ending ending = Simulation(seed, positions).run(n, one.death, never_again);
      ASSERT_TRUE(ending == whole) << one.name << ", seed " << seed << ", operation " << n << '\n'
                                   << difference(ending, whole);
    }
  }
}

TEST(CrashSimulation, source_with_positions_is_resumed_exactly_after_many_deaths_and_reloads) {
  const Range range = seeds(150);
  for (std::uint64_t seed = range.first; seed <= range.last; ++seed) {
    const DeathCase& one = cases_of_positions[seed % std::size(cases_of_positions)];
    const SimulationOptions reloads{.durability = one.durability,
                                    .steps_to_reload = static_cast<std::size_t>(5 + seed % 20),
                                    .computes_series = false,
                                    .has_positions = true};
    const Ending whole = Simulation(seed, reloads).run();
    std::mt19937_64 random(seed);
    const auto again = [&] { return random() % 12 == 0 ? 0 : 1 + random() % 120; };
    const Ending ending = Simulation(seed, reloads).run(1 + random() % 300, one.death, again);
    ASSERT_TRUE(ending == whole) << one.name << ", seed " << seed << '\n' << difference(ending, whole);
  }
}

// Until then every time looks like one of far ahead, and what arrives would be refused.
TEST(CrashSimulation, dying_while_readings_wait_for_the_clock_changes_no_row_and_no_counter) {
  const std::uint64_t seed = number_in("EDGETIDE_SEED", 3);
  for (const DeathCase& one : death_cases) {
    const SimulationOptions late_clock{.durability = one.durability, .clock_set_after = Duration::seconds(20)};
    const Ending whole = Simulation(seed, late_clock).run();
    ASSERT_GT(whole.updated.size(), 20U);
    for (std::uint64_t n = 1; n <= whole.operations; ++n) {
      const Ending ending = Simulation(seed, late_clock).run(n, one.death, never_again);
      ASSERT_TRUE(ending == whole) << one.name << ", seed " << seed << ", operation " << n << '\n'
                                   << difference(ending, whole);
    }
  }
}

// Without a power cut nothing is lost by an operation that fails, once or from then on for a while.
TEST(CrashSimulation, failing_of_any_operation_once_or_for_a_while_changes_no_row_and_no_counter) {
  const std::uint64_t seed = number_in("EDGETIDE_SEED", 2);
  const Ending whole = Simulation(seed, {}).run();
  constexpr std::uint64_t once = 1, for_a_while = 60;  // operations
  for (const int error : {EIO, ENOSPC}) {
    for (const std::uint64_t fail : {once, for_a_while}) {
      for (std::uint64_t n = 1; n <= whole.operations; ++n) {
        Simulation simulation(seed, {.heals_at_operation = n + fail});
        simulation.files.fail_at(n, error, fail != once);
        const Ending ending = simulation.run();
        ASSERT_TRUE(ending == whole) << "seed " << seed << ", " << fail << " operations from " << n << ", error "
                                     << error << '\n'
                                     << difference(ending, whole);
      }
    }
  }
}

// How many readings a sensor has sent for a tumbling window.
std::size_t sent(const Script& script, const std::string& sensor, std::int64_t start) {
  std::size_t count = 0;
  for (const ScriptedMessage& message : script.messages) {
    for (const ScriptedMessage::One& reading : message.readings) {
      const std::int64_t time = ScriptClock::start.count() + reading.event_ms * 1'000;
      if (reading.sensor == sensor && time >= start && time < start + 10'000'000) ++count;
    }
  }
  return count;
}

// A power cut under durability crash may take the last messages with it; what is sent again is not counted twice.
TEST(CrashSimulation, power_cut_with_durability_crash_counts_no_reading_twice) {
  const Range range = seeds(100);
  for (std::uint64_t seed = range.first; seed <= range.last; ++seed) {
    std::mt19937_64 random(seed);
    const std::uint64_t dies_at = 1 + random() % 400;
    const Ending ending = Simulation(seed, {}).run(dies_at, Death::power_cut, never_again);
    const Script script = make_script(seed);
    for (const auto& [key, row] : ending.appended) {
      const auto& [input, sensor, metric, start] = key;
      if (input != 0) continue;
      ASSERT_LE(row.values[0], static_cast<double>(sent(script, sensor, start))) << "seed " << seed << ", " << sensor;
    }
  }
}

}  // namespace
}  // namespace edgetide::test
