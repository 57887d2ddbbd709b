// Journal records read back as they were written, and how many bytes they take.
#include "daemon/storage/journal_record.h"

#include <gtest/gtest.h>
#include <limits>
#include <random>

#include "daemon/storage/number_code.h"
#include "daemon/storage/record_format.h"

namespace edgetide::test {
namespace {

constexpr Timestamp now = Timestamp::microseconds(1'800'000'000'123'456);

template <typename Record>
Record read_back(JournalType type, const std::string& bytes, JournalDecoder& decoder) {
  const auto record = decoder.decode(static_cast<std::uint8_t>(type), bytes);
  EXPECT_TRUE(record);
  return record ? std::get<Record>(*record) : Record();
}

TEST(NumberCode, numbers_read_back_with_the_same_bits_and_decimals_are_short) {
  struct Case {
    double value;
    std::size_t bytes;
  };
  const Case cases[] = {{0, 1},
                        {1, 1},
                        {-1, 1},
                        {21.5, 2},
                        {-40.25, 2},
                        {1013.25, 3},
                        {0.000001, 1},
                        {123456.789, 5},
                        {-0.0, 9},
                        {1.0 / 3, 9},
                        {1e300, 9},
                        {std::numeric_limits<double>::denorm_min(), 9},
                        {4503599627370495.0, 8},
                        {std::numeric_limits<double>::max(), 9}};
  for (const Case& one : cases) {
    std::string bytes;
    put_number(bytes, one.value);
    VarintReader in(bytes);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(get_number(in)), std::bit_cast<std::uint64_t>(one.value)) << one.value;
    EXPECT_TRUE(in.ok() && in.at_end()) << one.value;
    EXPECT_LE(bytes.size(), one.bytes + 1) << one.value;
  }
}

TEST(NumberCode, any_bits_read_back) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    std::string bytes;
    put_number(bytes, value);
    VarintReader in(bytes);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(get_number(in)), std::bit_cast<std::uint64_t>(value));
  }
}

TEST(JournalRecord, batches_read_back_whatever_their_times) {
  const std::int64_t times[] = {now.count(),
                                now.count() - 5'000'000,
                                1'800'000'000'000'000,
                                0,
                                -1,
                                std::numeric_limits<std::int64_t>::min(),
                                std::numeric_limits<std::int64_t>::max()};
  JournalEncoder encoder;
  JournalDecoder decoder;
  Duration running = Duration::seconds(5);
  for (const std::int64_t first : times) {
    for (const std::int64_t second : times) {
      const Reading readings[] = {{SeriesId{3}, Timestamp::microseconds(first), 21.5},
                                  {SeriesId{4}, Timestamp::microseconds(second), -1.0 / 3},
                                  {SeriesId{0}, Timestamp::microseconds(first), 0}};
      const std::uint64_t fingerprints[] = {0xABCDEF012345, 7};
      const JournaledPosition positions[] = {{"", "77"}, {"topic/1", std::string_view("\0\xFF", 2)}};
      const RefusedCount refused[] = {{Refusal::bad_number, 2}, {Refusal::series_limit, 300}};
      running = running + Duration::milliseconds(7);
      const Moment arrival{now + running, running};
      std::string bytes;
      const JournaledValue values[] = {{0xFFFFFFFFFFFF, 1}, {2, 0xABCDEF012345}};
      encoder.append(bytes, JournaledBatch{SourceId{1}, arrival, fingerprints, positions, readings, refused, values});
      const auto batch = read_back<JournaledBatch>(JournalType::batch, bytes, decoder);
      EXPECT_EQ(batch.source, SourceId{1});
      EXPECT_EQ(batch.arrival.wall, arrival.wall);
      EXPECT_EQ(batch.arrival.running, arrival.running);
      ASSERT_EQ(batch.fingerprints.size(), 2U);
      EXPECT_EQ(batch.fingerprints[0], 0xABCDEF012345U);
      EXPECT_EQ(batch.fingerprints[1], 7U);
      ASSERT_EQ(batch.positions.size(), 2U);
      EXPECT_EQ(batch.positions[1].partition, "topic/1");
      EXPECT_EQ(batch.positions[1].bytes, positions[1].bytes);
      ASSERT_EQ(batch.values.size(), 2U);
      EXPECT_EQ(batch.values[0].topic, 0xFFFFFFFFFFFFU);
      EXPECT_EQ(batch.values[1].value, 0xABCDEF012345U);
      ASSERT_EQ(batch.readings.size(), 3U);
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(batch.readings[i].series, readings[i].series);
        EXPECT_EQ(batch.readings[i].event_time, readings[i].event_time) << first << ' ' << second;
        EXPECT_EQ(batch.readings[i].value, readings[i].value);
      }
      ASSERT_EQ(batch.refused.size(), 2U);
      EXPECT_EQ(batch.refused[1].readings, 300U);
    }
  }
}

TEST(JournalRecord, stepped_clock_makes_the_next_batch_carry_its_whole_moment) {
  JournalEncoder encoder;
  JournalDecoder decoder;
  const Moment moments[] = {{now, Duration::seconds(1)},
                            {now + Duration::seconds(1), Duration::seconds(2)},
                            {now - Duration::hours(1), Duration::seconds(3)},
                            {now + Duration::hours(1), Duration::seconds(4)},
                            {Timestamp::earliest(), Duration::seconds(5)},
                            {Timestamp::earliest(), Duration::seconds(6)}};
  for (const Moment& moment : moments) {
    std::string bytes;
    encoder.append(bytes, JournaledBatch{SourceId{0}, moment, {}, {}, {}, {}});
    const auto batch = read_back<JournaledBatch>(JournalType::batch, bytes, decoder);
    EXPECT_EQ(batch.arrival.wall, moment.wall);
    EXPECT_EQ(batch.arrival.running, moment.running);
  }
}

TEST(JournalRecord, runs_series_ticks_and_connections_read_back) {
  JournalEncoder encoder;
  JournalDecoder decoder;
  const Moment moment{now, Duration::seconds(9)};
  std::string bytes;
  encoder.append(
      bytes, RunStart{7, 99, moment, {"plant", "line"}, 12, 0xDEADBEEF, "marks", "options", {5, Duration::hours(2)}});
  const auto start = read_back<RunStart>(JournalType::run, bytes, decoder);
  EXPECT_EQ(start.run, 7U);
  EXPECT_EQ(start.state_id, 99U);
  EXPECT_EQ(start.sources, (std::vector<std::string>{"plant", "line"}));
  EXPECT_EQ(start.series_checksum, 0xDEADBEEF);
  EXPECT_EQ(start.series_marks, "marks");
  EXPECT_EQ(start.options, "options");
  EXPECT_EQ(start.since_boot, (BootAge{5, Duration::hours(2)}));
  bytes.clear();
  encoder.append(bytes, NewSeries{SeriesId{5}, SourceId{1}, {"s", "t", "C", {{"floor", "1"}}}});
  const auto added = read_back<NewSeries>(JournalType::series, bytes, decoder);
  EXPECT_EQ(added.series.sensor, "s");
  EXPECT_EQ(added.series.labels, (std::vector<Label>{{"floor", "1"}}));
  bytes.clear();
  const Duration unheard[] = {Duration::seconds(3), Duration()};
  encoder.append(bytes, JournaledTick{moment, Fire::all, 17, 5, unheard});
  const auto tick = read_back<JournaledTick>(JournalType::tick, bytes, decoder);
  EXPECT_EQ(tick.fire, Fire::all);
  EXPECT_EQ(tick.epoch, 17U);
  EXPECT_EQ(tick.listening, 5U);
  ASSERT_EQ(tick.unheard.size(), 2U);
  EXPECT_EQ(tick.unheard[0], Duration::seconds(3));
  bytes.clear();
  encoder.append(bytes, JournaledConnection{SourceId{1}, true, moment, {}});
  EXPECT_TRUE(read_back<JournaledConnection>(JournalType::connection, bytes, decoder).connected);
  bytes.clear();
  encoder.append(bytes, JournaledSources{{"line", "plant"}, 1, "options"});
  const auto sources = read_back<JournaledSources>(JournalType::sources, bytes, decoder);
  EXPECT_EQ(sources.names, (std::vector<std::string>{"line", "plant"}));
  EXPECT_EQ(sources.options, "options");
  bytes.clear();
  encoder.append(bytes, JournaledSession{SourceId{1}, true, 1000, "client@server", std::string_view("\0n", 2)});
  const auto session = read_back<JournaledSession>(JournalType::session, bytes, decoder);
  EXPECT_EQ(session.source, SourceId{1});
  EXPECT_TRUE(session.is_new);
  EXPECT_EQ(session.in_flight, 1000U);
  EXPECT_EQ(session.name, "client@server");
  EXPECT_EQ(session.notes, std::string_view("\0n", 2));
  bytes.clear();
  encoder.append(bytes, JournaledDelivery{"history", 7, 300});
  const auto delivery = read_back<JournaledDelivery>(JournalType::delivered, bytes, decoder);
  EXPECT_EQ(delivery.sink, "history");
  EXPECT_EQ(delivery.run, 7U);
  EXPECT_EQ(delivery.epoch, 300U);
}

TEST(JournalRecord, late_readings_come_with_their_tick_their_window_and_their_numbers) {
  const Moment moment{now, Duration::seconds(9)};
  const std::uint64_t numbers[] = {7, 8, 1'000'000};
  const Reading readings[] = {{SeriesId{3}, now - Duration::hours(1), 1.5},
                              {SeriesId{3}, now - Duration::microseconds(1), -2},
                              {SeriesId{0}, now, 0}};
  std::string bytes;
  JournalEncoder().append(bytes, JournaledLate{{moment, Fire::due, 17, 5, {}}, "minute", numbers, readings});
  EXPECT_EQ(time_of(static_cast<std::uint8_t>(JournalType::late), bytes)->moment->wall, now);
  JournalDecoder decoder;
  const auto late = read_back<JournaledLate>(JournalType::late, bytes, decoder);
  EXPECT_EQ(late.epoch, 17U);
  EXPECT_EQ(late.window, "minute");
  EXPECT_TRUE(std::equal(late.numbers.begin(), late.numbers.end(), std::begin(numbers), std::end(numbers)));
  ASSERT_EQ(late.readings.size(), 3U);
  EXPECT_EQ(late.readings[1].series, SeriesId{3});
  EXPECT_EQ(late.readings[1].event_time, now - Duration::microseconds(1));
  EXPECT_EQ(late.readings[1].value, -2);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(JournalDecoder().decode(static_cast<std::uint8_t>(JournalType::late), bytes.substr(0, length)));
  }
}

TEST(JournalRecord, session_with_more_in_flight_than_there_are_packet_ids_is_not_a_record) {
  std::string bytes;
  JournalEncoder().append(bytes, JournaledSession{SourceId{0}, false, 65'536, "a", {}});
  EXPECT_FALSE(JournalDecoder().decode(static_cast<std::uint8_t>(JournalType::session), bytes));
}

TEST(JournalRecord, ids_that_no_series_and_no_source_can_have_are_no_record) {
  for (const std::uint64_t id : {std::uint64_t{0xFFFF'FFFF}, std::uint64_t{1} << 32, std::uint64_t{1} << 40}) {
    std::string series, source;
    put_varint(series, id);
    series += std::string(6, '\0');
    put_varint(source, 0);
    put_varint(source, id);
    source += std::string(6, '\0');
    EXPECT_FALSE(JournalDecoder().decode(static_cast<std::uint8_t>(JournalType::series), series));
    EXPECT_FALSE(JournalDecoder().decode(static_cast<std::uint8_t>(JournalType::series), source));
    std::string session(1, '\0');
    put_varint(session, id);
    session += std::string(3, '\0');
    EXPECT_FALSE(JournalDecoder().decode(static_cast<std::uint8_t>(JournalType::session), session));
  }
}

TEST(JournalRecord, batch_without_the_record_before_it_has_no_time) {
  JournalEncoder encoder;
  std::string first, second;
  encoder.append(first, JournaledBatch{SourceId{0}, {now, Duration::seconds(1)}, {}, {}, {}, {}});
  encoder.append(second,
                 JournaledBatch{SourceId{0}, {now + Duration::seconds(1), Duration::seconds(2)}, {}, {}, {}, {}});
  EXPECT_FALSE(JournalDecoder().decode(3, second));
  JournalDecoder decoder;
  decoder.decode(3, first);
  EXPECT_TRUE(decoder.decode(3, second));
}

TEST(JournalRecord, bytes_that_are_cut_anywhere_are_no_record) {
  JournalEncoder encoder;
  const Reading readings[] = {{SeriesId{3}, now, 21.5}, {SeriesId{4}, now, 1.0 / 3}};
  const std::uint64_t fingerprints[] = {1, 2};
  const JournaledPosition positions[] = {{"a", "17"}};
  std::string batch, start;
  encoder.append(batch, JournaledBatch{SourceId{1}, {now, {}}, fingerprints, positions, readings, {}});
  encoder.append(start, RunStart{7, 99, {now, {}}, {"plant"}, 1, 1, "ab"});
  for (std::size_t n = 0; n < batch.size(); ++n) EXPECT_FALSE(JournalDecoder().decode(3, batch.substr(0, n))) << n;
  for (std::size_t n = 0; n < start.size(); ++n) EXPECT_FALSE(JournalDecoder().decode(1, start.substr(0, n))) << n;
  EXPECT_FALSE(JournalDecoder().decode(77, batch));
}

// 200 series as 67 devices with temperature, humidity and pressure each, a message a device and second: with the heads
// of the records, and the fingerprint of each message.
TEST(JournalRecord, reading_of_a_realistic_stream_takes_at_most_14_bytes_of_file) {
  JournalEncoder encoder;
  std::mt19937_64 random(1);
  const auto noise = [&](double step) { return static_cast<double>(static_cast<int>(random() % 2001) - 1000) * step; };
  std::size_t bytes = 0, readings = 0;
  for (int message = 0; message < 67 * 100; ++message) {
    const Duration running = Duration::microseconds(message * 14'925 + static_cast<int>(random() % 5'000));
    const Timestamp arrival = now + running;
    const auto measured =
        Timestamp::microseconds((arrival.count() / 1'000 - 20 - static_cast<int>(random() % 400)) * 1'000);
    const auto first = static_cast<std::uint32_t>(message % 67 * 3);
    const Reading device[] = {{SeriesId{first}, measured, 21.5 + noise(0.01)},
                              {SeriesId{first + 1}, measured, 45 + noise(0.01)},
                              {SeriesId{first + 2}, measured, 1013 + noise(0.01)}};
    const std::uint64_t fingerprint = random() >> 16;
    std::string payload;
    encoder.append(payload, JournaledBatch{SourceId{0}, {arrival, running}, {&fingerprint, 1}, {}, device, {}});
    bytes += record_head_bytes + payload.size();
    readings += 3;
  }
  const double each = static_cast<double>(bytes) / static_cast<double>(readings);
  RecordProperty("bytes_per_reading", std::to_string(each));
  EXPECT_LE(each, 14.0);
  std::cout << each << " bytes a reading\n";
}

}  // namespace
}  // namespace edgetide::test
