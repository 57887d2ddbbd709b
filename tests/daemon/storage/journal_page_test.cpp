// Reads the journal of FORMAT.md from the page and writes the same bytes again.
#include <algorithm>
#include <gtest/gtest.h>

#include "daemon/storage/journal.h"
#include "daemon/storage/record_log_reader.h"
#include "tests/daemon/storage/format_page.h"
#include "tests/fakes/memory_file_system.h"

namespace edgetide::test::journal_page {
namespace {

constexpr const char* example = "state/journal/journal-0000000000000001.log";
constexpr Timestamp start = Timestamp::microseconds(1'795'224'600'000'000);  // 2026-11-21 01:30:00 UTC

const NewSeries kitchen{SeriesId{0}, SourceId{0}, {"kitchen", "temperature", "C", {{"floor", "1"}}}};
constexpr Moment arrival{start + Duration::milliseconds(250), Duration::milliseconds(250)};
constexpr std::uint64_t fingerprint = 0xABCDEF012345;
constexpr Reading reading{SeriesId{0}, start, 21.5};
constexpr Moment tick_at{start + Duration::seconds(1), Duration::seconds(1)};

RunStart run_start() {
  return {7, 9, {start, Duration()}, {"plant"}, 0, 0};
}

TEST(JournalPage, worked_example_reads_as_the_page_says) {
  MemoryFileSystem files;
  files.set_content(example, bytes_of(hexdump_of_page("journal")));
  RecordLogReader reader(files, journal_location("state"), LogKind::journal);
  ASSERT_FALSE(reader.open(0));
  JournalDecoder decoder;
  const auto next = [&] {
    const auto record = reader.next();
    return record ? decoder.decode(record->type, record->payload) : std::nullopt;
  };

  const auto run = next();
  ASSERT_TRUE(run && std::holds_alternative<RunStart>(*run));
  EXPECT_EQ(std::get<RunStart>(*run).run, 7U);
  EXPECT_EQ(std::get<RunStart>(*run).sources, std::vector<std::string>{"plant"});
  const auto series = next();
  ASSERT_TRUE(series && std::holds_alternative<NewSeries>(*series));
  EXPECT_EQ(std::get<NewSeries>(*series).series.sensor, "kitchen");
  EXPECT_EQ(std::get<NewSeries>(*series).series.labels, kitchen.series.labels);
  const auto batch = next();
  ASSERT_TRUE(batch && std::holds_alternative<JournaledBatch>(*batch));
  EXPECT_EQ(std::get<JournaledBatch>(*batch).arrival.wall, arrival.wall);
  ASSERT_EQ(std::get<JournaledBatch>(*batch).fingerprints.size(), 1U);
  EXPECT_EQ(std::get<JournaledBatch>(*batch).fingerprints[0], fingerprint);
  EXPECT_EQ(std::get<JournaledBatch>(*batch).readings[0].event_time, start);
  EXPECT_EQ(std::get<JournaledBatch>(*batch).readings[0].value, 21.5);
  const auto tick = next();
  ASSERT_TRUE(tick && std::holds_alternative<JournaledTick>(*tick));
  EXPECT_EQ(std::get<JournaledTick>(*tick).now.running, Duration::seconds(1));
  EXPECT_FALSE(next());
  EXPECT_TRUE(reader.report().damage.empty());
}

TEST(JournalPage, worked_example_is_what_is_written) {
  MemoryFileSystem files;
  Journal journal(files, "state", {}, 0x0102030405060708, {});
  journal.append(JournalType::run, run_start());
  journal.append(JournalType::series, kitchen);
  journal.append(JournalType::batch, JournaledBatch{SourceId{0}, arrival, {&fingerprint, 1}, {}, {&reading, 1}, {}});
  journal.append(JournalType::tick, JournaledTick{tick_at, Fire::due, 1, 1, {}});
  ASSERT_TRUE(journal.commit(Duration()));
  std::string written = files.content(example);
  written.resize(written.find_last_not_of('\0') + 1);  // without the space for more
  EXPECT_EQ(to_hexdump(written), hexdump_of_page("journal"));
}

// Payloads of batches that may follow that tick.
constexpr Moment later{start + Duration::milliseconds(1250), Duration::milliseconds(1250)};
constexpr std::uint64_t fingerprints[] = {fingerprint, 0x111213141516};
constexpr JournaledPosition positions[] = {{"0", "41"}, {"1", "7"}};
constexpr Reading two_readings[] = {reading, {SeriesId{0}, start + Duration::seconds(1), 21.25}};

struct PageBatch {
  const char* block;
  JournaledBatch batch;
};
const PageBatch page_batches[] = {
    {"fingerprints", {SourceId{0}, later, fingerprints, {}, two_readings, {}}},
    {"positions", {SourceId{0}, later, {}, positions, two_readings, {}}},
};

TEST(JournalPage, batches_with_several_messages_read_as_the_page_says) {
  for (const PageBatch& expected : page_batches) {
    JournalDecoder decoder;
    std::string tick;
    JournalEncoder().append(tick, JournaledTick{tick_at, Fire::due});
    ASSERT_TRUE(decoder.decode(static_cast<std::uint8_t>(JournalType::tick), tick));
    const std::string payload = bytes_of(hexdump_of_page(expected.block));
    const auto record = decoder.decode(static_cast<std::uint8_t>(JournalType::batch), payload);
    ASSERT_TRUE(record) << expected.block;
    const auto& batch = std::get<JournaledBatch>(*record);
    EXPECT_EQ(batch.arrival.wall, later.wall);
    EXPECT_TRUE(std::ranges::equal(batch.fingerprints, expected.batch.fingerprints)) << expected.block;
    ASSERT_EQ(batch.positions.size(), expected.batch.positions.size());
    for (std::size_t i = 0; i < batch.positions.size(); ++i) {
      EXPECT_EQ(batch.positions[i].partition, positions[i].partition);
      EXPECT_EQ(batch.positions[i].bytes, positions[i].bytes);
    }
    ASSERT_EQ(batch.readings.size(), 2U);
    EXPECT_EQ(batch.readings[1].event_time, two_readings[1].event_time);
    EXPECT_EQ(batch.readings[1].value, 21.25);
  }
}

TEST(JournalPage, batches_with_several_messages_are_what_is_written) {
  for (const PageBatch& each : page_batches) {
    JournalEncoder encoder;
    std::string tick, payload;
    encoder.append(tick, JournaledTick{tick_at, Fire::due});
    encoder.append(payload, each.batch);
    EXPECT_EQ(to_hexdump(payload), hexdump_of_page(each.block)) << each.block;
  }
}

}  // namespace
}  // namespace edgetide::test::journal_page
