#include "daemon/intake/intake.h"

#include <cerrno>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <thread>
#include <utility>

#include "daemon/decoders/json_decoder.h"
#include "daemon/decoders/route.h"
#include "daemon/sources/accept_waiter.h"
#include "daemon/storage/quarantine.h"
#include "daemon/storage/quarantine_reader.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/scripted_sink.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

class IntakeTest : public testing::Test {
 protected:
  DecodedBatch batch_of(std::string_view sensor, double value = 1, std::optional<Timestamp> time = std::nullopt) {
    DecodedBatch batch;
    batch.readings.push_back({sensor, "t", "C", time, value, 0, 0});
    return batch;
  }
  static bool take(Intake& to, SourceId source, const DecodedBatch& batch) {
    return to.try_accept(source, batch).is_taken();
  }
  Counters counters() {
    return intake().inspect([](const Pipeline& state) { return state.counters(); });
  }

  SinkWorker worker_to(ScriptedSink::Log& log, OutboxOptions outbox = {}) {
    return SinkWorker("c", std::make_unique<ScriptedSink>(log), log.traits, schemas_of(options.windows, {WindowId{0}}),
                      outbox, files, "state", {[this] { intake().room_available(); }, [] {}}, 1);
  }
  void route(OutputMode mode, SinkWorker& worker) {
    parts.routes.add(RowSelection(options.windows, {WindowId{0}}, mode), worker);
  }

  // Made of `parts` when a test first wants it.
  Intake& intake() {
    if (!intake_) intake_.emplace(parts);
    return *intake_;
  }

  MemoryFileSystem files;
  PipelineOptions options = one_window();
  Pipeline pipeline{options};
  ManualClock clock;
  EpochGate gate;
  Journal journal{files, "state", {}, 1, {}};
  IntakeParts parts{.pipeline = pipeline,
                    .clock = clock,
                    .gate = gate,
                    .journal = journal,
                    .journal_options = {.durability = Durability::none},
                    .sources = {"s"}};

 private:
  std::optional<Intake> intake_;
};

TEST_F(IntakeTest, reading_without_event_time_takes_its_arrival_time) {
  clock.set_seconds(1234);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a")));
  EXPECT_EQ(intake().inspect([](const Pipeline& state) { return state.watermarks(); }).at(0), at(1234));
}

TEST_F(IntakeTest, time_that_cannot_be_read_is_refused_or_replaced_as_on_bad_time_says) {
  Quarantine quarantine(files, "state", {});
  parts.quarantine = &quarantine;
  clock.set_seconds(1'000'000);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a", 1, unreadable_time)));
  EXPECT_EQ(counters().of(Refusal::bad_time), 1U);
  EXPECT_EQ(counters().refused_total(), 1U);
  EXPECT_EQ(intake().quarantine_counters().kept, 0U) << "it has no time to be kept with";

  for (const Duration oldest : {Duration::days(7), Duration::unlimited()}) {
    PipelineOptions restamping = options;
    restamping.sources[0].time.on_bad_time = BadTimePolicy::use_arrival;
    restamping.sources[0].time.oldest = oldest;
    Pipeline other(restamping);
    Intake door({.pipeline = other,
                 .clock = clock,
                 .gate = gate,
                 .journal = journal,
                 .journal_options = {.durability = Durability::none},
                 .sources = {"s"}});
    ASSERT_TRUE(take(door, SourceId{0}, batch_of("a", 1, unreadable_time)));
    EXPECT_EQ(other.counters().of(ReadingOutcome::on_time), 1U);
    EXPECT_EQ(other.counters().restamped, 1U);
    EXPECT_EQ(other.view(SeriesId{0})->newest, at(1'000'000));
  }
}

TEST_F(IntakeTest, local_time_that_comes_twice_is_the_later_one_that_is_not_in_the_future) {
  const struct {
    int arrival;
    int taken;
  } cases[] = {{1'000'003, 1'000'000},
               {1'003'200, 1'000'000},
               {1'003'301, 1'003'600},
               {1'003'603, 1'003'600},
               {1'050'000, 1'003'600}};
  for (const auto& c : cases) {
    Pipeline other(options);
    Intake door({.pipeline = other,
                 .clock = clock,
                 .gate = gate,
                 .journal = journal,
                 .journal_options = {.durability = Durability::none},
                 .sources = {"s"}});
    clock.set_seconds(c.arrival);
    DecodedBatch batch = batch_of("a", 1, at(1'000'000));
    batch.readings[0].local = DecodedReading::written_locally | 3600;
    ASSERT_TRUE(take(door, SourceId{0}, batch));
    EXPECT_EQ(other.view(SeriesId{0})->newest, at(c.taken)) << c.arrival;
  }
}

TEST_F(IntakeTest, notice_of_a_decoder_is_logged_and_inexact_values_are_counted) {
  testing::internal::CaptureStdout();
  DecodedBatch batch = batch_of("a");
  batch.notices.push_back("times without a zone are read as UTC");
  batch.inexact = 2;
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  EXPECT_NE(testing::internal::GetCapturedStdout().find("source s: times without a zone are read as UTC"),
            std::string::npos);
  EXPECT_EQ(intake().traffic(SourceId{0}).inexact, 2U);
}

constexpr std::int64_t year_2026 = 1'780'000'000;  // seconds

// Boots in 1970, with the time of the network a minute later.
class IntakeWithoutTime : public IntakeTest {
 protected:
  IntakeWithoutTime() {
    clock.unset();
    parts.journal_options = {};
    intake();
  }
};

TEST_F(IntakeWithoutTime, readings_wait_and_are_stamped_when_the_clock_is_set_and_no_window_is_in_1970) {
  clock.set_seconds(7);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("unstamped", 1)));
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("stamped", 2, at(year_2026 + 3))));
  clock.set_seconds(31);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("unstamped", 3)));
  EXPECT_FALSE(intake().tick(Fire::all));
  EXPECT_EQ(intake().held_readings(), 3U);
  EXPECT_EQ(pipeline.counters().received, 0U);
  EXPECT_EQ(pipeline.epoch(), 0U);

  clock.set_seconds(60);
  clock.set_ahead(year_2026);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("unstamped", 4)));  // still waits, to stay behind the others
  ASSERT_TRUE(intake().tick(Fire::due));
  EXPECT_EQ(intake().held_readings(), 0U);
  EXPECT_EQ(counters().of(ReadingOutcome::on_time), 4U);
  EXPECT_EQ(counters().refused_total(), 0U);
  const std::vector<Timestamp> newest = intake().inspect([](const Pipeline& state) { return state.watermarks(); });
  EXPECT_EQ(newest.at(0), at(year_2026 + 60));
  EXPECT_EQ(newest.at(1), at(year_2026 + 3));
  EXPECT_EQ(intake().rows_emitted(), 4U);
}

TEST_F(IntakeWithoutTime, times_that_are_bad_are_found_when_the_clock_is_set) {
  clock.set_seconds(7);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("early", 1, at(year_2026 + 100'000))));
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("old", 1, at(8))));
  clock.set_ahead(year_2026);
  ASSERT_TRUE(intake().tick(Fire::due));
  EXPECT_EQ(counters().of(Refusal::too_early), 1U);
  EXPECT_EQ(counters().of(Refusal::too_old), 1U);
}

TEST_F(IntakeWithoutTime, times_that_count_from_the_arrival_do_so_once_it_is_known) {
  const std::pair<const char*, Duration> cases[] = {{"before", Duration::seconds(-50)},
                                                    {"after", Duration::seconds(20)},
                                                    {"at", Duration()},
                                                    {"long before", Duration::hours(-1)}};
  const auto take_all = [&] {
    for (const auto& [sensor, from_arrival] : cases) {
      DecodedBatch batch = batch_of(sensor);
      batch.readings[0].from_arrival = from_arrival;
      ASSERT_TRUE(take(intake(), SourceId{0}, batch));
    }
  };
  const auto newest = [&] { return intake().inspect([](const Pipeline& state) { return state.watermarks(); }); };
  clock.set_seconds(7);
  take_all();
  EXPECT_EQ(intake().held_readings(), 4U);
  clock.set_seconds(60);
  clock.set_ahead(year_2026);
  ASSERT_TRUE(intake().tick(Fire::due));
  EXPECT_THAT(newest(),
              testing::ElementsAre(at(year_2026 - 43), at(year_2026 + 27), at(year_2026 + 7), at(year_2026 - 3593)));
  clock.set_seconds(100);
  take_all();
  EXPECT_THAT(newest(),
              testing::ElementsAre(at(year_2026 + 50), at(year_2026 + 120), at(year_2026 + 100), at(year_2026 - 3500)));
}

TEST_F(IntakeWithoutTime, what_waits_is_in_the_checkpoint_too) {
  clock.set_seconds(7);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a", 1)));
  ASSERT_FALSE(intake().sync());
  IntakeState state;
  ASSERT_TRUE(state.restore(intake().checkpoint().value().intake));
  ASSERT_EQ(state.held.readings(), 1U);
  EXPECT_EQ(state.held.batches()[0].running, Duration::seconds(7));
  EXPECT_EQ(state.held.batches()[0].readings[0].event_time, time_not_known);
}

// It would get the place of a series that has a reading among those that wait.
TEST_F(IntakeTest, no_series_leaves_for_another_while_readings_wait_for_the_clock) {
  options.max_series = 1;
  options.sources[0].time.idle_timeout = Duration::seconds(20);
  Pipeline full(options);
  full.connected(SourceId{0}, moment(0));
  read_at(full, 1, "a", 1);
  tick(full, 100, Fire::all);
  tick(full, 101);
  clock.unset();
  clock.set_seconds(200);
  Intake waiting({.pipeline = full, .clock = clock, .gate = gate, .journal = journal, .sources = {"s"}});
  ASSERT_TRUE(take(waiting, SourceId{0}, batch_of("a", 1)));
  ASSERT_TRUE(take(waiting, SourceId{0}, batch_of("b", 2)));
  clock.set_ahead(year_2026);
  waiting.tick(Fire::due);
  EXPECT_TRUE(full.series().find("a", "t"));
  EXPECT_EQ(full.counters().of(Refusal::series_limit), 1U);
}

TEST_F(IntakeWithoutTime, sources_wait_when_too_much_waits_for_the_clock) {
  DecodedBatch batch;
  for (int i = 0; i < 1000; ++i) batch.readings.push_back({"a", "t", "", std::nullopt, 1, 0, 0});
  for (std::size_t i = 0; i < ClockHold::max_readings; i += 1000) {
    ASSERT_EQ(intake().try_accept(SourceId{0}, batch).answer, Acceptance::Answer::taken);
  }
  for (const std::int64_t second : {100, 101}) {
    clock.set_seconds(second);
    EXPECT_FALSE(intake().tick(Fire::due));
  }
  EXPECT_EQ(intake().held_because(), "no more readings can wait for the clock to be set") << "before one is offered";
  EXPECT_EQ(intake().try_accept(SourceId{0}, batch).answer, Acceptance::Answer::held);
  clock.set_ahead(year_2026);
  ASSERT_TRUE(intake().tick(Fire::due));
  EXPECT_EQ(intake().try_accept(SourceId{0}, batch).answer, Acceptance::Answer::taken);
}

TEST_F(IntakeTest, sensor_table_completes_labels_and_scales_values_also_after_it_was_read_again) {
  const auto table = [](double scale, const char* site) {
    SensorTable made;
    made.add("a", {{{"site", site}, {"line", "1"}}, {scale, 1}});
    return std::vector<std::shared_ptr<const SensorTable>>{std::make_shared<const SensorTable>(std::move(made))};
  };
  parts.tables = table(10, "lyon");
  DecodedBatch batch = batch_of("a", 2, at(1));
  batch.labels.push_back({"line", "7"});
  batch.readings[0].label_count = 1;
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("b", 5, at(1))));
  EXPECT_EQ(intake().reconfigure({Pipeline(options), {"s"}, table(100, "paris"), {}, false}), std::nullopt);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a", 2, at(2))));
  const Series& series = *intake().inspect([](const Pipeline& state) { return state.series().shared(SeriesId{0}); });
  EXPECT_EQ(series.labels, (std::vector<Label>{{"line", "7"}, {"site", "lyon"}}));
  EXPECT_EQ(lines(pipeline, tick(pipeline, 3)),
            (std::vector<std::string>{"a [0,10) open r1: 2 222", "b [0,10) open r1: 1 5"}));
}

TEST_F(IntakeTest, refusals_are_counted_and_the_last_one_is_remembered) {
  DecodedBatch batch = batch_of("a");
  batch.refusals = {{Refusal::bad_number, "topic/a", 3}, {Refusal::bad_syntax, "topic/b", 7}};
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  EXPECT_EQ(counters().received, 3U);
  EXPECT_EQ(counters().of(Refusal::bad_number), 1U);
  EXPECT_EQ(intake().last_refusal(SourceId{0}).where, "topic/b");
}

TEST_F(IntakeTest, messages_without_a_reading_are_counted_by_route_and_reason_and_their_routes_are_bounded) {
  DecodedBatch batch;
  batch.note_without_reading("a/#", NoReading::no_value);
  intake().nothing_decoded(SourceId{0}, batch);
  batch.refuse_unseen(Refusal::too_large, "peer");
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  const auto counted = [&](std::size_t route, NoReading reason) {
    return intake().traffic(SourceId{0}).without_reading.at(route).messages[static_cast<std::size_t>(reason)];
  };
  EXPECT_EQ(counted(0, NoReading::no_value), 2U);
  EXPECT_EQ(counted(1, no_reading_of(Refusal::too_large)), 1U);
  for (std::size_t i = 0; i < max_routes_without_reading + 10; ++i) {
    batch.clear();
    const std::string_view route = batch.keep("b/" + std::to_string(i));
    batch.note_without_reading(route, NoReading::no_value);
    intake().nothing_decoded(SourceId{0}, batch);
  }
  EXPECT_EQ(intake().traffic(SourceId{0}).without_reading.size(), max_routes_without_reading + 1);
  EXPECT_EQ(intake().traffic(SourceId{0}).without_reading.back().route, "(others)");
  EXPECT_EQ(counted(max_routes_without_reading, NoReading::no_value), 12U);
  intake().nothing_decoded(SourceId{7}, batch);
}

TEST_F(IntakeTest, series_beyond_the_limit_are_refused_and_known_ones_go_on) {
  PipelineOptions small = one_window();
  small.max_series = 1;
  Pipeline limited(small);
  Intake door({.pipeline = limited, .clock = clock, .gate = gate, .journal = journal, .sources = {"s"}});
  EXPECT_TRUE(take(door, SourceId{0}, batch_of("a")));
  EXPECT_TRUE(take(door, SourceId{0}, batch_of("b")));
  EXPECT_TRUE(take(door, SourceId{0}, batch_of("a")));
  EXPECT_EQ(limited.counters().of(Refusal::series_limit), 1U);
  EXPECT_EQ(limited.counters().of(ReadingOutcome::on_time), 2U);
}

TEST_F(IntakeTest, first_sight_of_a_series_keeps_unit_and_labels) {
  DecodedBatch batch;
  batch.labels = {{"z", "1"}, {"a", "2"}};
  batch.readings.push_back({"s1", "t", "C", std::nullopt, 1, 0, 2});
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  const Series& series = pipeline.series()[SeriesId{0}];
  EXPECT_EQ(series.unit, "C");
  EXPECT_EQ(series.labels, (std::vector<Label>{{"a", "2"}, {"z", "1"}}));
}

TEST_F(IntakeTest, readings_that_enter_no_window_go_to_the_quarantine_with_source_and_arrival) {
  Quarantine quarantine(files, "state", {});
  parts.quarantine = &quarantine;
  clock.set_seconds(1'000'000);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("late", 1, at(1'000'000))));
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("late", 2, at(999'000))));
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("early", 3, at(2'000'000))));
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("old", 4, at(5))));
  EXPECT_EQ(intake().quarantine_counters().kept, 3U);
  QuarantineReader reader(files, "state");
  ASSERT_FALSE(reader.open());
  for (const char* const expected : {"late_dropped s late", "too_early s early", "too_old s old"}) {
    const auto reading = reader.next();
    ASSERT_TRUE(reading);
    EXPECT_EQ(std::string(name_of(reading->reason)) + ' ' + reading->source + ' ' + reading->series.sensor, expected);
    EXPECT_EQ(reading->arrival, at(1'000'000));
  }
}

TEST_F(IntakeTest, sensor_whose_times_are_shifted_by_whole_quarter_hours_is_named) {
  for (std::int64_t minute = 0; minute < 20; ++minute) {
    const double now = 1'000'000 + 60.0 * static_cast<double>(minute);
    clock.set_seconds(static_cast<std::int64_t>(now));
    EXPECT_TRUE(intake().traffic(SourceId{0}).shifted.empty());
    DecodedBatch batch = batch_of("kitchen", 1, at(now + 7'200));
    batch.readings.push_back({"kitchen", "u", "C", at(now + 7'230), 1, 0, 0});
    batch.readings.back().local = DecodedReading::written_locally;
    batch.readings.push_back({"hall", "t", "C", std::nullopt, 1, 0, 0, Counts::always, 0, Duration::hours(-1)});
    ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  }
  const SourceTraffic traffic = intake().traffic(SourceId{0});
  ASSERT_EQ(traffic.shifted.size(), 1U) << "both metrics, and not what says how long ago it was";
  EXPECT_EQ(traffic.shifted[0].sensor + ' ' + traffic.shifted[0].shift, "kitchen 2h ahead");
  EXPECT_TRUE(traffic.shifted[0].advice.starts_with("its clock is off")) << traffic.shifted[0].advice;
  const SeriesId all[] = {SeriesId{0}, SeriesId{1}, SeriesId{2}};
  EXPECT_THAT(intake().shifts_of(all),
              testing::ElementsAre(TimeShift{.by = Duration::hours(2)},
                                   TimeShift{.by = Duration::hours(2), .is_local = true}, std::nullopt));
}

TEST_F(IntakeTest, sensors_beyond_those_that_are_named_are_one_notice) {
  for (std::int64_t minute = 0; minute < 20; ++minute) {
    const double now = 1'000'000 + 60.0 * static_cast<double>(minute);
    clock.set_seconds(static_cast<std::int64_t>(now));
    for (int i = 0; i < 12; ++i) {
      ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("s" + std::to_string(i), 1, at(now - 3'600))));
    }
  }
  const SourceTraffic traffic = intake().traffic(SourceId{0});
  EXPECT_EQ(traffic.shifted.size(), max_shifted_sensors);
  EXPECT_TRUE(traffic.has_more_shifted);
}

// Readings of one message, each with one label.
DecodedBatch labelled_batch(const std::vector<std::pair<std::string_view, std::optional<double>>>& cpus_and_times) {
  DecodedBatch batch;
  for (const auto& [cpu, time] : cpus_and_times) {
    const auto at_time = time ? std::optional(at(*time)) : std::nullopt;
    batch.readings.push_back({"host", "usage", "", at_time, 1, static_cast<std::uint32_t>(batch.labels.size()), 1});
    batch.labels.push_back({"cpu", cpu});
  }
  batch.message_count = 1;
  return batch;
}

TEST_F(IntakeTest, readings_of_one_series_and_time_with_different_labels_are_named_once_and_counted) {
  parts.sources = {"hosts"};  // of other sources there are many lines already
  clock.set_seconds(1'000'000);
  testing::internal::CaptureStdout();
  const double now = 1'000'000;
  ASSERT_TRUE(take(intake(), SourceId{0}, labelled_batch({{"cpu0", now}, {"cpu1", now}, {"cpu2", now}})));
  clock.set_seconds(1'000'010);
  ASSERT_TRUE(take(intake(), SourceId{0}, labelled_batch({{"cpu0", {}}, {"cpu1", {}}})));
  ASSERT_TRUE(take(intake(), SourceId{0}, labelled_batch({{"cpu0", now + 1}})));
  ASSERT_TRUE(take(intake(), SourceId{0}, labelled_batch({{"cpu1", now + 1}})));
  const std::string log = testing::internal::GetCapturedStdout();
  const SourceTraffic traffic = intake().traffic(SourceId{0});
  EXPECT_EQ(traffic.mixed, 4U);
  ASSERT_EQ(traffic.mixed_labels.size(), 1U);
  EXPECT_EQ(traffic.mixed_labels[0].series + ": " + traffic.mixed_labels[0].text, "host usage: cpu (cpu0, cpu1)");
  const std::string_view warning = "metric usage: readings of one time differ in the labels cpu (cpu0, cpu1)";
  const std::size_t first = log.find(warning);
  EXPECT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find(warning, first + 1), std::string::npos) << log;
}

TEST_F(IntakeTest, readings_of_one_element_or_of_another_time_are_not_mixed) {
  clock.set_seconds(1'000'000);
  const double now = 1'000'000;
  DecodedBatch several = labelled_batch({{"cpu0", {}}, {"cpu1", {}}});
  several.message_count = 2;
  const DecodedBatch batches[] = {
      labelled_batch({{"cpu0", now}, {"cpu0", now}}),
      labelled_batch({{"cpu1", now + 1}, {"cpu0", now + 2}}),
      std::move(several),
      labelled_batch({{"cpu1", now + 3}, {"cpu1", now + 3}}),
  };
  for (const DecodedBatch& batch : batches) {
    ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  }
  EXPECT_EQ(intake().traffic(SourceId{0}).mixed, 0U);
}

TEST_F(IntakeTest, groups_and_matches_that_tell_labels_apart_mix_nothing) {
  const std::pair<const char*, std::function<void(WindowOptions&)>> cases[] = {
      {"a group for each", [](WindowOptions& window) { window.group_by = {"cpu"}; }},
      {"one group of all", [](WindowOptions& window) { window.one_group = true; }},
      {"one of them",
       [](WindowOptions& window) {
         window.match.labels = {{"cpu", {"cpu-total"}}};
       }},
  };
  for (const auto& [name, change] : cases) {
    PipelineOptions changed = one_window();
    change(changed.windows[0]);
    Pipeline other(changed);
    MemoryFileSystem disk;
    Journal to{disk, "state", {}, 1, {}};
    EpochGate door;
    Intake its_intake({.pipeline = other,
                       .clock = clock,
                       .gate = door,
                       .journal = to,
                       .journal_options = {.durability = Durability::none},
                       .sources = {"s"}});
    clock.set_seconds(1'000'000);
    ASSERT_TRUE(take(its_intake, SourceId{0}, labelled_batch({{"cpu0", {}}, {"cpu1", {}}, {"cpu-total", {}}})));
    EXPECT_EQ(its_intake.traffic(SourceId{0}).mixed, 0U) << name;
    EXPECT_TRUE(its_intake.traffic(SourceId{0}).mixed_labels.empty()) << name;
  }
}

TEST_F(IntakeTest, message_that_gives_no_reading_goes_to_the_quarantine_once_with_topic_and_payload) {
  Quarantine quarantine(files, "state", {});
  parts.quarantine = &quarantine;
  clock.set_seconds(1'000'000);
  DecodedBatch batch;
  batch.refusals.push_back({Refusal::bad_syntax, "a/b", 3});
  batch.note_undecoded(Refusal::bad_syntax, "a/b", "{t:");
  batch.end_message(77, true);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  ASSERT_TRUE(take(intake(), SourceId{0}, batch)) << "it is sent again";
  EXPECT_EQ(intake().quarantine_counters().messages_kept, 1U);
  EXPECT_EQ(counters().of(Refusal::bad_syntax), 1U);
  QuarantineReader reader(files, "state");
  ASSERT_FALSE(reader.open());
  const auto record = reader.next_record();
  ASSERT_TRUE(record && std::holds_alternative<QuarantinedMessage>(*record));
  const auto& message = std::get<QuarantinedMessage>(*record);
  EXPECT_EQ(std::string(name_of(*message.reason)) + ' ' + message.source + ' ' + message.topic + ' ' + message.payload,
            "bad_syntax s a/b {t:");
  EXPECT_EQ(message.arrival, at(1'000'000));
}

TEST_F(IntakeTest, message_without_a_value_goes_to_the_quarantine) {
  Quarantine quarantine(files, "state", {});
  parts.quarantine = &quarantine;
  clock.set_seconds(1'000'000);
  DecodedBatch alone;
  alone.note_undecoded({}, "a/b", R"({"mode":"heating"})");
  intake().nothing_decoded(SourceId{0}, alone);
  DecodedBatch among = batch_of("a");
  among.note_undecoded({}, "a/c", "words");
  among.end_message(77, true);
  ASSERT_TRUE(take(intake(), SourceId{0}, among));
  ASSERT_TRUE(take(intake(), SourceId{0}, among)) << "it is sent again";
  EXPECT_EQ(intake().quarantine_counters().messages_kept, 2U);
  QuarantineReader reader(files, "state");
  ASSERT_FALSE(reader.open());
  for (const std::string expected : {R"(a/b {"mode":"heating"})", "a/c words"}) {
    const auto record = reader.next_record();
    ASSERT_TRUE(record && std::holds_alternative<QuarantinedMessage>(*record));
    const auto& message = std::get<QuarantinedMessage>(*record);
    EXPECT_EQ(message.topic + ' ' + message.payload, expected);
    EXPECT_FALSE(message.reason);
  }
}

TEST_F(IntakeTest, messages_that_dedupe_or_repeats_leave_out_are_counted_by_route) {
  MappingOptions keyed;
  keyed.format = &json_format;
  keyed.dedupe.path = "id";
  MappingOptions repeating;
  repeating.format = &json_format;
  repeating.repeats = Repeats::skip_unchanged;
  Router router({{"d/{device}", keyed}, {"z/{device}", repeating}});
  clock.set_seconds(1'000'000);
  DecodedBatch batch;
  const auto send = [&](const char* topic, const char* payload) { router.decode(topic, payload, batch); };
  const auto counted = [&] {
    ASSERT_TRUE(take(intake(), SourceId{0}, batch));
    batch.clear();
  };
  const auto found = [&] {
    std::map<std::string, std::uint64_t> counts;
    for (const RouteWithoutReading& route : intake().traffic(SourceId{0}).without_reading) {
      for (std::size_t i = 0; i < no_reading_count; ++i) {
        if (route.messages[i] > 0) counts[route.route + ' ' + std::string(name_of(NoReading(i)))] = route.messages[i];
      }
    }
    return counts;
  };
  using Found = std::map<std::string, std::uint64_t>;
  send("d/a", R"({"id":"i","v":1})");
  send("d/a", R"({"id":"i","v":1})");
  send("z/a", R"({"v":1,"w":2})");
  send("z/a", R"({"v":1,"w":3})");
  send("z/a", R"({"v":1,"w":3})");
  send("z/b", R"({"v":1,"w":3})");
  counted();
  EXPECT_EQ(found(), (Found{{"d/{device} repeated", 1}, {"z/{device} unchanged", 1}})) << "in one batch";
  send("d/a", R"({"id":"i","v":1})");
  counted();
  send("z/a", R"({"v":1,"w":3})");
  send("z/a", R"({"v":2,"w":3})");
  counted();
  EXPECT_EQ(found(), (Found{{"d/{device} repeated", 2}, {"z/{device} unchanged", 2}})) << "across batches";
}

TEST_F(IntakeTest, quarantine_on_a_broken_disk_holds_nothing_back) {
  files.fail_at(1, EIO, true);
  Quarantine quarantine(files, "state", {});
  parts.quarantine = &quarantine;
  clock.set_seconds(1'000'000);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(take(intake(), SourceId{0}, batch_of("early", 3, at(2'000'000))));
  EXPECT_EQ(intake().quarantine_counters().failed, 5U);
}

TEST_F(IntakeTest, closed_intake_accepts_nothing) {
  intake().close();
  EXPECT_FALSE(take(intake(), SourceId{0}, batch_of("a")));
  EXPECT_EQ(counters().received, 0U);
}

TEST_F(IntakeTest, rows_go_to_each_worker_in_its_mode) {
  ScriptedSink::Log update_log, append_log;
  SinkWorker update = worker_to(update_log), append = worker_to(append_log);
  route(OutputMode::update, update);
  route(OutputMode::append, append);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a", 1, at(1))));
  intake().tick(Fire::all);
  EXPECT_EQ(update.status().outbox_rows, 1U);
  EXPECT_EQ(append.status().outbox_rows, 0U);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a", 1, at(11))));
  intake().tick(Fire::all);
  EXPECT_EQ(update.status().outbox_rows, 3U);
  EXPECT_EQ(append.status().outbox_rows, 1U);
  EXPECT_EQ(intake().rows_emitted(), 3U);
}

TEST_F(IntakeTest, accept_waits_while_a_sink_that_may_not_drop_is_full) {
  ScriptedSink::Log log;
  SinkWorker worker = worker_to(log, {.max_bytes = 1, .when_full = WhenFull::block});
  route(OutputMode::update, worker);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a")));
  intake().tick(Fire::all);
  ASSERT_TRUE(worker.full());
  EXPECT_FALSE(intake().tick(Fire::all)) << "no trigger fires while it is full";
  AcceptWaiter waiter(intake(), SourceId{0});
  waiter.start();
  std::thread peer([&] { EXPECT_TRUE(waiter.accept(batch_of("b"))); });
  worker.start();  // delivers the batch, which makes room
  peer.join();
  EXPECT_EQ(counters().received, 2U);
}

// A batch of ten sensors at one time; their windows are of 10 s.
DecodedBatch ten_sensors(std::int64_t second) {
  DecodedBatch batch;
  for (int sensor = 0; sensor < 10; ++sensor) {
    const std::string name(1, static_cast<char>('a' + sensor));
    batch.readings.push_back({batch.keep(name), "t", "", at(static_cast<double>(second)), 1, 0, 0});
  }
  return batch;
}

TEST_F(IntakeTest, accept_waits_before_the_rows_of_the_next_trigger_overfill_an_outbox_that_blocks) {
  constexpr std::uint64_t bound = 64 * 1024;
  ScriptedSink::Log log;
  SinkWorker worker = worker_to(log, {.max_bytes = bound, .when_full = WhenFull::block});
  route(OutputMode::update, worker);
  std::int64_t second = 0;
  for (int firing = 0; firing < 5; ++firing) {
    while (second < 100'000 && intake().try_accept(SourceId{0}, ten_sensors(second)).is_taken()) {
      clock.set_seconds(second += 10);
    }
    ASSERT_LT(second, 100'000) << "it is never held back";
    intake().tick(Fire::all);
    static_cast<void>(intake().sync());
    EXPECT_LE(worker.status().memory_bytes, bound * 11 / 10);
  }
  EXPECT_GE(worker.status().memory_bytes, bound * 9 / 10);
  const std::uint64_t emitted = intake().rows_emitted();
  intake().tick(Fire::all);
  EXPECT_EQ(intake().rows_emitted(), emitted);
  while (worker.step() == Duration()) {
  }
  EXPECT_EQ(worker.status().outbox_rows, 0U);
  intake().offer_room();
  EXPECT_TRUE(intake().try_accept(SourceId{0}, ten_sensors(second)).is_taken());
  EXPECT_TRUE(intake().tick(Fire::all));
}

// Of one sensor, each in another window.
DecodedBatch many_windows(std::size_t readings, std::int64_t& second) {
  DecodedBatch batch;
  for (; batch.readings.size() < readings; second += 10) {
    batch.readings.push_back({"a", "t", "", at(static_cast<double>(second)), 1, 0, 0});
  }
  return batch;
}

TEST_F(IntakeTest, batch_whose_rows_would_overfill_an_outbox_waits_and_any_fits_into_an_empty_one) {
  constexpr std::uint64_t bound = 64 * 1024;
  ScriptedSink::Log log;
  SinkWorker worker = worker_to(log, {.max_bytes = bound, .when_full = WhenFull::block});
  route(OutputMode::update, worker);
  std::int64_t second = 0;
  int batches = 0;
  while (batches < 100 && intake().try_accept(SourceId{0}, many_windows(150, second)).is_taken()) {
    clock.set_seconds(second);
    ++batches;
    if (batches % 2 == 0) intake().tick(Fire::all), static_cast<void>(intake().sync());
  }
  intake().tick(Fire::all);
  static_cast<void>(intake().sync());
  EXPECT_GE(batches, 3);
  EXPECT_LE(worker.status().memory_bytes, bound * 11 / 10);
  while (worker.step() == Duration()) {
  }
  intake().tick(Fire::all);
  EXPECT_FALSE(intake().offer_room());
  EXPECT_TRUE(intake().try_accept(SourceId{0}, many_windows(2000, second)).is_taken());
}

TEST_F(IntakeTest, waiting_peer_is_let_go_unacknowledged_when_the_daemon_stops) {
  ScriptedSink::Log log;
  SinkWorker worker = worker_to(log, {.max_bytes = 1, .when_full = WhenFull::block});
  route(OutputMode::update, worker);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a")));
  intake().tick(Fire::all);
  AcceptWaiter waiter(intake(), SourceId{0});
  waiter.start();
  std::thread peer([&] { EXPECT_FALSE(waiter.accept(batch_of("b"))); });
  intake().set_blocking(false);
  peer.join();
  EXPECT_EQ(counters().received, 1U);
}

TEST_F(IntakeTest, source_keeps_its_id_when_another_configuration_moves_it_and_one_that_is_gone_is_refused) {
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a", 1, at(1))));
  const auto reconfigure = [&](const std::vector<std::string>& sources) {
    PipelineOptions next = options;
    next.sources.clear();
    for (const std::string& name : sources) next.sources.push_back({name, options.sources[0].time});
    next.windows[0].inputs.clear();
    for (std::uint32_t i = 0; i < sources.size(); ++i) next.windows[0].inputs.push_back(SourceId{i});
    return intake().reconfigure({Pipeline(next), sources, {}, {}, false});
  };
  EXPECT_EQ(reconfigure({"first", "s"}), std::nullopt);
  EXPECT_EQ(intake().source_id("s"), SourceId{0});
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a", 2, at(2))));
  EXPECT_EQ(pipeline.counters(SourceId{1}).of(ReadingOutcome::on_time), 2U);
  EXPECT_EQ(lines(pipeline, tick(pipeline, 3)), (std::vector<std::string>{"a [0,10) open r1: 2 3"}));
  EXPECT_EQ(reconfigure({"first"}), std::nullopt);
  EXPECT_FALSE(take(intake(), SourceId{0}, batch_of("a", 2, at(2))));
  EXPECT_EQ(reconfigure({"s"}), std::nullopt);
  EXPECT_TRUE(take(intake(), SourceId{0}, batch_of("a", 4, at(2))));
}

// What the intake tells a source.
struct Told final : SourceEvents {
  void room_available() noexcept override { ++rooms; }
  void durable(std::uint64_t through) noexcept override { durable_through = through; }
  void set_blocking(bool allowed) noexcept override { blocking = allowed; }
  int rooms = 0;
  std::uint64_t durable_through = 0;
  bool blocking = false;
};

class IntakeOfManyMessages : public IntakeTest {
 protected:
  void open(Durability durability) {
    parts.journal_options.durability = durability;
    intake();
  }
};

TEST_F(IntakeOfManyMessages, known_message_among_new_ones_is_left_out_with_its_refusals) {
  open(Durability::crash);
  DecodedBatch first = batch_of("a", 1, at(1));
  first.end_message(11, false);
  ASSERT_TRUE(take(intake(), SourceId{0}, first));
  DecodedBatch batch = batch_of("b", 2, at(1));
  batch.end_message(12, false);
  batch.readings.push_back({"a", "t", "C", at(1), 1, 0, 0});
  batch.refusals.push_back({Refusal::bad_number, "x", 0});
  batch.end_message(11, true);
  batch.readings.push_back({"c", "t", "C", at(1), 3, 0, 0});  // of a message without a fingerprint
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  EXPECT_EQ(counters().received, 3U);
  EXPECT_EQ(counters().of(Refusal::bad_number), 0U);
  EXPECT_EQ(intake().resent_messages(), 1U);
  ASSERT_TRUE(take(intake(), SourceId{0}, first));  // not marked as sent again: another one of the same text
  EXPECT_EQ(counters().received, 4U);
}

TEST_F(IntakeOfManyMessages, batch_of_known_messages_alone_is_taken_without_a_record) {
  open(Durability::crash);
  DecodedBatch batch = batch_of("a", 1, at(1));
  batch.end_message(11, false);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  batch.messages[0].redelivered = true;
  const std::uint64_t next = journal.next_record();
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  EXPECT_EQ(journal.next_record(), next);
  EXPECT_EQ(counters().received, 1U);
}

TEST_F(IntakeOfManyMessages, new_session_forgets_messages_and_notes_survive_a_crash) {
  open(Durability::crash);
  ASSERT_TRUE(intake().begin_session(SourceId{0}, {.name = "c@x", .is_new = true, .in_flight = 10, .notes = "n"}));
  DecodedBatch batch = batch_of("a", 1, at(1));
  batch.end_message(11, false);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  const std::uint64_t next = journal.next_record();
  ASSERT_TRUE(intake().begin_session(SourceId{0}, {.name = "c@x", .in_flight = 10, .notes = "n"}));
  EXPECT_EQ(journal.next_record(), next);  // nothing has changed
  batch.messages[0].redelivered = true;
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  EXPECT_EQ(counters().received, 1U);
  ASSERT_TRUE(intake().begin_session(SourceId{0},
                                     {.name = "c@x", .is_new = true, .is_lost = true, .in_flight = 10, .notes = "m"}));
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  EXPECT_EQ(counters().received, 2U);
  EXPECT_EQ(intake().traffic(SourceId{0}).lost_sessions, 1U);
  EXPECT_EQ(intake().session_notes("c@x"), "m");
  EXPECT_EQ(intake().session_notes("c@y"), std::nullopt);
  ASSERT_FALSE(intake().sync());
  IntakeState state;
  ASSERT_TRUE(state.restore(intake().checkpoint().value().intake));
  EXPECT_EQ(state.sessions.notes("c@x"), "m");
  EXPECT_TRUE(state.sessions.of("s").recent.knows(11));
}

TEST_F(IntakeOfManyMessages, session_that_cannot_be_journaled_is_not_begun) {
  open(Durability::crash);
  files.fail_at(1, EIO, true);
  EXPECT_FALSE(intake().begin_session(SourceId{0}, {.name = "c@x", .in_flight = 10, .notes = "n"}));
  EXPECT_EQ(intake().session_notes("c@x"), std::nullopt);
  files.fail_at(0, 0);
}

TEST_F(IntakeOfManyMessages, copies_of_a_message_count_once_and_are_known_when_they_come_again) {
  open(Durability::crash);
  const std::uint64_t id = std::uint64_t{1} << 32;
  for (std::uint64_t i = 1; i <= 6; ++i) {
    DecodedBatch batch = batch_of("a", 1, at(1));
    batch.end_message(i * id + 7, false);
    batch.messages[0].copies = 3;
    ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  }
  EXPECT_EQ(counters().received, 2U);
  DecodedBatch again = batch_of("a", 1, at(1));
  again.end_message(5 * id + 7, true);
  again.messages[0].copies = 3;
  ASSERT_TRUE(take(intake(), SourceId{0}, again));
  EXPECT_EQ(counters().received, 2U);
}

TEST_F(IntakeOfManyMessages, stored_value_counts_once_and_again_when_its_topic_had_another_since) {
  open(Durability::crash);
  const auto take_value = [&](std::uint64_t topic, std::uint64_t value, bool is_stored) {
    DecodedBatch batch = batch_of("a", 1, at(1));
    batch.end_message({}, false);
    batch.messages[0].topic_value = {topic, value, is_stored};
    EXPECT_TRUE(take(intake(), SourceId{0}, batch));
    return counters().received;
  };
  EXPECT_EQ(take_value(1, 7, true), 1U);
  EXPECT_EQ(take_value(1, 7, true), 1U);
  EXPECT_EQ(take_value(2, 7, true), 2U);
  EXPECT_EQ(take_value(1, 7, false), 3U);  // an equal one that is new
  EXPECT_EQ(take_value(1, 8, false), 4U);
  EXPECT_EQ(take_value(1, 8, true), 4U);  // stored since it came
  EXPECT_EQ(take_value(1, 7, true), 5U);  // set back while we were away
  ASSERT_FALSE(intake().sync());
  IntakeState state;
  ASSERT_TRUE(state.restore(intake().checkpoint().value().intake));
  EXPECT_EQ(state.values.find("s", 1), 7U);
}

TEST_F(IntakeOfManyMessages, unchanged_value_of_a_sensors_metric_is_left_out_where_only_changed_ones_count) {
  open(Durability::crash);
  const auto take_values = [&](std::vector<std::pair<const char*, double>> values) {
    DecodedBatch batch;
    for (const auto& [metric, value] : values) {
      batch.readings.push_back({"a", metric, "", at(1), value, 0, 0, Counts::if_changed});
    }
    EXPECT_TRUE(take(intake(), SourceId{0}, batch));
    return counters().received;
  };
  EXPECT_EQ(take_values({{"t", 20}, {"h", 40}}), 2U);
  EXPECT_EQ(take_values({{"t", 20}, {"h", 41}}), 3U);
  EXPECT_EQ(take_values({{"t", 20}, {"h", 41}}), 3U);
  EXPECT_EQ(take_values({{"t", 21}, {"t", 21}, {"t", 20}}), 5U) << "also within a message";
  EXPECT_EQ(intake().unchanged_readings(), 4U);
  DecodedBatch other = batch_of("a", 20, at(1));
  ASSERT_TRUE(take(intake(), SourceId{0}, other));
  EXPECT_EQ(counters().received, 6U) << "a route that keeps repeats";
}

TEST_F(IntakeOfManyMessages, reading_that_counts_if_new_is_left_out_with_the_value_and_time_of_its_series) {
  open(Durability::crash);
  const auto received_with = [&](std::string_view channel, double value, int seconds) {
    DecodedBatch batch;
    batch.labels.push_back({"channel", channel});
    batch.readings.push_back({"a", "gas", "m3", at(seconds), value, 0, 1, Counts::if_new});
    EXPECT_TRUE(take(intake(), SourceId{0}, batch));
    return counters().received;
  };
  EXPECT_EQ(received_with("1", 20, 1), 1U);
  EXPECT_EQ(received_with("1", 20, 1), 1U);
  EXPECT_EQ(received_with("2", 30, 1), 2U) << "another meter";
  EXPECT_EQ(received_with("1", 20, 1), 2U);
  EXPECT_EQ(received_with("1", 20, 2), 3U) << "it was read again";
  EXPECT_EQ(received_with("1", 21, 2), 4U);
  EXPECT_EQ(received_with("2", 30, 1), 4U);
}

TEST_F(IntakeOfManyMessages, value_whose_time_is_refused_is_not_the_one_before) {
  open(Durability::crash);
  clock.set_seconds(1000);
  const auto take_at = [&](std::optional<Timestamp> time) {
    DecodedBatch batch;
    batch.readings.push_back({"a", "t", "", time, 5, 0, 0, Counts::if_changed});
    EXPECT_TRUE(take(intake(), SourceId{0}, batch));
    return counters().of(ReadingOutcome::on_time);
  };
  EXPECT_EQ(take_at(at(100'000)), 0U);
  EXPECT_EQ(take_at(unreadable_time), 0U);
  EXPECT_EQ(take_at({}), 1U);
  EXPECT_EQ(take_at({}), 1U);
}

TEST_F(IntakeOfManyMessages, message_of_a_known_key_counts_once_within_its_time_also_after_a_restart) {
  open(Durability::crash);
  clock.set_seconds(1000);
  const auto batch_with_key = [&](std::uint64_t hash) {
    DecodedBatch batch;
    batch.begin_message(true);
    batch.readings.push_back({"a", "t", "", at(1), 1, 0, 0});
    batch.set_message_key(hash, Duration::seconds(60));
    batch.end_bounded_message("r", true);
    return batch;
  };
  const auto received_after = [&](std::uint64_t hash) {
    EXPECT_TRUE(take(intake(), SourceId{0}, batch_with_key(hash)));
    return counters().received;
  };
  EXPECT_EQ(received_after(1), 1U);
  EXPECT_EQ(received_after(1), 1U);
  EXPECT_EQ(received_after(2), 2U);
  clock.set_seconds(1059);
  EXPECT_EQ(received_after(1), 2U);
  clock.set_seconds(1060);
  EXPECT_EQ(received_after(1), 3U) << "another message, after its time";
  EXPECT_EQ(intake().resent_messages(), 2U);
  ASSERT_FALSE(intake().sync());
  ASSERT_TRUE(parts.recovered.restore(intake().checkpoint().value().intake));
  Pipeline other(options);
  Journal other_journal(files, "other", {}, 2, {});
  Intake restarted({.pipeline = other,
                    .clock = clock,
                    .gate = gate,
                    .journal = other_journal,
                    .journal_options = {.durability = Durability::none},
                    .sources = {"s"},
                    .recovered = parts.recovered});
  ASSERT_TRUE(take(restarted, SourceId{0}, batch_with_key(1)));
  EXPECT_EQ(other.counters().received, 0U);
}

TEST_F(IntakeOfManyMessages, impaired_source_says_why_until_it_works_again) {
  open(Durability::crash);
  intake().impaired(SourceId{0}, "taken over");
  EXPECT_EQ(intake().traffic(SourceId{0}).impairment, "taken over");
  intake().impaired(SourceId{0}, {});
  EXPECT_EQ(intake().traffic(SourceId{0}).impairment, "");
}

TEST_F(IntakeOfManyMessages, source_that_is_not_connected_says_why_until_it_is) {
  open(Durability::crash);
  intake().disconnected(SourceId{0}, "unknown host h");
  EXPECT_EQ(intake().traffic(SourceId{0}).connection_error, "unknown host h");
  intake().connected(SourceId{0}, "h");
  EXPECT_EQ(intake().traffic(SourceId{0}).connection_error, "");
}

TEST_F(IntakeOfManyMessages, newest_position_of_each_partition_is_given_back_and_is_in_the_checkpoint) {
  open(Durability::crash);
  DecodedBatch batch = batch_of("a", 1, at(1));
  batch.end_message({}, false, Position{"0", "17"});
  batch.end_message({}, false, Position{"1", "5"});
  batch.readings.push_back({"b", "t", "C", at(1), 3, 0, 0});
  batch.end_message({}, false, Position{"0", "18"});
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  const std::vector<StoredPosition> expected = {{"0", "18"}, {"1", "5"}};
  EXPECT_EQ(intake().positions(SourceId{0}), expected);
  ASSERT_FALSE(intake().sync());
  IntakeState state;
  ASSERT_TRUE(state.restore(intake().checkpoint().value().intake));
  EXPECT_EQ(state.positions.of("s"), expected);
  EXPECT_TRUE(state.positions.of("other").empty());
}

TEST_F(IntakeOfManyMessages, state_of_a_decoder_is_kept_as_a_position_is_also_without_a_reading) {
  open(Durability::crash);
  DecodedBatch batch;
  ASSERT_TRUE(batch.keep_state("\x01route", "aliases"));
  const std::uint64_t next = journal.next_record();
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  EXPECT_EQ(journal.next_record(), next + 1) << "in the journal";
  EXPECT_EQ(intake().positions(SourceId{0}), (std::vector<StoredPosition>{{"\x01route", "aliases"}}));
}

TEST_F(IntakeOfManyMessages, batches_of_power_durability_are_durable_together_after_one_sync) {
  open(Durability::power);
  Told told;
  intake().attach(SourceId{0}, told);
  EXPECT_TRUE(told.blocking);
  const Acceptance first = intake().try_accept(SourceId{0}, batch_of("a", 1, at(1)));
  const Acceptance second = intake().try_accept(SourceId{0}, batch_of("b", 1, at(1)));
  ASSERT_TRUE(first.is_taken() && second.is_taken());
  EXPECT_LT(first.record, second.record);
  EXPECT_TRUE(intake().is_awaited());
  EXPECT_LT(told.durable_through, first.record);
  ASSERT_FALSE(intake().sync());
  EXPECT_FALSE(intake().is_awaited());
  EXPECT_GE(told.durable_through, second.record);
  intake().detach(SourceId{0});
}

TEST_F(IntakeOfManyMessages, rows_wait_for_a_sync_that_comes_at_once_and_a_tick_without_rows_does_not_ask_for_it) {
  ScriptedSink::Log log;
  SinkWorker worker = worker_to(log);
  route(OutputMode::update, worker);
  open(Durability::crash);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a", 1, at(1))));
  EXPECT_FALSE(intake().is_awaited()) << "a reading may wait for sync_interval";
  ASSERT_TRUE(intake().tick(Fire::all));
  EXPECT_TRUE(intake().is_awaited());
  EXPECT_EQ(worker.status().outbox_rows, 0U);
  ASSERT_FALSE(intake().sync());
  EXPECT_FALSE(intake().is_awaited());
  EXPECT_EQ(worker.status().outbox_rows, 1U);
  ASSERT_TRUE(intake().tick(Fire::all));
  EXPECT_FALSE(intake().is_awaited());
}

DecodedBatch refusals_of(Refusal reason, std::size_t count) {
  DecodedBatch batch;
  for (std::size_t i = 0; i < count; ++i) batch.refusals.push_back({reason, "10.0.0.1:5", 0});
  return batch;
}

TEST_F(IntakeOfManyMessages, batches_of_refusals_alone_cost_one_record_for_each_tick_and_are_counted_at_once) {
  open(Durability::power);
  ASSERT_FALSE(intake().sync());
  const std::uint64_t next = journal.next_record();
  const std::uint64_t written = journal.written_bytes();
  for (int i = 0; i < 20'000; ++i) {
    EXPECT_EQ(intake().try_accept(SourceId{0}, refusals_of(Refusal::unauthorised, 1)).record, 0U);
  }
  ASSERT_TRUE(take(intake(), SourceId{0}, refusals_of(Refusal::bad_syntax, 7)));
  EXPECT_EQ(journal.next_record(), next);
  EXPECT_EQ(journal.written_bytes(), written);
  EXPECT_FALSE(intake().is_unsafe()) << "no sync for what carries no reading";
  EXPECT_EQ(counters().of(Refusal::unauthorised), 20'000U);
  EXPECT_EQ(counters().of(Refusal::bad_syntax), 7U);
  ASSERT_TRUE(intake().tick(Fire::due));
  EXPECT_EQ(journal.next_record(), next + 2) << "the refusals, the tick";
  ASSERT_TRUE(intake().tick(Fire::due));
  EXPECT_EQ(journal.next_record(), next + 3);
  EXPECT_EQ(counters().of(Refusal::unauthorised), 20'000U);
}

TEST_F(IntakeOfManyMessages, refused_message_that_may_come_again_is_journaled_before_it_is_acknowledged) {
  open(Durability::crash);
  const std::uint64_t next = journal.next_record();
  DecodedBatch batch = refusals_of(Refusal::bad_syntax, 1);
  batch.end_message(7, false);
  ASSERT_TRUE(take(intake(), SourceId{0}, batch));
  EXPECT_EQ(journal.next_record(), next + 1);
  DecodedBatch again = refusals_of(Refusal::bad_syntax, 1);
  again.end_message(7, true);
  ASSERT_TRUE(take(intake(), SourceId{0}, again));
  EXPECT_EQ(counters().of(Refusal::bad_syntax), 1U);
}

TEST_F(IntakeOfManyMessages, refusals_behind_a_reading_wait_for_its_sync) {
  open(Durability::power);
  const Acceptance reading = intake().try_accept(SourceId{0}, batch_of("a", 1, at(1)));
  EXPECT_EQ(intake().try_accept(SourceId{0}, refusals_of(Refusal::bad_syntax, 1)).record, reading.record);
}

TEST_F(IntakeOfManyMessages, batch_of_crash_durability_waits_for_no_sync) {
  open(Durability::crash);
  EXPECT_EQ(intake().try_accept(SourceId{0}, batch_of("a", 1, at(1))).record, 0U);
  EXPECT_FALSE(intake().is_awaited());
}

TEST_F(IntakeOfManyMessages, source_that_was_held_back_hears_of_a_disk_that_takes_something_again) {
  open(Durability::crash);
  Told told;
  intake().attach(SourceId{0}, told);
  files.fail_at(1, EIO, true);
  EXPECT_EQ(intake().try_accept(SourceId{0}, batch_of("a")).answer, Acceptance::Answer::held);
  EXPECT_TRUE(intake().offer_room());
  EXPECT_EQ(told.rooms, 0);
  files.fail_at(0, 0);
  clock.set_seconds(10);
  EXPECT_FALSE(intake().offer_room());
  EXPECT_EQ(told.rooms, 1);
  EXPECT_TRUE(take(intake(), SourceId{0}, batch_of("a")));
  intake().detach(SourceId{0});
}

TEST_F(IntakeOfManyMessages, source_that_waits_for_room_is_notified_by_the_next_tick_before_it_counts_as_listening) {
  open(Durability::crash);
  Told told;
  intake().attach(SourceId{0}, told);
  files.fail_at(1, EIO, true);
  EXPECT_EQ(intake().try_accept(SourceId{0}, batch_of("a")).answer, Acceptance::Answer::held);
  intake().tick(Fire::due);
  EXPECT_EQ(told.rooms, 0);
  files.fail_at(0, 0);
  clock.set_seconds(10);
  EXPECT_TRUE(intake().tick(Fire::due));
  EXPECT_EQ(told.rooms, 1);
  intake().detach(SourceId{0});
}

TEST_F(IntakeTest, pause_before_the_first_tick_makes_no_series_idle) {
  options.sources[0].time.idle_timeout = Duration::seconds(2);
  pipeline = Pipeline(options);
  intake().connected(SourceId{0}, "peer");
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a", 1, at(1))));
  clock.set_seconds(10);  // stopped meanwhile
  EXPECT_TRUE(intake().tick(Fire::due, Duration::milliseconds(100)));
  ASSERT_TRUE(take(intake(), SourceId{0}, batch_of("a", 2, at(2))));
  EXPECT_EQ(counters().of(ReadingOutcome::on_time), 2U);
}

TEST(SourcePositions, oldest_partition_is_forgotten_when_a_source_has_too_many_and_others_keep_theirs) {
  SourcePositions positions;
  positions.note("other", "p", "1");
  for (std::size_t i = 0; i <= SourcePositions::max_partitions; ++i) {
    positions.note("s", std::to_string(i), "x");
    positions.note("s", "0", std::to_string(i));  // moves all the time
  }
  EXPECT_EQ(positions.of("s").size(), SourcePositions::max_partitions);
  EXPECT_EQ(positions.of("s")[0], (StoredPosition{"0", std::to_string(SourcePositions::max_partitions)}));
  EXPECT_EQ(positions.forgotten(), 1U);
  positions.note("s", "\x01route", "state");
  EXPECT_EQ(positions.forgotten(), 1U) << "states of decoders are counted apart";
  const auto key = [](std::size_t i) { return message_key_mark + std::to_string(i); };
  for (std::size_t i = 0; i < max_message_keys; ++i) positions.note("s", key(i), "key");
  EXPECT_EQ(positions.forgotten(), 1U) << "and so are keys of messages";
  positions.note("s", key(max_message_keys), "key");
  EXPECT_EQ(positions.forgotten(), 2U);
  positions.keep({"other"});
  EXPECT_TRUE(positions.of("s").empty());
  EXPECT_EQ(positions.of("other").size(), 1U);
}

}  // namespace
}  // namespace edgetide::test
