// The wall clock is set or stepped while the daemon runs: what lies back is judged by running time.
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/core.h"
#include "daemon/monitor/readiness.h"
#include "daemon/monitor/status_gathering.h"
#include "tests/fakes/machine_clock.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

constexpr Timestamp today = Timestamp::microseconds(1'800'000'000'000'000);

class ClockChanges : public testing::Test {
 protected:
  ClockChanges() {
    options.id = "g";
    options.state_directory = "state";
    options.pipeline = one_window();
  }
  // A machine that has just begun, with an empty disk.
  void begin() {
    core.reset();
    files = std::make_unique<MemoryFileSystem>();
    clock.reboot();
    start();
  }
  void start() { core = std::make_unique<Core>(options, *files, clock, Core::Hooks{}); }
  void end(bool orderly) {
    if (orderly) {
      EXPECT_FALSE(core->checkpointer().write_checkpoint());
    }
    core.reset();
    files->forget_handles();
  }
  void restart(bool orderly) {
    end(orderly);
    clock.pass(off);
    start();
  }
  void take(const DecodedBatch& batch) { EXPECT_TRUE(core->intake().try_accept(SourceId{0}, batch).is_taken()); }
  // Its time is that of its arrival.
  void take_reading() {
    DecodedBatch batch;
    batch.readings.push_back({"a", "t", "", std::nullopt, 1, 0, 0});
    take(batch);
  }
  // Readings received so far.
  std::uint64_t take_message(std::uint64_t key) {
    DecodedBatch batch;
    batch.begin_message(true);
    batch.readings.push_back({"a", "t", "", std::nullopt, 1, 0, 0});
    batch.set_message_key(key, Duration::minutes(1));
    batch.end_bounded_message("r", true);
    take(batch);
    return core->intake().held_readings() +
           core->intake().inspect([](const Pipeline& pipeline) { return pipeline.counters().received; });
  }
  // The event time of the only reading, once the clock says that it is today.
  Timestamp time_of_reading() {
    clock.set_to(today);
    EXPECT_TRUE(core->intake().tick(Fire::due));
    const std::vector<Timestamp> times =
        core->intake().inspect([](const Pipeline& pipeline) { return pipeline.watermarks(); });
    return times.size() == 1 ? times[0] : Timestamp::earliest();
  }
  GatewayStatus status() const {
    StatusParts parts{core->intake(),
                      core->workers(),
                      core->syncer(),
                      core->checkpointer(),
                      options.pipeline,
                      {{}},
                      {},
                      0,
                      options.checkpoint.interval};
    GatewayStatus status = gather_status(parts, clock.now(), StatusDetail::numbers);
    status.started_at = clock.wall();
    for (SourceStatus& source : status.sources) source.connected = true;
    return status;
  }

  GatewayOptions options;
  static constexpr Duration off = Duration::milliseconds(200);

  std::unique_ptr<MemoryFileSystem> files;
  MachineClock clock;
  std::unique_ptr<Core> core;
};

TEST_F(ClockChanges, step_of_the_clock_makes_no_checkpoint_older_or_younger) {
  const std::pair<Timestamp, Timestamp> steps[] = {
      {Timestamp(), today}, {today, today + Duration::hours(1)}, {today, today - Duration::hours(1)}};
  for (const auto& [before, after] : steps) {
    begin();
    clock.set_to(before);
    ASSERT_FALSE(core->checkpointer().write_checkpoint());
    clock.pass(Duration::seconds(10));
    clock.step_to(after);
    EXPECT_EQ(status().storage.checkpoint_at, after - Duration::seconds(10));
    EXPECT_EQ(why_not_ready(status()), "");
    clock.pass(Duration::minutes(3));
    EXPECT_EQ(why_not_ready(status()), "no checkpoint for 190 s");
  }
}

TEST_F(ClockChanges, readings_that_wait_get_their_true_time_when_the_daemon_restarts_within_a_boot) {
  for (const bool orderly : {false, true}) {
    for (const Duration idle : {Duration(), Duration::seconds(30), Duration::hours(1)}) {
      begin();
      take_reading();
      clock.pass(idle);
      restart(orderly);
      clock.pass(idle);
      restart(orderly);
      EXPECT_EQ(time_of_reading(), today - idle - idle - off - off) << orderly << ' ' << idle.count();
    }
  }
}

TEST_F(ClockChanges, reboot_takes_no_time_for_readings_that_wait) {
  for (const bool knows_boot : {true, false}) {
    clock.know_boot(knows_boot);
    begin();
    take_reading();
    clock.pass(Duration::minutes(30));
    end(true);
    clock.reboot();
    start();
    clock.pass(Duration::seconds(5));
    EXPECT_EQ(time_of_reading(), today - Duration::minutes(30) - Duration::seconds(5)) << "as if it took no time";
  }
}

TEST_F(ClockChanges, reboot_after_a_kill_is_counted_from_the_last_that_the_disk_has) {
  begin();
  take_reading();
  clock.pass(Duration::minutes(30));
  end(false);
  clock.reboot();
  start();
  clock.pass(Duration::seconds(5));
  EXPECT_EQ(time_of_reading(), today - Duration::seconds(5));
}

TEST_F(ClockChanges, boot_that_former_runs_did_not_note_is_as_another_one) {
  clock.know_boot(false);
  begin();
  take_reading();
  clock.pass(Duration::minutes(30));
  end(false);
  clock.know_boot(true);
  start();
  clock.pass(Duration::seconds(5));
  EXPECT_EQ(time_of_reading(), today - Duration::seconds(5));
}

TEST_F(ClockChanges, message_of_a_known_key_counts_once_though_the_clock_is_set_between) {
  const std::function<void()> between[] = {[] {}, [this] { restart(false); }, [this] { restart(true); }};
  for (const auto& happens : between) {
    for (const Timestamp before : {Timestamp(), today - Duration::hours(1), today + Duration::hours(1)}) {
      begin();
      clock.step_to(before);
      EXPECT_EQ(take_message(1), 1U);
      happens();
      clock.set_to(today);
      ASSERT_TRUE(core->intake().tick(Fire::due));
      happens();
      EXPECT_EQ(take_message(1), 1U);
      clock.pass(Duration::minutes(1));
      EXPECT_EQ(take_message(1), 2U) << "after its time";
    }
  }
}

TEST_F(ClockChanges, what_is_remembered_becomes_older_while_the_machine_is_off_if_its_clock_goes_on) {
  begin();
  clock.set_to(today);
  ASSERT_TRUE(core->intake().tick(Fire::due));
  EXPECT_EQ(take_message(1), 1U);
  ASSERT_TRUE(core->intake().tick(Fire::due));
  end(false);
  clock.reboot();
  clock.set_to(today + Duration::minutes(2));
  start();
  EXPECT_EQ(take_message(1), 2U);
}

}  // namespace
}  // namespace edgetide::test
