// The journal makes the pipeline again, byte for byte: random inputs go through an intake and, from its journal, into
// another pipeline.
#include "daemon/recovery/journal_replay.h"

#include <gtest/gtest.h>
#include <random>

#include "daemon/intake/intake.h"
#include "daemon/storage/record_log_reader.h"
#include "daemon/storage/series_checksum.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

PipelineOptions small_limits(bool derived) {
  PipelineOptions options = one_window();
  options.max_series = 6;
  options.new_series_per_minute = 5;
  options.sources[0].time.idle_timeout = Duration::seconds(20);
  options.windows[0].allowed_lateness = Duration::seconds(5);
  options.windows[0].aggregates = {Aggregate::count, Aggregate::avg};
  if (derived) options.windows[0].derived = {product("product", "t", "u")};
  return options;
}

constexpr std::int64_t clock_set_at = 60, clock_ahead = 1'000'000;  // seconds

// Readings of more sensors than there is room for, so that limits refuse some and idle ones leave; ticks; connections.
// With odd seeds the clock is not set at first, and some readings have no time.
void feed(Intake& intake, ManualClock& clock, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto time_of = [&](std::int64_t second) -> std::optional<Timestamp> {
    if (random() % 4 == 0) return std::nullopt;
    return at(static_cast<double>(second + clock_ahead) - static_cast<double>(random() % 30));
  };
  intake.connected(SourceId{0}, "peer");
  for (std::int64_t second = 1; second < 400; ++second) {
    clock.set_seconds(second);
    if (second == clock_set_at) clock.set_ahead(clock_ahead);
    const auto busy = static_cast<std::size_t>(second / 100);  // others fall silent
    DecodedBatch batch;
    std::vector<std::string> names;
    for (std::uint64_t i = 0; i <= random() % 3; ++i) names.push_back("s" + std::to_string(busy * 3 + random() % 8));
    for (const std::string& name : names) {
      const char* const metric = random() % 8 == 0 ? "u" : "t";
      batch.readings.push_back({name, metric, "", time_of(second), static_cast<double>(random() % 100), 0, 0});
    }
    if (random() % 5 == 0) batch.refusals.push_back({Refusal::bad_number, "x", 0});
    batch.end_message(random() >> 16, false);
    ASSERT_TRUE(intake.try_accept(SourceId{0}, batch).is_taken());
    if (random() % 3 == 0) intake.tick(Fire::due);
    if (random() % 40 == 0) intake.disconnected(SourceId{0}, "lost");
    if (random() % 20 == 0) intake.connected(SourceId{0}, "peer");
  }
}

TEST(JournalReplay, journal_makes_the_same_state_byte_for_byte) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const PipelineOptions options = small_limits(seed % 4 < 2);
    MemoryFileSystem files;
    ManualClock clock;
    clock.set_ahead(clock_ahead);
    if (seed % 2 == 1) clock.unset();
    Pipeline pipeline(options);
    EpochGate gate;
    Journal journal(files, "state", {}, 5, {});
    Intake intake(
        {.pipeline = pipeline, .clock = clock, .gate = gate, .journal = journal, .identity = {9, 5}, .sources = {"s"}});
    feed(intake, clock, seed);
    intake.tick(Fire::due);  // finds the series that may be evicted again
    ASSERT_GT(pipeline.counters().of(Refusal::series_limit) + pipeline.counters().of(Refusal::series_rate), 0U);

    Pipeline again(options);
    IntakeState state;
    JournalReplay replay(
        again, [](const auto&) { return RowRoutes(); }, state);
    RecordLogReader reader(files, journal_location("state"), LogKind::journal);
    ASSERT_FALSE(reader.open(0));
    JournalInputs inputs(reader, std::nullopt);
    while (const auto input = inputs.next()) replay.apply(*input);
    EXPECT_EQ(inputs.unknown_records() + inputs.unplaced_readings(), 0U);
    EXPECT_EQ(replay.run(), 5U);
    EXPECT_EQ(replay.lost_readings(), 0U);
    EXPECT_EQ(again.snapshot(), pipeline.snapshot()) << "seed " << seed;
  }
}

struct JournalReplayOfOneWindow : testing::Test {
  Pipeline pipeline{one_window()};
  IntakeState state;
  JournalReplay replay{pipeline, [](const auto&) { return RowRoutes(); }, state};
};

TEST_F(JournalReplayOfOneWindow, readings_of_a_removed_source_and_of_an_unknown_series_are_counted_as_lost) {
  replay.apply(RunStart{1, 1, moment(0), {"gone", "s"}, 0, series_checksum(pipeline.series())});
  replay.apply(NewSeries{SeriesId{0}, SourceId{1}, {"a", "t", {}, {}}});
  const Reading known[] = {{SeriesId{0}, at(1), 1}}, unknown[] = {{SeriesId{4}, at(1), 1}};
  replay.apply(JournaledBatch{SourceId{1}, moment(1), {}, {}, known, {}});
  replay.apply(JournaledBatch{SourceId{1}, moment(1), {}, {}, unknown, {}});
  replay.apply(JournaledBatch{SourceId{0}, moment(1), {}, {}, known, {}});
  EXPECT_EQ(replay.readings(), 1U);
  EXPECT_EQ(replay.lost_readings(), 2U);
}

// The filters of a session and its messages are those of the session that the source was in.
TEST_F(JournalReplayOfOneWindow, sessions_and_their_messages_come_back) {
  replay.apply(RunStart{1, 1, moment(0), {"s"}, 0, series_checksum(pipeline.series())});
  const std::uint64_t first = 11, second = 12;
  replay.apply(JournaledSession{SourceId{0}, true, 10, "c@x", "n"});
  replay.apply(JournaledBatch{SourceId{0}, moment(1), {&first, 1}, {}, {}, {}});
  replay.apply(JournaledSession{SourceId{0}, true, 10, "c@y", "m"});
  replay.apply(JournaledBatch{SourceId{0}, moment(1), {&second, 1}, {}, {}, {}});
  replay.apply(JournaledSession{SourceId{7}, true, 10, "c@z", "m"});  // of no source
  EXPECT_FALSE(state.sessions.of("s").recent.knows(first));
  EXPECT_TRUE(state.sessions.of("s").recent.knows(second));
  state.sessions.begin("s", "c@x", false, 10, "n");
  EXPECT_TRUE(state.sessions.of("s").recent.knows(first));
  const JournaledValue value{1, 7};
  replay.apply(JournaledBatch{SourceId{0}, moment(1), {}, {}, {}, {}, {&value, 1}});
  EXPECT_EQ(state.values.find("s", 1), 7U);
}

TEST_F(JournalReplayOfOneWindow, readings_of_a_run_whose_series_are_others_are_lost_but_for_those_that_it_defines) {
  replay.apply(RunStart{1, 1, moment(0), {"s"}, 3, 12345, "abcdef"});
  const Reading unknown[] = {{SeriesId{0}, at(1), 1}, {SeriesId{2}, at(1), 1}}, known[] = {{SeriesId{3}, at(1), 1}};
  replay.apply(JournaledBatch{SourceId{0}, moment(1), {}, {}, unknown, {}});
  replay.apply(NewSeries{SeriesId{3}, SourceId{0}, {"a", "t", {}, {}}});
  replay.apply(JournaledBatch{SourceId{0}, moment(1), {}, {}, known, {}});
  EXPECT_EQ(replay.lost_readings(), 2U);
  EXPECT_EQ(replay.readings(), 1U);
}

TEST_F(JournalReplayOfOneWindow, id_far_beyond_all_others_is_not_believed) {
  replay.apply(RunStart{1, 1, moment(0), {"s"}, 0, series_checksum(pipeline.series())});
  replay.apply(NewSeries{SeriesId{0xFFFF'FFFE}, SourceId{0}, {"a", "t", {}, {}}});
  EXPECT_EQ(replay.senseless_records(), 1U);
  EXPECT_EQ(pipeline.series().size(), 0U);
}

}  // namespace
}  // namespace edgetide::test
