// A lost record of the journal costs itself: all others come with the times that they had.
#include "daemon/storage/journal_inputs.h"

#include <gtest/gtest.h>
#include <map>
#include <random>

#include "daemon/storage/journal.h"
#include "tests/fakes/memory_file_system.h"

namespace edgetide::test {
namespace {

constexpr Timestamp start_time = Timestamp::microseconds(1'800'000'000'123'456);

struct SeenBatch {
  Timestamp wall;
  Duration running;
  std::vector<std::int64_t> times;
  bool operator==(const SeenBatch&) const = default;
};

struct Seen {
  std::map<std::uint64_t, SeenBatch> batches;  // by record
  std::map<std::uint64_t, std::string> series;
  std::vector<JournalGap> gaps;
  std::uint64_t unplaced = 0, unknown = 0;
};

class JournalInputsTest : public testing::Test {
 protected:
  // Runs, ticks, batches and new series, in random order; the clock steps now and then.
  void write(std::uint64_t seed, int records) {
    std::mt19937_64 random(seed);
    Journal journal(files, "state", {}, 1, {});
    Moment now{start_time, Duration::seconds(1)};
    std::uint32_t series = 0;
    for (int copy = 0; copy < 2; ++copy) journal.append(JournalType::run, RunStart{1, 9, now, {"s"}, 0, 0});
    for (int i = 0; i < records; ++i) {
      const Duration passed = Duration::microseconds(static_cast<std::int64_t>(random() % 20'000));
      now = {now.wall + passed, now.running + passed};
      if (random() % 30 == 0)
        now.wall = now.wall + Duration::seconds(static_cast<std::int64_t>(random() % 9000) - 4500);
      if (random() % 25 == 0) journal.begin_checkpoint();
      if (random() % 10 == 0) {
        journal.append(JournalType::series,
                       NewSeries{SeriesId{series}, SourceId{0}, {std::to_string(series), "t", {}, {}}});
        ++series;
      } else if (random() % 6 == 0) {
        journal.append(JournalType::tick, JournaledTick{now, Fire::due, 1, 1, {}});
      } else {
        const Reading readings[] = {{SeriesId{0}, now.wall - Duration::seconds(3), 1}, {SeriesId{1}, now.wall, 2}};
        journal.append(JournalType::batch, JournaledBatch{SourceId{0}, now, {}, {}, readings, {}});
      }
    }
    journal.append(JournalType::tick, JournaledTick{now, Fire::due, 1, 1, {}});
    ASSERT_TRUE(journal.commit(Duration()));
  }

  Seen read() {
    Seen seen;
    RecordLogReader reader(files, journal_location("state"), LogKind::journal);
    EXPECT_FALSE(reader.open(0));
    JournalInputs inputs(reader, std::nullopt);
    while (const auto input = inputs.next()) {
      if (const auto gap = inputs.take_gap()) seen.gaps.push_back(*gap);
      if (const auto* const batch = std::get_if<JournaledBatch>(&*input)) {
        SeenBatch& one = seen.batches[inputs.number()];
        one = {batch->arrival.wall, batch->arrival.running, {}};
        for (const Reading& reading : batch->readings) one.times.push_back(reading.event_time.count());
      } else if (const auto* const added = std::get_if<NewSeries>(&*input)) {
        seen.series[inputs.number()] = added->series.sensor;
      }
    }
    seen.unplaced = inputs.unplaced_readings();
    seen.unknown = inputs.unknown_records();
    return seen;
  }

  // Where each record begins.
  std::vector<std::size_t> offsets() const {
    std::vector<std::size_t> all;
    const std::string bytes = files.content(path);
    for (std::size_t at = segment_header_bytes; at + record_head_bytes <= bytes.size();) {
      const RecordHead head = decode_record_head(std::string_view(bytes).substr(at, record_head_bytes));
      if (head.checksum == 0) break;
      all.push_back(at);
      at += record_head_bytes + head.payload_bytes;
    }
    return all;
  }

  const std::string path = journal_location("state").path_of(1);
  MemoryFileSystem files;
};

TEST_F(JournalInputsTest, any_lost_record_costs_itself_and_no_other_its_time) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    static_cast<void>(files.remove(path));
    write(seed, 120);
    const std::string whole = files.content(path);
    const Seen wanted = read();
    const std::vector<std::size_t> begins = offsets();
    ASSERT_EQ(begins.size(), 123U);
    for (std::size_t lost = 0; lost + 1 < begins.size(); ++lost) {
      std::string damaged = whole;
      damaged[begins[lost] + record_head_bytes] ^= 16;
      files.set_content(path, damaged);
      Seen expected = wanted, seen = read();
      const bool was_series = expected.series.erase(lost + 1) > 0;
      expected.batches.erase(lost + 1);
      EXPECT_EQ(seen.batches, expected.batches) << "seed " << seed << ", record " << lost + 1;
      EXPECT_EQ(seen.series, expected.series) << lost + 1;
      EXPECT_EQ(seen.unplaced, 0U) << lost + 1;
      if (lost < 2) continue;  // one of the two starts of the run
      ASSERT_EQ(seen.gaps.size(), 1U) << lost + 1;
      EXPECT_EQ(seen.gaps[0].records, 1U);
      EXPECT_EQ(seen.gaps[0].series, was_series) << lost + 1;
      EXPECT_FALSE(seen.gaps[0].places) << lost + 1;
    }
  }
}

TEST_F(JournalInputsTest, with_many_lost_records_no_time_is_wrong_and_what_has_none_is_counted) {
  std::mt19937_64 random(1);
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    static_cast<void>(files.remove(path));
    write(seed, 150);
    const Seen wanted = read();
    std::string damaged = files.content(path);
    std::uint64_t lost = 0;
    for (const std::size_t begin : offsets()) {
      if (random() % 8 != 0) continue;
      damaged[begin + record_head_bytes] ^= 16;
      ++lost;
    }
    files.set_content(path, damaged);
    const Seen seen = read();
    for (const auto& [number, batch] : seen.batches) EXPECT_EQ(batch, wanted.batches.at(number)) << number;
    EXPECT_GE(2 * seen.batches.size() + seen.unplaced + 2 * lost, 2 * wanted.batches.size());
  }
}

TEST_F(JournalInputsTest, record_of_an_unknown_kind_is_counted_and_costs_no_other_its_time) {
  Journal journal(files, "state", {}, 1, {});
  Moment now{start_time, Duration::seconds(1)};
  const auto pass = [&] {
    now = {now.wall + Duration::seconds(1), now.running + Duration::seconds(1)};
    return now;
  };
  journal.append(JournalType::run, RunStart{1, 9, now, {"s"}, 0, 0});
  journal.append(static_cast<JournalType>(99), JournaledSources{{"what is this"}, 1});
  journal.append(JournalType::batch, JournaledBatch{SourceId{0}, pass(), {}, {}, {}, {}});
  journal.append(JournalType::tick, JournaledTick{pass(), Fire::due, 1, 1, {}});
  ASSERT_TRUE(journal.commit(Duration()));
  const Seen seen = read();
  EXPECT_EQ(seen.unknown, 1U);
  ASSERT_EQ(seen.batches.size(), 1U);
  EXPECT_EQ(seen.batches.at(3).running, Duration::seconds(2));
}

}  // namespace
}  // namespace edgetide::test
