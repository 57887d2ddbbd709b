#include "daemon/storage/quarantine.h"

#include <gtest/gtest.h>

#include "daemon/storage/quarantine_reader.h"
#include "tests/fakes/memory_file_system.h"

namespace edgetide::test {
namespace {

Moment seconds(std::int64_t n) {
  return {Timestamp::microseconds(n * 1'000'000), Duration::seconds(n)};
}

class QuarantineTest : public testing::Test {
 protected:
  QuarantineTest() {
    series.add({"kitchen", "temperature", "C", {{"floor", "1"}, {"site", "lyon"}}});
    series.add({"hall", "humidity", "", {}});
  }
  static Quarantined late(std::uint32_t of, std::int64_t time, double value) {
    return {{SeriesId{of}, Timestamp::microseconds(time), value}, Quarantined::Reason::late_dropped};
  }
  void keep(Quarantine& quarantine, std::size_t readings, Moment arrival) {
    const std::vector<Quarantined> batch(readings, late(0, 5, 1.5));
    quarantine.keep(batch, "plant", arrival, series);
  }
  std::vector<QuarantinedReading> read() {
    QuarantineReader reader(files, "state");
    EXPECT_FALSE(reader.open());
    std::vector<QuarantinedReading> readings;
    while (auto reading = reader.next()) readings.push_back(std::move(*reading));
    lost = reader.readings_lost();
    return readings;
  }

  MemoryFileSystem files;
  SeriesTable series{10};
  std::uint64_t lost = 0;
};

TEST_F(QuarantineTest, reading_comes_back_with_all_that_is_known_of_it) {
  Quarantine quarantine(files, "state", {});
  const Quarantined batch[] = {
      {{SeriesId{0}, Timestamp::microseconds(-5), -1.25}, Quarantined::Reason::too_old},
      {{SeriesId{1}, Timestamp::latest(), 5e-324}, Quarantined::Reason::too_early},
  };
  quarantine.keep(batch, "plant", seconds(9), series);
  const std::vector<QuarantinedReading> readings = read();
  ASSERT_EQ(readings.size(), 2U);
  EXPECT_EQ(readings[0].reason, Quarantined::Reason::too_old);
  EXPECT_EQ(readings[0].event_time, Timestamp::microseconds(-5));
  EXPECT_EQ(readings[0].arrival, seconds(9).wall);
  EXPECT_EQ(readings[0].value, -1.25);
  EXPECT_EQ(readings[0].source, "plant");
  EXPECT_EQ(readings[0].series.sensor, "kitchen");
  EXPECT_EQ(readings[0].series.metric, "temperature");
  EXPECT_EQ(readings[0].series.unit, "C");
  EXPECT_EQ(readings[0].series.labels, (std::vector<Label>{{"floor", "1"}, {"site", "lyon"}}));
  EXPECT_EQ(readings[1].reason, Quarantined::Reason::too_early);
  EXPECT_EQ(readings[1].event_time, Timestamp::latest());
  EXPECT_EQ(readings[1].value, 5e-324);
  EXPECT_TRUE(readings[1].series.labels.empty());
  EXPECT_EQ(quarantine.counters().kept, 2U);
}

TEST_F(QuarantineTest, nothing_is_on_disk_before_the_first_reading) {
  Quarantine quarantine(files, "state", {});
  quarantine.keep({}, "plant", seconds(1), series);
  EXPECT_TRUE(files.paths().empty());
  EXPECT_TRUE(read().empty());
}

TEST_F(QuarantineTest, one_batch_is_one_write) {
  Quarantine quarantine(files, "state", {});
  keep(quarantine, 1, seconds(1));
  const std::uint64_t before = files.operations();
  keep(quarantine, 100, seconds(2));
  EXPECT_EQ(files.operations(), before + 1);
}

TEST_F(QuarantineTest, readings_of_earlier_runs_stay) {
  for (int run = 0; run < 3; ++run) {
    Quarantine quarantine(files, "state", {});
    keep(quarantine, 2, seconds(run));
    quarantine.sync();
    files.crash();
  }
  EXPECT_EQ(read().size(), 6U);
}

TEST_F(QuarantineTest, oldest_readings_make_room_and_are_counted) {
  Quarantine quarantine(files, "state", {.max_bytes = 256 * 1024});
  std::uint64_t given = 0;
  for (std::int64_t second = 0; second < 100; ++second) {
    keep(quarantine, 200, seconds(second));
    given += 200;
    EXPECT_LE(files.bytes(), 256U * 1024);
  }
  const std::vector<QuarantinedReading> left = read();
  EXPECT_EQ(quarantine.counters().kept, given);
  EXPECT_EQ(quarantine.counters().removed + left.size(), given);
  EXPECT_GT(files.bytes(), 128U * 1024);
  EXPECT_EQ(left.back().arrival, seconds(99).wall);
  EXPECT_EQ(lost, 0U);
}

TEST_F(QuarantineTest, restarts_alone_do_not_fill_it_with_files) {
  for (int run = 0; run < 100; ++run) {
    Quarantine quarantine(files, "state", {.max_bytes = 256 * 1024});
    keep(quarantine, 1, seconds(run));
  }
  EXPECT_LE(files.paths().size(), 64U);  // of 4 KiB, which is what the disk needs for each
}

TEST_F(QuarantineTest, flood_is_written_at_the_rate_and_the_rest_is_counted) {
  Quarantine quarantine(files, "state", {.write_bytes_per_second = 10'000});
  std::uint64_t given = 0;
  for (std::int64_t ms = 0; ms < 10'000; ++ms) {
    keep(quarantine, 10, {Timestamp::microseconds(ms * 1000), Duration::milliseconds(ms)});
    given += 10;
  }
  EXPECT_LE(files.bytes(), 11U * 10'000 + 1000);
  EXPECT_GE(files.bytes(), 10U * 10'000);
  EXPECT_EQ(quarantine.counters().kept, read().size());
  EXPECT_EQ(quarantine.counters().kept + quarantine.counters().over_rate, given);
}

TEST_F(QuarantineTest, disk_error_costs_readings_their_place_for_a_minute_and_nothing_else) {
  for (const int error : {ENOSPC, EIO, EROFS}) {
    MemoryFileSystem disk;
    Quarantine quarantine(disk, "state", {});
    keep(quarantine, 1, seconds(0));
    disk.fail_at(1, error);
    keep(quarantine, 2, seconds(1));
    EXPECT_EQ(quarantine.counters().failed, 2U);
    EXPECT_NE(quarantine.counters().error, "");
    const std::uint64_t before = disk.operations();
    keep(quarantine, 3, seconds(60));
    EXPECT_EQ(quarantine.counters().failed, 5U);
    EXPECT_EQ(disk.operations(), before) << "the disk is left alone";
    keep(quarantine, 4, seconds(61));
    EXPECT_EQ(quarantine.counters().kept, 5U);
    EXPECT_EQ(quarantine.counters().error, "");
  }
}

// Whatever fails: the counters say what is there.
TEST_F(QuarantineTest, any_failing_operation_is_survived_and_counted) {
  for (const bool sticky : {false, true}) {
    bool untouched = false;
    for (std::uint64_t n = 1; !untouched; ++n) {
      SCOPED_TRACE("operation " + std::to_string(n) + (sticky ? " and all after it" : ""));
      MemoryFileSystem disk;
      Quarantine quarantine(disk, "state", {.max_bytes = 256 * 1024});
      disk.fail_at(n, EIO, sticky);
      for (int i = 0; i < 12; ++i) keep(quarantine, 500, seconds(i * 20));
      untouched = disk.operations() < n;
      disk.fail_at(0, 0);
      const QuarantineCounters& counters = quarantine.counters();
      EXPECT_EQ(counters.kept + counters.failed + counters.over_rate, 6000U);
      EXPECT_EQ(untouched, counters.failed == 0);
      QuarantineReader reader(disk, "state");
      ASSERT_FALSE(reader.open());
      std::uint64_t readings = 0;
      while (reader.next()) ++readings;
      EXPECT_GE(readings + counters.removed, counters.kept);
      EXPECT_LE(readings + counters.removed, counters.kept + counters.failed);  // a failed write may have left some
      EXPECT_EQ(reader.readings_lost(), 0U);
    }
  }
}

TEST_F(QuarantineTest, foreign_file_in_its_place_is_set_aside) {
  files.set_content("state/quarantine/quarantine-0000000000000001.log", std::string(100, 'x'));
  Quarantine quarantine(files, "state", {});
  keep(quarantine, 1, seconds(0));
  EXPECT_EQ(quarantine.counters().failed, 0U);
  EXPECT_EQ(quarantine.counters().kept, 1U);
  EXPECT_EQ(files.content("state/quarantine/quarantine-0000000000000001.log.damaged"), std::string(100, 'x'));
}

TEST_F(QuarantineTest, payloads_that_are_no_reading_are_refused) {
  std::string payload;
  encode(late(0, 5, 1.5), "plant", seconds(1).wall, series[SeriesId{0}], payload);
  ASSERT_TRUE(decode_quarantined_reading(payload));
  for (std::size_t cut = 0; cut < payload.size(); ++cut)
    EXPECT_FALSE(decode_quarantined_reading(payload.substr(0, cut)));
  EXPECT_FALSE(decode_quarantined_reading(payload + "x"));
  payload[0] = 3;
  EXPECT_FALSE(decode_quarantined_reading(payload));
}

}  // namespace
}  // namespace edgetide::test
