#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

#include "daemon/storage/posix_file_system.h"
#include "tests/daemon/storage/record_log_fixture.h"
#include "tests/fakes/counting_allocator.h"
#include "tests/fakes/other_kind.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {
namespace {

std::vector<std::uint64_t> from_to(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t n = first; n <= last; ++n) numbers.push_back(n);
  return numbers;
}

class RecordLogTest : public testing::Test {
 protected:
  std::string path(std::uint64_t first) const { return log_location.path_of(first); }
  void expect_whole(const ReadLog& log, std::uint64_t last) {
    EXPECT_EQ(log.refused, "");
    EXPECT_EQ(log.numbers(), from_to(1, last));
    for (const ReadRecord& record : log.records) EXPECT_EQ(record.payload, payload_of(record.number));
    EXPECT_EQ(log.report.records_lost, 0U);
    EXPECT_EQ(log.next_number, last + 1);
  }

  // Records 1 to `last`, and perhaps later ones; what is missing among these is counted.
  void expect_begins_whole(const ReadLog& log, std::uint64_t last) {
    EXPECT_EQ(log.refused, "");
    const std::vector<std::uint64_t> numbers = log.numbers(), first = from_to(1, last);
    ASSERT_GE(numbers.size(), first.size());
    EXPECT_TRUE(std::equal(first.begin(), first.end(), numbers.begin()));
    for (const ReadRecord& record : log.records) EXPECT_EQ(record.payload, payload_of(record.number));
    EXPECT_EQ(log.records.size() + log.report.records_lost, log.next_number - 1);
  }

  MemoryFileSystem files;
};

TEST_F(RecordLogTest, names_tell_the_first_record_and_sort_in_its_order) {
  EXPECT_EQ(segment_name("log", 0x1a2b), "log-0000000000001a2b.log");
  const struct {
    const char* file;
    std::optional<std::uint64_t> first;
  } cases[] = {
      {"log-0000000000000001.log", 1},
      {"log-4000000000000000.log", std::uint64_t{1} << 62},
      {"log-4000000000000001.log", std::nullopt},  // numbers that nothing could follow
      {"log-ffffffffffffffff.log", std::nullopt},
      {"log-000000000000000A.log", std::nullopt},
      {"log-001.log", std::nullopt},
      {"log-0000000000000001.log.damaged", std::nullopt},
      {"other-0000000000000001.log", std::nullopt},
      {"log_0000000000000001.log", std::nullopt},
      {"log-0000000000000001.tmp", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(parse_segment_name("log", c.file), c.first) << c.file;
}

TEST_F(RecordLogTest, log_that_was_never_written_is_empty_and_begins_with_record_1) {
  expect_whole(read_log(files), 0);
}

TEST_F(RecordLogTest, records_come_back_in_order_over_many_segments) {
  RecordLogWriter log(files, log_options(256), {}, 1);
  write_records(log, 100);
  EXPECT_GT(log.segments().size(), 10U);
  expect_whole(read_log(files), 100);
}

TEST_F(RecordLogTest, nothing_is_in_the_file_before_flush) {
  RecordLogWriter log(files, log_options(), {}, 1);
  log.append(1, "a");
  EXPECT_TRUE(files.paths().empty());
  ASSERT_FALSE(log.flush());
  EXPECT_EQ(read_log(files).records.size(), 1U);
}

TEST_F(RecordLogTest, record_longer_than_a_segment_or_the_readers_buffer_has_its_own_segment) {
  RecordLogWriter log(files, log_options(1024), {}, 1);
  write_records(log, 3);
  log.append(2, std::string(200'000, 'x'));
  ASSERT_FALSE(log.flush());
  write_records(log, 3);
  const ReadLog read = read_log(files);
  EXPECT_EQ(read.numbers(), from_to(1, 7));
  EXPECT_EQ(read.records[3].payload.size(), 200'000U);
  EXPECT_EQ(read.segments.size(), 3U);
}

TEST_F(RecordLogTest, numbers_go_on_after_a_restart_in_a_new_segment) {
  for (int life = 0; life < 5; ++life) {
    RecordLogWriter log = reopen(files, log_options());
    write_records(log, 3);
  }
  const ReadLog read = read_log(files);
  expect_whole(read, 15);
  EXPECT_EQ(read.segments.size(), 5U);
}

TEST_F(RecordLogTest, torn_tail_is_cut_at_every_offset_and_writing_goes_on) {
  RecordLogWriter log(files, log_options(), {}, 1);
  std::vector<std::size_t> ends = {segment_header_bytes};
  for (int i = 0; i < 6; ++i) {
    write_records(log, 1);
    ends.push_back(files.content(path(1)).size());
  }
  const std::string whole = files.content(path(1));
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    SCOPED_TRACE("cut at " + std::to_string(cut));
    const auto records = static_cast<std::uint64_t>(
        std::max<std::ptrdiff_t>(std::upper_bound(ends.begin(), ends.end(), cut) - ends.begin() - 1, 0));
    for (const bool with_zeros : {false, true}) {
      MemoryFileSystem torn;
      torn.set_content(path(1), whole.substr(0, cut) + std::string(with_zeros ? 500 : 0, '\0'));
      RecordLogReader reader(torn, log_location, LogKind::journal);
      ASSERT_FALSE(reader.open());
      while (reader.next()) {
      }
      ASSERT_FALSE(reader.cut_torn_tail());
      const ReadLog read = read_log(torn);
      expect_whole(read, records);
      EXPECT_EQ(read.report.torn_bytes, 0U);
      RecordLogWriter next = reopen(torn, log_options());
      write_records(next, 3);
      expect_whole(read_log(torn), records + 3);
    }
  }
}

TEST_F(RecordLogTest, torn_bytes_are_reported) {
  RecordLogWriter log(files, log_options(), {}, 1);
  write_records(log, 2);
  const std::string whole = files.content(path(1));
  files.set_content(path(1), whole + "torn");
  const ReadLog read = read_log(files);
  expect_whole(read, 2);
  EXPECT_EQ(read.report.torn_bytes, 4U);
  EXPECT_EQ(read.report.torn_at, whole.size());
  EXPECT_EQ(read.report.torn_path, path(1));
}

// Flips one bit anywhere, 1,000 times: every other record is read, and the loss is counted.
TEST_F(RecordLogTest, flipped_bit_costs_its_record_and_no_other_and_is_counted) {
  RecordLogWriter log(files, log_options(1024), {}, 1);
  write_records(log, 120);
  const std::vector<std::string> paths = files.paths();
  ASSERT_GE(paths.size(), 4U);
  std::minstd_rand random(4711);
  for (int round = 0; round < 1000; ++round) {
    const std::string& damaged = paths[random() % paths.size()];
    const std::string whole = files.content(damaged);
    std::string flipped = whole;
    const std::size_t bit = random() % (whole.size() * 8);
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    SCOPED_TRACE(damaged + " bit " + std::to_string(bit));
    files.set_content(damaged, flipped);
    const ReadLog read = read_log(files);
    files.set_content(damaged, whole);

    EXPECT_EQ(read.refused, "");
    const bool in_mark = damaged != paths.back() && bit / 8 >= whole.size() - record_head_bytes;  // of the next segment
    const bool in_none = bit / 8 < segment_header_bytes || in_mark;
    const bool in_last = read.report.torn_bytes > 0;  // the newest record is cut as a torn tail
    EXPECT_EQ(read.records.size(), in_none ? 120U : 119U);
    EXPECT_EQ(read.report.records_lost, in_none || in_last ? 0U : 1U);
    EXPECT_EQ(read.report.damage.size(), read.report.records_lost);
    if (in_last) {
      EXPECT_EQ(read.next_number, 120U);
    }
    for (const ReadRecord& record : read.records) EXPECT_EQ(record.payload, payload_of(record.number));
  }
}

TEST_F(RecordLogTest, missing_middle_segment_is_counted_exactly) {
  RecordLogWriter log(files, log_options(256), {}, 1);
  write_records(log, 100);
  const std::uint64_t from = log.segments()[3].first_record, to = log.segments()[5].first_record;
  ASSERT_FALSE(files.remove(path(from)));
  ASSERT_FALSE(files.remove(path(log.segments()[4].first_record)));
  const ReadLog read = read_log(files);
  EXPECT_EQ(read.records.size(), 100 - (to - from));
  EXPECT_EQ(read.report.records_lost, to - from);
  EXPECT_EQ(read.next_number, 101U);
}

TEST_F(RecordLogTest, missing_newest_segment_is_named_by_the_full_one_before_it) {
  RecordLogWriter written(files, log_options(512), {}, 1);
  write_records(written, 100);
  const ReadLog whole = read_log(files);
  ASSERT_GT(whole.segments.size(), 3U);
  EXPECT_EQ(whole.report.before_missing, "");
  for (std::size_t kept = whole.segments.size() - 1; kept >= 1; --kept) {
    const std::uint64_t first = whole.segments[kept].first_record;
    ASSERT_FALSE(files.remove(log_location.path_of(first)));
    const ReadLog log = read_log(files);
    EXPECT_EQ(log.report.before_missing, log_location.path_of(whole.segments[kept - 1].first_record));
    EXPECT_EQ(log.next_number, first);
    EXPECT_EQ(log.records.size(), first - 1);
    EXPECT_EQ(log.report.records_lost, 0U) << "nothing shows how many";
    EXPECT_EQ(log.report.torn_bytes, 0U);
    EXPECT_TRUE(reaches(files, log_location, first));
    EXPECT_FALSE(reaches(files, log_location, first + 1));
  }
}

TEST_F(RecordLogTest, segment_that_begins_with_a_restart_is_named_by_none) {
  RecordLogWriter before(files, log_options(), {}, 1);
  write_records(before, 10);
  RecordLogWriter again = reopen(files, log_options());
  write_records(again, 10);
  ASSERT_FALSE(files.remove(log_location.path_of(11)));
  EXPECT_EQ(read_log(files).report.before_missing, "") << "the run may not have begun";
}

TEST_F(RecordLogTest, missing_oldest_segments_are_lost_only_to_a_reader_that_wants_them) {
  RecordLogWriter log(files, log_options(256), {}, 1);
  write_records(log, 100);
  const std::uint64_t first = log.segments()[2].first_record;
  ASSERT_FALSE(log.remove_oldest());
  ASSERT_FALSE(log.remove_oldest());
  EXPECT_EQ(read_log(files).report.records_lost, 0U);
  EXPECT_EQ(read_log(files, 3).report.records_lost, first - 3);
  EXPECT_EQ(read_log(files, 3).records.front().number, first);
}

TEST_F(RecordLogTest, segments_that_the_writer_removes_under_the_reader_are_not_lost) {
  RecordLogWriter log(files, log_options(256), {}, 1);
  write_records(log, 100);
  RecordLogReader reader(files, log_location, LogKind::journal);
  ASSERT_FALSE(reader.open());
  ASSERT_FALSE(log.remove_oldest());
  ASSERT_FALSE(log.remove_oldest());
  const auto first = reader.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->number, log.segments().front().first_record);
  EXPECT_EQ(reader.report().records_lost, 0U);
}

TEST_F(RecordLogTest, reading_from_a_number_gives_it_and_what_follows) {
  RecordLogWriter log(files, log_options(256), {}, 1);
  write_records(log, 50);
  for (std::uint64_t from = 1; from <= 51; ++from) EXPECT_EQ(read_log(files, from).numbers(), from_to(from, 50));
  EXPECT_EQ(read_log(files, RecordLogReader::at_end).next_number, 51U);
}

TEST_F(RecordLogTest, overwritten_stretch_of_a_segment_is_counted_and_the_rest_is_found) {
  RecordLogWriter log(files, log_options(64 * 1024), {}, 1);
  write_records(log, 50);
  const std::size_t begin = files.content(path(1)).size();
  write_records(log, 10);
  const std::size_t end = files.content(path(1)).size();
  write_records(log, 40);
  std::string damaged = files.content(path(1));
  for (std::size_t i = begin + 3; i < end - 3; ++i) damaged[i] = static_cast<char>(i * 37);
  files.set_content(path(1), damaged);
  const ReadLog read = read_log(files);
  EXPECT_EQ(read.records.size(), 90U);
  EXPECT_EQ(read.report.records_lost, 10U);
  ASSERT_EQ(read.report.damage.size(), 1U);
  EXPECT_EQ(read.report.damage[0].offset, begin);
}

// Each head of the crafted part promises all that follows as its payload, and has a number that may come next.
TEST_F(RecordLogTest, block_that_the_disk_cannot_read_costs_its_records_and_no_others) {
  const std::size_t block = 512;
  RecordLogWriter log(files, log_options(64 * 1024), {}, 1);
  write_records(log, 2500);
  const ReadLog whole = read_log(files);
  ASSERT_EQ(whole.segments.size(), 2U);
  const std::size_t bytes = files.content(path(1)).size();
  for (std::size_t bad = 0; bad + block < bytes; bad += block) {
    SCOPED_TRACE(bad);
    files.make_unreadable(path(1), bad + 100, bad + 200);
    const ReadLog read = read_log(files);
    EXPECT_EQ(read.refused, "");
    EXPECT_EQ(read.records.size() + read.report.records_lost, 2500U);
    EXPECT_LE(read.report.records_lost, block / record_head_bytes + 1);
    ASSERT_EQ(read.report.damage.size(), 1U);
    EXPECT_EQ(read.report.damage[0].records_lost, read.report.records_lost);
    EXPECT_EQ(read.report.damage[0].error, std::errc::io_error);
    for (const ReadRecord& record : read.records) EXPECT_EQ(record.payload, payload_of(record.number));
  }
}

TEST_F(RecordLogTest, end_that_the_disk_cannot_read_is_reported_and_not_cut) {
  RecordLogWriter log(files, log_options(64 * 1024), {}, 1);
  write_records(log, 200);
  const std::string whole = files.content(path(1));
  files.make_unreadable(path(1), whole.size() - 10, whole.size());
  const ReadLog read = read_log(files);
  EXPECT_LT(read.records.size(), 200U);
  EXPECT_GT(read.records.size(), 0U);
  ASSERT_EQ(read.report.damage.size(), 1U);
  EXPECT_EQ(read.report.damage[0].error, std::errc::io_error);
  EXPECT_EQ(read.report.torn_bytes, 0U);
}

TEST_F(RecordLogTest, file_of_which_the_disk_reads_nothing_ends_at_once) {
  RecordLogWriter log(files, log_options(4 * 1024 * 1024), {}, 1);
  for (int i = 0; i < 20; ++i) {
    log.append(1, std::string(100'000, 'x'));
    ASSERT_FALSE(log.flush());
  }
  files.make_unreadable(path(1), 0, 4 * 1024 * 1024);
  const std::uint64_t before = files.operations();
  const ReadLog read = read_log(files);
  EXPECT_EQ(read.records.size(), 0U);
  ASSERT_EQ(read.report.damage.size(), 1U);
  EXPECT_LT(files.operations() - before, 1000U);
}

TEST_F(RecordLogTest, search_behind_damage_takes_time_in_proportion_to_the_file) {
  RecordLogWriter log(files, log_options(8 * 1024 * 1024), {}, 1);
  write_records(log, 20);
  const std::size_t begin = files.content(path(1)).size();
  write_records(log, 20);
  const std::string whole = files.content(path(1));
  for (const std::size_t step : {12, 13, 16}) {
    std::string crafted = "\xFF";
    constexpr std::size_t crafted_bytes = 2 * 1024 * 1024;
    for (std::size_t at = 0; at < crafted_bytes; at += step) {
      const auto length = static_cast<std::uint32_t>(crafted_bytes - at);
      const auto number = static_cast<std::uint32_t>(21 + at / step);
      for (int i = 0; i < 4; ++i) crafted += static_cast<char>(length >> (8 * i));
      crafted += '\3';
      for (int i = 0; i < 3; ++i) crafted += static_cast<char>(number >> (8 * i));
      crafted.append(step - 8, '\1');
    }
    files.set_content(path(1), whole.substr(0, begin) + crafted + whole.substr(begin));
    expect_whole(read_log(files), 40);
  }
}

TEST_F(RecordLogTest, many_damaged_places_of_a_segment_cost_their_records_and_no_others) {
  RecordLogWriter log(files, log_options(1024 * 1024), {}, 1);
  std::vector<std::size_t> begins;
  for (int i = 0; i < 2000; ++i) {
    begins.push_back(files.content(path(1)).size());
    write_records(log, 1);
    if (i == 0) begins[0] = segment_header_bytes;
  }
  std::string damaged = files.content(path(1));
  for (std::size_t i = 0; i < begins.size() - 1; i += 3) damaged[begins[i] + record_head_bytes] ^= 4;
  files.set_content(path(1), damaged);
  const ReadLog read = read_log(files);
  EXPECT_EQ(read.records.size() + read.report.records_lost, 2000U);
  EXPECT_EQ(read.report.records_lost, 667U);
}

TEST_F(RecordLogTest, what_is_not_ours_is_refused_in_words_and_left_alone) {
  RecordLogWriter log(files, log_options(), {}, 1);
  write_records(log, 2);
  const std::string whole = files.content(path(1));
  auto newer = encode(SegmentHeader{2, LogKind::journal, 7, 1});
  auto other = encode(SegmentHeader{1, LogKind::outbox, 7, 1});
  const struct {
    std::string content;
    const char* words;
  } cases[] = {
      {std::string(newer.data(), newer.size()) + "whatever", "has format 2; this edgetide reads up to 1"},
      {std::string(other.data(), other.size()) + whole.substr(other.size()), "is the record log of something else"},
      {"#!/bin/sh\necho this is somebody's script, under a name of ours\n", "is not a record log"},
  };
  for (const auto& c : cases) {
    files.set_content(path(1), c.content);
    EXPECT_THAT(read_log(files).refused, testing::HasSubstr(c.words));
    EXPECT_EQ(files.content(path(1)), c.content);
  }
}

TEST_F(RecordLogTest, files_that_are_not_of_the_log_are_set_aside_and_reported) {
  RecordLogWriter log(files, log_options(256), {}, 1);
  write_records(log, 20);
  const auto other = encode(SegmentHeader{1, LogKind::outbox, 7, 30});
  const auto misplaced = encode(SegmentHeader{1, LogKind::journal, 7, 1});
  files.set_content(path(30), std::string(other.data(), other.size()));
  files.set_content(path(40), std::string(misplaced.data(), misplaced.size()) + "whatever");
  files.set_content(path(50), std::string(3000, 'x'));
  std::vector<std::string> reports;
  auto opened = open_own_log(files, log_location, LogKind::journal, 0, reports);
  ASSERT_TRUE(std::holds_alternative<RecordLogReader>(opened));
  EXPECT_EQ(reports.size(), 3U);
  for (const std::uint64_t first : {30, 40, 50}) {
    EXPECT_THAT(files.paths(), testing::Contains(path(first) + ".damaged"));
    EXPECT_THAT(files.paths(), testing::Not(testing::Contains(path(first))));
  }
  expect_whole(read_log(files), 20);
}

TEST_F(RecordLogTest, entry_that_is_not_a_file_is_set_aside_and_reported_and_the_others_are_read) {
  const TemporaryFolder folder;
  PosixFileSystem system;
  RecordLogOptions options = log_options(256);
  options.location.folder = folder / "log";
  ASSERT_FALSE(system.make_folder(options.location.folder));
  for (const OtherKind kind : other_kinds) {
    SCOPED_TRACE(static_cast<int>(kind));
    std::vector<std::string> reports;
    const auto read = [&] {
      auto opened = open_own_log(system, options.location, LogKind::journal, 0, reports);
      EXPECT_TRUE(std::holds_alternative<RecordLogReader>(opened));
      auto reader = std::make_unique<RecordLogReader>(std::get<RecordLogReader>(std::move(opened)));
      while (reader->next()) {
      }
      return reader;
    };
    const auto before = read();
    RecordLogWriter log(system, options, before->segments(), before->next_number());
    write_records(log, 20);
    const std::string lost = options.location.path_of(log.segments()[log.segments().size() - 2].first_record);
    std::filesystem::remove(lost);
    make_other_kind(lost, kind);
    const auto after = read();
    EXPECT_THAT(reports, testing::ElementsAre(testing::StartsWith(lost + ": is not a regular file")));
    EXPECT_GT(after->report().records, before->report().records + 10);
    EXPECT_GT(after->report().records_lost, before->report().records_lost);
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::symlink_status(lost + ".damaged")));
  }
}

TEST_F(RecordLogTest, log_reaches_what_it_holds_and_the_record_that_it_would_write_next) {
  RecordLogWriter log(files, log_options(256), {}, 1);
  write_records(log, 30);
  for (std::uint64_t record = 1; record <= 31; ++record) EXPECT_TRUE(reaches(files, log_location, record)) << record;
  EXPECT_FALSE(reaches(files, log_location, 32));
  const std::uint64_t second = log.segments()[1].first_record, third = log.segments()[2].first_record;
  files.set_content(path(second), "");
  EXPECT_TRUE(reaches(files, log_location, second));
  EXPECT_FALSE(reaches(files, log_location, second + 1));
  EXPECT_TRUE(reaches(files, log_location, third));
  ASSERT_FALSE(files.remove(path(1)));
  EXPECT_FALSE(reaches(files, log_location, 1));
}

TEST_F(RecordLogTest, segment_of_zeros_or_nothing_is_an_empty_one) {
  for (const std::size_t bytes : {0, 1, 35, 36, 4096}) {
    files.set_content(path(1), std::string(bytes, '\0'));
    expect_whole(read_log(files), 0);
    RecordLogWriter log = reopen(files, log_options());
    write_records(log, 2);
    expect_whole(read_log(files), 2);
  }
}

TEST_F(RecordLogTest, failed_flush_keeps_its_records_for_the_next_or_gives_them_up) {
  RecordLogWriter log(files, log_options(), {}, 1);
  write_records(log, 2);
  for (const int error : {ENOSPC, EIO}) {
    const std::uint64_t begin = log.next_number();
    log.append(1, payload_of(begin));
    log.append(1, payload_of(begin + 1));
    files.fail_at(1, error);
    EXPECT_EQ(log.flush().value(), error);
    ASSERT_FALSE(log.flush());
    log.append(1, "given up, and longer than what follows ..................");
    files.fail_at(1, error);
    EXPECT_TRUE(log.flush());
    log.discard();
    write_records(log, 1);
  }
  const ReadLog read = read_log(files);
  expect_whole(read, 8);
  EXPECT_EQ(read.segments.size(), 1U);
  EXPECT_EQ(read.report.torn_bytes, 0U);
}

// Whatever operation fails, once or from then on: what a flush was good for is there, once, and nothing else.
TEST_F(RecordLogTest, any_one_failing_operation_loses_nothing_and_doubles_nothing) {
  for (const bool sticky : {false, true}) {
    bool untouched = false;
    for (std::uint64_t n = 1; !untouched; ++n) {
      SCOPED_TRACE("operation " + std::to_string(n) + (sticky ? " and all after it" : ""));
      MemoryFileSystem failing;
      RecordLogOptions options = log_options(128);
      options.preallocate = true;
      RecordLogWriter log(failing, options, {}, 1);
      failing.fail_at(n, ENOSPC, sticky);
      bool failed = false;
      for (int i = 0; i < 12 || log.buffered_bytes() > 0; ++i) {
        if (i < 12) log.append(1, payload_of(log.next_number()));
        const bool error = static_cast<bool>(log.flush());
        failed = failed || error;
        if (sticky && error && i > 20) failing.fail_at(0, 0);
      }
      untouched = failing.operations() < n;
      EXPECT_FALSE(untouched && failed);
      failing.fail_at(0, 0);
      expect_whole(read_log(failing), 12);
    }
  }
}

TEST_F(RecordLogTest, power_cut_keeps_what_was_synced_and_counts_what_is_missing_of_the_rest) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    MemoryFileSystem disk;
    RecordLogWriter log(disk, log_options(256), {}, 1);
    write_records(log, seed % 40);
    ASSERT_FALSE(log.sync());
    write_records(log, seed % 7);
    disk.crash(seed);
    expect_begins_whole(read_log(disk), seed % 40);
  }
}

TEST_F(RecordLogTest, power_cut_without_sync_keeps_nothing) {
  RecordLogWriter log(files, log_options(256), {}, 1);
  write_records(log, 20);
  files.crash();
  expect_whole(read_log(files), 0);
}

TEST_F(RecordLogTest, sync_may_be_run_while_writing_goes_on_and_tells_how_far_it_went) {
  RecordLogWriter log(files, log_options(256), {}, 1);
  write_records(log, 20);
  const PendingSync pending = log.take_pending_sync();
  EXPECT_EQ(pending.through(), 21U);
  write_records(log, 20);
  ASSERT_FALSE(pending.run());
  files.crash();
  expect_begins_whole(read_log(files), 20);
}

TEST_F(RecordLogTest, after_a_failed_sync_records_are_written_again_elsewhere_and_count_once) {
  RecordLogWriter log(files, log_options(256), {}, 1);
  write_records(log, 20);
  ASSERT_FALSE(log.sync());
  write_records(log, 15);  // over several segments
  files.fail_at(1, EIO);
  EXPECT_TRUE(log.sync());
  log.abandon_to(21);
  write_records(log, 17);
  expect_whole(read_log(files), 37);
  ASSERT_FALSE(log.sync());
  files.crash();
  expect_whole(read_log(files), 37);
}

TEST_F(RecordLogTest, preallocated_space_is_given_back_and_no_record_is_seen_in_it) {
  RecordLogOptions options = log_options(512);
  options.preallocate = true;
  RecordLogWriter log(files, options, {}, 1);
  write_records(log, 60);
  expect_whole(read_log(files), 60);
  const std::string newest = path(log.segments().back().first_record);
  files.set_content(newest, files.content(newest) + std::string(512, '\0'));
  const ReadLog read = read_log(files);
  expect_whole(read, 60);
  EXPECT_EQ(read.report.torn_bytes, 0U);
}

TEST_F(RecordLogTest, appending_and_flushing_allocate_nothing_once_the_buffer_has_grown) {
  class NullFile final : public File {
    std::error_code write(std::uint64_t, std::string_view) noexcept override { return {}; }
    FileResult<std::size_t> read(std::uint64_t, std::span<char>) noexcept override { return {}; }
    FileResult<std::uint64_t> size() noexcept override { return {}; }
    std::error_code truncate(std::uint64_t) noexcept override { return {}; }
    std::error_code preallocate(std::uint64_t) noexcept override { return {}; }
    std::error_code sync() noexcept override { return {}; }
  };
  class NullFileSystem final : public FileSystem {
    FileResult<std::unique_ptr<File>> open(const std::string&, FileAccess) override {
      return {std::make_unique<NullFile>(), {}};
    }
    FileResult<std::vector<std::string>> list(const std::string&) override { return {}; }
    std::error_code make_folder(const std::string&) override { return {}; }
    std::error_code rename(const std::string&, const std::string&) override { return {}; }
    std::error_code remove(const std::string&) override { return {}; }
    std::error_code sync_folder(const std::string&) override { return {}; }
    FileResult<std::unique_ptr<FileLock>> lock(const std::string&) override { return {}; }
  } null;
  RecordLogWriter log(null, log_options(1024 * 1024), {}, 1);
  const auto write = [&] {
    for (int i = 0; i < 10; ++i) log.append(1, "a payload of some length, kept in place");
    EXPECT_FALSE(log.flush());
  };
  write();
  const std::uint64_t before = allocations();
  for (int i = 0; i < 100; ++i) write();
  EXPECT_EQ(allocations(), before);
}

}  // namespace
}  // namespace edgetide::test
