#include "daemon/storage/quarantine.h"

#include <gtest/gtest.h>
#include <random>
#include <set>

#include "daemon/storage/quarantine_reader.h"
#include "daemon/storage/record_format.h"
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
    lost = reader.records_lost();
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

TEST_F(QuarantineTest, settled_readings_are_left_out_from_then_on) {
  Quarantine quarantine(files, "state", {});
  keep(quarantine, 4, seconds(1));
  NumberRanges settled;
  settled.add(1);
  settled.add(3);
  quarantine.settle(settled, seconds(2));
  keep(quarantine, 1, seconds(3));
  QuarantineReader reader(files, "state");
  ASSERT_FALSE(reader.open());
  for (const std::uint64_t number : {2U, 4U, 6U}) {
    ASSERT_TRUE(reader.next());
    EXPECT_EQ(reader.number(), number);
  }
  EXPECT_FALSE(reader.next());
  EXPECT_EQ(reader.records_lost(), 0U);
  EXPECT_EQ(reader.oldest_number(), 1U);
}

TEST_F(QuarantineTest, numbers_go_on_behind_those_that_a_power_cut_has_taken) {
  {
    Quarantine quarantine(files, "state", {});
    keep(quarantine, 2, seconds(1));
    quarantine.sync();
    keep(quarantine, 2, seconds(2));
  }
  files.crash();
  Quarantine quarantine(files, "state", {});
  quarantine.continue_behind(4);
  keep(quarantine, 1, seconds(3));
  QuarantineReader reader(files, "state");
  ASSERT_FALSE(reader.open());
  for (const std::uint64_t number : {1U, 2U, 5U}) {
    ASSERT_TRUE(reader.next());
    EXPECT_EQ(reader.number(), number);
  }
}

TEST(NumberRanges, has_what_was_added_in_whatever_order) {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    std::minstd_rand random(seed + 1);
    NumberRanges ranges;
    std::set<std::uint64_t> numbers;
    for (int i = 0; i < 60; ++i) {
      const std::uint64_t first = 1 + random() % 100;
      const std::uint64_t last = first + random() % 4;
      ranges.add(first, last);
      for (std::uint64_t number = first; number <= last; ++number) numbers.insert(number);
    }
    std::string bytes;
    ByteWriter out(bytes);
    ranges.save(out);
    NumberRanges loaded;
    ByteReader in(bytes);
    loaded.load(in);
    EXPECT_TRUE(in.ok() && in.at_end());
    EXPECT_EQ(loaded, ranges);
    for (std::uint64_t number = 0; number < 110; ++number) EXPECT_EQ(loaded.has(number), numbers.contains(number));
  }
}

TEST(NumberRanges, of_neighbours_are_one_range_and_old_ones_are_forgotten) {
  NumberRanges ranges;
  for (const std::uint64_t number : {5U, 7U, 6U, 20U}) ranges.add(number);
  EXPECT_EQ(ranges.ranges(), 2U);
  ranges.forget_before(8);
  EXPECT_FALSE(ranges.has(7));
  EXPECT_TRUE(ranges.has(20));
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
      EXPECT_EQ(reader.records_lost(), 0U);
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

TEST_F(QuarantineTest, message_comes_back_with_its_reason_topic_and_payload) {
  Quarantine quarantine(files, "state", {});
  const std::string binary("{\0\xff\n", 4);
  const RefusedMessage batch[] = {{Refusal::bad_syntax, "plant/a", binary}, {Refusal::no_route, "", ""}};
  quarantine.keep(batch, "broker", seconds(9).wall, seconds(9));
  keep(quarantine, 1, seconds(10));
  quarantine.keep({batch, 1}, "broker", std::nullopt, seconds(11));
  QuarantineReader reader(files, "state");
  ASSERT_FALSE(reader.open());
  const auto first = reader.next_record();
  ASSERT_TRUE(first && std::holds_alternative<QuarantinedMessage>(*first));
  const auto& message = std::get<QuarantinedMessage>(*first);
  EXPECT_EQ(message.reason, Refusal::bad_syntax);
  EXPECT_EQ(message.arrival, seconds(9).wall);
  EXPECT_EQ(message.source, "broker");
  EXPECT_EQ(message.topic, "plant/a");
  EXPECT_EQ(message.payload, binary);
  EXPECT_EQ(message.bytes, 4U);
  EXPECT_FALSE(message.is_cut);
  EXPECT_EQ(std::get<QuarantinedMessage>(*reader.next_record()).reason, Refusal::no_route);
  EXPECT_TRUE(std::holds_alternative<QuarantinedReading>(*reader.next_record()));
  EXPECT_FALSE(std::get<QuarantinedMessage>(*reader.next_record()).arrival) << "the clock was not set";
  EXPECT_FALSE(reader.next_record());
  EXPECT_EQ(reader.records_lost(), 0U);
  EXPECT_EQ(quarantine.counters().messages_kept, 3U);
  EXPECT_EQ(quarantine.counters().kept, 1U);
  EXPECT_EQ(read().size(), 1U) << "who reads readings is given no message";
}

TEST_F(QuarantineTest, long_topics_and_payloads_are_cut_and_say_so) {
  struct Case {
    std::size_t topic, payload;
    bool is_cut;
  };
  for (const Case& c :
       {Case{1024, 4096, false}, Case{1025, 10, true}, Case{10, 4097, true}, Case{65535, 262145, true}}) {
    SCOPED_TRACE(std::to_string(c.topic) + " and " + std::to_string(c.payload));
    const std::string topic(c.topic, 't'), payload(c.payload, 'p');
    std::string bytes;
    encode({Refusal::too_large, topic, payload}, "broker", seconds(1).wall, bytes);
    const auto message = decode_quarantined_message(bytes);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->is_cut, c.is_cut);
    EXPECT_EQ(message->bytes, c.payload);
    EXPECT_EQ(message->topic, topic.substr(0, 1024));
    EXPECT_EQ(message->payload, payload.substr(0, 4096));
  }
}

TEST_F(QuarantineTest, source_that_sends_garbage_all_day_has_some_of_it_kept_and_the_rest_counted) {
  Quarantine quarantine(files, "state", {.messages_at_once = 5, .message_every = Duration::seconds(10)});
  const RefusedMessage garbage[] = {{Refusal::bad_syntax, "a", "?"}, {Refusal::bad_syntax, "a", "?"}};
  for (std::int64_t second = 0; second < 100; ++second) {
    quarantine.keep(garbage, "broker", seconds(second).wall, seconds(second));
  }
  EXPECT_EQ(quarantine.counters().messages_kept, 5U + 9U);
  EXPECT_EQ(quarantine.counters().messages_kept + quarantine.counters().messages_over_rate, 200U);
  quarantine.keep(garbage, "another", seconds(100).wall, seconds(100));
  EXPECT_EQ(quarantine.counters().messages_kept, 5U + 9U + 2U) << "another source has its own";
}

TEST_F(QuarantineTest, disk_error_costs_messages_and_nothing_else) {
  Quarantine quarantine(files, "state", {});
  const RefusedMessage garbage[] = {{Refusal::bad_syntax, "a", "?"}};
  files.fail_at(1, ENOSPC);
  quarantine.keep(garbage, "broker", seconds(1).wall, seconds(1));
  EXPECT_EQ(quarantine.counters().messages_failed, 1U);
  EXPECT_EQ(quarantine.counters().failed, 0U);
  quarantine.keep(garbage, "broker", seconds(62).wall, seconds(62));
  EXPECT_EQ(quarantine.counters().messages_kept, 1U);
}

TEST_F(QuarantineTest, quarantine_of_version_1_is_read_and_goes_on) {
  Quarantine quarantine(files, "state", {});
  keep(quarantine, 1, seconds(1));
  const std::string path = quarantine_location("state").path_of(1);
  const std::string bytes = files.content(path);
  SegmentHeader header = decode_segment_header(bytes).value();
  ASSERT_EQ(header.version, 2);
  const auto rewritten = [&](std::uint16_t version) {
    header.version = version;
    const auto head = encode(header);
    return std::string(head.data(), head.size()) + bytes.substr(head.size());
  };
  files.set_content(path, rewritten(1));
  EXPECT_EQ(read().size(), 1U);
  Quarantine next(files, "state", {});
  keep(next, 1, seconds(2));
  EXPECT_EQ(read().size(), 2U);
  files.set_content(path, rewritten(3));
  EXPECT_TRUE(QuarantineReader(files, "state").open()) << "a later version is refused";
}

TEST_F(QuarantineTest, payloads_that_are_no_message_are_refused) {
  std::string payload;
  encode({Refusal::no_match, "a", "bc"}, "broker", seconds(1).wall, payload);
  ASSERT_TRUE(decode_quarantined_message(payload));
  std::string without_value;
  encode(RefusedMessage{{}, "a", "bc"}, "broker", seconds(1).wall, without_value);
  ASSERT_TRUE(decode_quarantined_message(without_value));
  EXPECT_FALSE(decode_quarantined_message(without_value)->reason);
  for (std::size_t cut = 0; cut < payload.size(); ++cut)
    EXPECT_FALSE(decode_quarantined_message(payload.substr(0, cut)));
  EXPECT_FALSE(decode_quarantined_message(payload + "x"));
  std::string reason = payload, flags = payload;
  reason[0] = static_cast<char>(refusal_count);
  flags[1] = 2;
  EXPECT_FALSE(decode_quarantined_message(reason));
  EXPECT_FALSE(decode_quarantined_message(flags));
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
