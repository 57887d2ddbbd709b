#include "daemon/sources/spool_source.h"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <map>
#include <memory>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include "daemon/decoders/csv_decoder.h"
#include "tests/daemon/sources/archives.h"
#include "tests/fakes/recording_host.h"
#include "tests/fakes/soon.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

MappingOptions csv_mapping(std::vector<std::string> columns) {
  MappingOptions mapping;
  mapping.format = &csv_format;
  mapping.sensor_path = "id";
  mapping.columns = std::move(columns);
  return mapping;
}

// "a,FIRST\n" to "a,LAST\n".
std::string numbers(int first, int last) {
  std::string text;
  for (int i = first; i <= last; ++i) text += "a," + std::to_string(i) + '\n';
  return text;
}

struct SpoolSourceTest : testing::Test {
  SpoolSourceTest() {
    options.folder = folder / "in";
    options.done_folder = options.folder + "/.done";
    options.done_list = folder / "spool.done";
    options.look_interval = Duration::milliseconds(100);
    options.settle_time = Duration::milliseconds(100);
    options.route.mapping = csv_mapping({"id", "v"});
    fs::create_directory(options.folder);
  }
  ~SpoolSourceTest() override { source.reset(); }

  void start() {
    source = make_spool_source(options, SourceId{0}, host, loop);
    source->start();
  }
  // As after a crash: what the host took is all that is left.
  void restart() {
    source.reset();
    start();
  }

  std::string path(const std::string& name) const { return options.folder + '/' + name; }
  // Under another name first, as writers are to do it. Old enough to be complete.
  void drop(const std::string& name, const std::string& content, int seconds_ago = 1000) const {
    std::ofstream(path(".new")) << content;
    set_time(".new", seconds_ago);
    fs::rename(path(".new"), path(name));
  }
  void append(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::app) << content;
  }
  void set_time(const std::string& name, int seconds_ago) const {
    const timespec then{time(nullptr) - seconds_ago, 0};
    const timespec times[] = {then, then};
    utimensat(AT_FDCWD, path(name).c_str(), times, 0);
  }
  bool is_there(const std::string& name) const { return fs::exists(path(name)); }

  std::vector<double> values() {
    std::vector<double> values;
    for (const RecordedReading& reading : host.readings()) values.push_back(reading.value);
    return values;
  }
  // 1, 2, ... as often as each came.
  std::string what_is_not_once(int last) {
    std::map<int, int> times;
    for (const double value : values()) ++times[static_cast<int>(value)];
    std::string text;
    for (int i = 1; i <= last; ++i) {
      if (times[i] != 1) text += std::to_string(i) + ": " + std::to_string(times[i]) + " times; ";
    }
    return text;
  }

  TemporaryFolder folder;
  RecordingHost host;
  EventLoop loop{"sources"};
  SpoolOptions options;
  std::unique_ptr<Source> source;
};

TEST_F(SpoolSourceTest, files_are_read_in_the_order_of_their_times_and_names) {
  drop("b", "a,3\n", 100);
  drop("a", "a,2\n", 100);
  drop("z", "a,1\n", 200);
  start();
  ASSERT_TRUE(host.wait_for_readings(3));
  EXPECT_THAT(values(), ElementsAre(1, 2, 3));
  drop("later", "a,4\na,5\n");
  ASSERT_TRUE(host.wait_for_readings(5));
  EXPECT_THAT(values(), ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(SpoolSourceTest, only_regular_files_with_a_name_that_fits_are_read) {
  options.match = "*.csv";
  const char* const others[] = {".hidden.csv", "a.txt", "a.csv.tmp", "a.csv.part"};
  for (const char* const name : others) drop(name, "a,1\n");
  ASSERT_EQ(mkfifo(path("fifo.csv").c_str(), 0600), 0);
  fs::create_directory(path("folder.csv"));
  std::ofstream(folder / "outside") << "a,2\n";
  fs::create_symlink(folder / "outside", path("link.csv"));
  start();
  drop("a.csv", "a,3\n");
  ASSERT_TRUE(soon([&] { return !is_there("a.csv"); }));
  EXPECT_THAT(values(), ElementsAre(3));
  for (const char* const name : others) EXPECT_TRUE(is_there(name)) << name;
}

TEST_F(SpoolSourceTest, file_that_is_done_is_moved_and_gets_a_number_if_its_name_is_there) {
  start();
  drop("x", "a,1\n");
  ASSERT_TRUE(soon([&] { return is_there(".done/x"); }));
  drop("x", "a,2\n");
  ASSERT_TRUE(soon([&] { return is_there(".done/x.1"); }));
  drop("y", "a,2\n");
  ASSERT_TRUE(soon([&] { return is_there(".done/y"); }));
  EXPECT_THAT(values(), ElementsAre(1, 2, 2)) << "another name is another file, and so is the same name again";
}

TEST_F(SpoolSourceTest, file_that_is_done_can_be_deleted) {
  options.when_done = WhenDone::remove;
  start();
  drop("x", "a,1\n");
  ASSERT_TRUE(soon([&] { return !is_there("x"); }));
  EXPECT_THAT(values(), ElementsAre(1));
  EXPECT_FALSE(is_there(".done"));
}

TEST_F(SpoolSourceTest, file_that_stays_is_known_to_be_done) {
  options.when_done = WhenDone::keep;
  drop("x", "a,1\n");
  drop("y", "a,2\n", 900);
  start();
  ASSERT_TRUE(soon([&] { return fs::exists(options.done_list) && fs::file_size(options.done_list) > 40; }));
  host.know({});
  restart();
  drop("z", "a,3\n");
  ASSERT_TRUE(host.wait_for_readings(3));
  EXPECT_THAT(values(), ElementsAre(1, 2, 3));
  drop("x", "a,4\n");
  ASSERT_TRUE(host.wait_for_readings(4));
  EXPECT_THAT(values(), ElementsAre(1, 2, 3, 4));
}

TEST_F(SpoolSourceTest, file_that_stays_is_done_again_only_if_its_content_changes) {
  options.when_done = WhenDone::keep;
  const std::string large = "a,1\n" + std::string(20 << 20, '\n') + "a,1\n";
  drop("x", "a,1\n");
  drop("large", large, 900);
  start();
  ASSERT_TRUE(soon([&] { return host.files().done == 2; }));
  set_time("x", 500);
  set_time("large", 500);
  drop("next", "a,2\n");
  ASSERT_TRUE(host.wait_for_readings(4));
  ASSERT_TRUE(soon([&] { return host.files().done == 3; }));
  EXPECT_THAT(values(), ElementsAre(1, 1, 1, 2)) << "while it runs";
  source.reset();
  set_time("x", 400);
  set_time("large", 400);
  drop("last", "a,3\n");
  start();
  ASSERT_TRUE(host.wait_for_readings(5));
  EXPECT_THAT(values(), ElementsAre(1, 1, 1, 2, 3)) << "between stop and start";
  std::fstream(path("x"), std::ios::in | std::ios::out) << "a,4\n";
  set_time("x", 300);
  ASSERT_TRUE(host.wait_for_readings(6));
  EXPECT_EQ(values().back(), 4) << "another content of the same size";
}

TEST_F(SpoolSourceTest, list_of_an_older_edgetide_knows_files_by_their_times) {
  options.when_done = WhenDone::keep;
  drop("x", "a,1\n");
  struct stat status {};
  ASSERT_EQ(stat(path("x").c_str(), &status), 0);
  std::ofstream(options.done_list) << status.st_ino << ' ' << status.st_mtim.tv_sec * 1'000'000'000 << " 4\n";
  drop("y", "a,2\n");
  start();
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_THAT(values(), ElementsAre(2));
  set_time("x", 500);
  ASSERT_TRUE(host.wait_for_readings(2));
  EXPECT_THAT(values(), ElementsAre(2, 1));
}

TEST_F(SpoolSourceTest, header_is_that_of_all_lines_of_its_file) {
  options.route.mapping = csv_mapping({});
  drop("a", "\xEF\xBB\xBFid,t\r\na,1\r\n\r\na,2\r\n", 200);
  drop("b", "h,id\n3,a\n4,a", 100);
  start();
  ASSERT_TRUE(host.wait_for_readings(4));
  EXPECT_THAT(host.readings(), ElementsAre(RecordedReading{"a", "t", 1}, RecordedReading{"a", "t", 2},
                                           RecordedReading{"a", "h", 3}, RecordedReading{"a", "h", 4}));
  EXPECT_THAT(host.refusals(), IsEmpty());
}

TEST_F(SpoolSourceTest, file_that_is_written_slowly_is_read_to_its_end) {
  start();
  append("x", "a,1\na,");
  ASSERT_TRUE(host.wait_for_readings(1));
  append("x", "2\na,3");
  ASSERT_TRUE(soon([&] { return is_there(".done/x"); }));
  EXPECT_THAT(values(), ElementsAre(1, 2, 3)) << "the last line has no newline";
}

TEST_F(SpoolSourceTest, line_that_is_too_long_is_refused_with_its_place_and_costs_nothing_else) {
  options.max_line_bytes = 64;
  drop("x", "a,1\n" + std::string(300'000, '7') + "\na,2\n" + std::string(65, '8'));
  start();
  ASSERT_TRUE(soon([&] { return is_there(".done/x"); }));
  EXPECT_THAT(values(), ElementsAre(1, 2));
  EXPECT_THAT(host.refusals(), ElementsAre(Refusal::too_large, Refusal::too_large));
  EXPECT_THAT(host.refusal_places(), ElementsAre("x@4", "x@300009"));
}

TEST_F(SpoolSourceTest, more_files_than_may_be_begun_are_all_read) {
  options.max_files = 3;
  for (int i = 1; i <= 60; ++i) drop("f" + std::to_string(i), "a," + std::to_string(i), 1000 - i);
  start();
  ASSERT_TRUE(host.wait_for_readings(60));
  EXPECT_EQ(what_is_not_once(60), "");
  EXPECT_LE(host.positions(SourceId{0}).size(), 3U);
}

TEST_F(SpoolSourceTest, files_that_are_not_taken_are_in_the_way_of_none) {
  options.match = "*.csv";
  for (int i = 0; i < 30'000; ++i) std::ofstream(path("other" + std::to_string(i)));
  for (int i = 1; i <= 20; ++i) drop("f" + std::to_string(i) + ".csv", "a," + std::to_string(i), 1000 - i);
  start();
  ASSERT_TRUE(host.wait_for_readings(20));
  EXPECT_EQ(what_is_not_once(20), "");
  ASSERT_TRUE(soon([&] { return host.files().done == 20; }));
  EXPECT_EQ(host.impairment(), "");
}

TEST_F(SpoolSourceTest, files_that_wait_and_files_that_are_done_are_counted) {
  options.max_files = 2;
  host.hold(true);
  for (int i = 1; i <= 5; ++i) drop("f" + std::to_string(i), "a," + std::to_string(i), 1000 + i);
  start();
  ASSERT_TRUE(host.wait_for_offers(1));
  ASSERT_TRUE(soon([&] { return host.files().waiting == 4; })) << host.files().waiting << ": the first is read";
  EXPECT_GE(host.files().lag, Duration::seconds(1004));
  EXPECT_TRUE(host.liveness() && host.liveness()->waiting);
  host.hold(false);
  ASSERT_TRUE(soon([&] { return host.files().done == 5; }));
  EXPECT_EQ(host.files().waiting, 0U);
  EXPECT_EQ(host.files().lag, Duration());
  EXPECT_FALSE(host.liveness());
}

TEST_F(SpoolSourceTest, each_line_is_taken_once_however_often_the_source_starts) {
  options.route.mapping = csv_mapping({});
  constexpr int lines = 60'000;
  drop("a", "id,v\n" + numbers(1, lines / 2), 200);
  drop("b", "id,v\n" + numbers(lines / 2 + 1, lines), 100);
  for (std::size_t wanted = 1; wanted < lines; wanted += 9000) {
    start();
    ASSERT_TRUE(host.wait_for_readings(wanted));
    source.reset();
  }
  start();
  ASSERT_TRUE(host.wait_for_readings(lines));
  ASSERT_TRUE(soon([&] { return is_there(".done/b"); }));
  EXPECT_EQ(what_is_not_once(lines), "");
}

TEST_F(SpoolSourceTest, file_stays_until_its_last_batch_is_durable) {
  host.need_sync();
  drop("x", numbers(1, 3));
  start();
  ASSERT_TRUE(host.wait_until([](const RecordingHost& one) { return one.record() >= 2; }));
  EXPECT_TRUE(is_there("x"));
  restart();
  ASSERT_TRUE(host.wait_until([](const RecordingHost& one) { return one.record() >= 3; }));
  EXPECT_TRUE(is_there("x")) << "that it is done was not durable when the first source ended";
  host.sync();
  ASSERT_TRUE(soon([&] { return is_there(".done/x"); }));
  EXPECT_EQ(what_is_not_once(3), "");
}

TEST_F(SpoolSourceTest, what_the_host_says_before_a_source_has_begun_does_nothing) {
  source = make_spool_source(options, SourceId{0}, host, loop);
  host.when_attached([](SourceEvents& events) { events.durable(7); });
  source->start();
  drop("x", "a,1\n");
  ASSERT_TRUE(host.wait_for_readings(1));
}

TEST_F(SpoolSourceTest, nothing_is_read_while_the_host_has_no_room) {
  host.hold(true);
  drop("x", numbers(1, 20'000));
  start();
  ASSERT_TRUE(host.wait_for_offers(1));
  EXPECT_THAT(host.readings(), IsEmpty());
  host.hold(false);
  ASSERT_TRUE(host.wait_for_readings(20'000));
  EXPECT_EQ(what_is_not_once(20'000), "");
}

TEST_F(SpoolSourceTest, what_the_host_did_not_take_is_read_again) {
  host.accept_from_now_on(false);
  drop("x", numbers(1, 20'000));
  start();
  ASSERT_TRUE(host.wait_for_offers(1));
  host.accept_from_now_on(true);
  host.hold(false);  // says that there is room
  ASSERT_TRUE(host.wait_for_readings(20'000));
  EXPECT_EQ(what_is_not_once(20'000), "");
}

TEST_F(SpoolSourceTest, folder_that_is_missing_is_an_error_and_one_that_was_lost_is_found_again) {
  fs::remove(options.folder);
  source = make_spool_source(options, SourceId{0}, host, loop);
  try {
    source->start();
    FAIL() << "it started";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/in: No such file or directory"));
  }
  source->stop();
  fs::create_directory(options.folder);
  source->start();
  EXPECT_TRUE(host.is_connected());
  fs::rename(options.folder, folder / "away");
  ASSERT_TRUE(host.wait_until([&](const RecordingHost& one) { return one.has_problem("No such file"); }));
  fs::create_directory(options.folder);
  drop("x", "a,1\n");
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_TRUE(host.is_connected());
  EXPECT_TRUE(host.wait_until([](const RecordingHost& one) { return one.has_problem(""); }));
}

TEST_F(SpoolSourceTest, archives_are_read_as_what_they_hold) {
  options.route.mapping = csv_mapping({});
  const std::string header = "id,v\n";
  drop("a.csv.gz", gzip(header + numbers(1, 5000)) + gzip(numbers(5001, 30'000)), 300);
  drop("b.csv.zst", zstd(header + numbers(30'001, 60'000)), 200);
  drop("c.csv", header + "a,60001", 100);
  for (std::size_t wanted = 1; wanted < 60'000; wanted += 9000) {
    start();
    ASSERT_TRUE(host.wait_for_readings(wanted));
    source.reset();
  }
  start();
  ASSERT_TRUE(
      soon([&] { return is_there(".done/a.csv.gz") && is_there(".done/b.csv.zst") && is_there(".done/c.csv"); }));
  EXPECT_EQ(what_is_not_once(60'001), "");
  EXPECT_THAT(host.refusals(), IsEmpty());
}

TEST_F(SpoolSourceTest, damaged_archive_is_refused_with_its_place_once_and_the_others_go_on) {
  std::string damaged = gzip("a,1\na,2\na,3");
  damaged.resize(damaged.size() - 4);
  drop("a.gz", damaged, 300);
  drop("b.zst", "no archive", 200);
  drop("c", "a,4\n", 100);
  options.when_done = WhenDone::remove;
  start();
  ASSERT_TRUE(soon([&] { return is_there(".a.gz.damaged") && is_there(".b.zst.damaged") && !is_there("c"); }));
  restart();
  drop("d", "a,5\n");
  ASSERT_TRUE(soon([&] { return !is_there("d"); }));
  EXPECT_THAT(values(), ElementsAre(1, 2, 4, 5)) << "the third line has no end";
  EXPECT_THAT(host.refusal_places(), ElementsAre("a.gz@8", "b.zst@0"));
  EXPECT_THAT(host.notices(), ElementsAre("a.gz cannot be read beyond byte 8 of its content: the archive is cut off",
                                          HasSubstr("b.zst cannot be read beyond byte 0 of its content: ")));
}

TEST_F(SpoolSourceTest, file_that_cannot_be_moved_is_tried_again_and_costs_nothing_else) {
  start();
  ASSERT_TRUE(soon([&] { return is_there(".done"); }));
  fs::remove(path(".done"));
  drop("x", "a,1\n");
  ASSERT_TRUE(host.wait_until([](const RecordingHost& one) { return one.has_problem("cannot move x to "); }));
  drop("y", "a,2\n");
  ASSERT_TRUE(host.wait_for_readings(2));
  options.done_folder = path(".done2");
  restart();
  ASSERT_TRUE(soon([&] { return is_there(".done2/x") && is_there(".done2/y"); }));
  EXPECT_THAT(values(), ElementsAre(1, 2));
}

struct SpoolTailTest : SpoolSourceTest {
  SpoolTailTest() {
    options.tail = true;
    options.match = "*.log";
  }
};

TEST_F(SpoolTailTest, lines_are_read_as_they_come_and_files_stay) {
  append("x.log", "a,1\n");
  start();
  ASSERT_TRUE(host.wait_for_readings(1));
  append("x.log", "a,2\na,");
  ASSERT_TRUE(host.wait_for_readings(2));
  append("y.log", "a,3\n");
  ASSERT_TRUE(host.wait_for_readings(3));
  append("x.log", "4\n");
  ASSERT_TRUE(host.wait_for_readings(4));
  EXPECT_THAT(values(), ElementsAre(1, 2, 3, 4));
  EXPECT_TRUE(is_there("x.log"));
}

TEST_F(SpoolTailTest, file_that_is_renamed_is_read_to_its_end) {
  append("x.log", numbers(1, 10));
  start();
  ASSERT_TRUE(host.wait_for_readings(10));
  fs::rename(path("x.log"), path("x.log.1"));
  append("x.log", numbers(11, 20));
  ASSERT_TRUE(host.wait_for_readings(20));
  append("x.log.1", numbers(21, 30));
  ASSERT_TRUE(host.wait_for_readings(30));
  EXPECT_EQ(what_is_not_once(30), "");
}

TEST_F(SpoolTailTest, file_that_was_renamed_while_nothing_ran_is_found_by_its_number) {
  append("x.log", numbers(1, 10));
  start();
  ASSERT_TRUE(host.wait_for_readings(10));
  source.reset();
  append("x.log", numbers(11, 20));
  fs::rename(path("x.log"), path("x.log.1"));
  append("x.log", numbers(21, 30));
  start();
  ASSERT_TRUE(host.wait_for_readings(30));
  EXPECT_EQ(what_is_not_once(30), "");
}

TEST_F(SpoolTailTest, file_that_was_shortened_begins_again) {
  append("x.log", numbers(1, 10));
  start();
  ASSERT_TRUE(host.wait_for_readings(10));
  fs::resize_file(path("x.log"), 0);
  append("x.log", numbers(11, 12));
  ASSERT_TRUE(host.wait_for_readings(12));
  fs::resize_file(path("x.log"), 0);
  append("x.log", numbers(13, 200));  // longer than it was
  ASSERT_TRUE(host.wait_for_readings(200));
  EXPECT_EQ(what_is_not_once(200), "");
}

TEST_F(SpoolTailTest, file_that_is_shortened_before_its_end_was_seen_begins_again) {
  for (const int last : {12, 200}) {
    host.hold(true);
    const std::string name = std::to_string(last) + ".log";
    append(name, numbers(1, 10));
    const int offers = host.offers();
    restart();
    ASSERT_TRUE(host.wait_for_offers(offers + 1));
    fs::resize_file(path(name), 0);
    append(name, numbers(11, last));
    const std::size_t before = host.readings().size();
    host.hold(false);
    ASSERT_TRUE(host.wait_for_readings(before + static_cast<std::size_t>(last)));
  }
  EXPECT_EQ(host.readings().size(), 212U);
}

TEST_F(SpoolTailTest, another_file_with_the_number_of_a_removed_one_begins_at_its_beginning) {
  append("x.log", numbers(1, 10));
  start();
  ASSERT_TRUE(host.wait_for_readings(10));
  source.reset();
  std::ofstream(path("x.log")) << numbers(11, 100);
  start();
  ASSERT_TRUE(host.wait_for_readings(100));
  EXPECT_EQ(what_is_not_once(100), "");
}

TEST_F(SpoolTailTest, each_line_is_taken_once_however_often_the_source_starts) {
  int written = 0;
  for (int round = 0; round < 30; ++round) {
    append(round % 2 == 0 ? "x.log" : "y.log", numbers(written + 1, written + 100));
    written += 100;
    if (round % 7 == 6) fs::rename(path("x.log"), path("x.log." + std::to_string(round)));
    start();
    ASSERT_TRUE(host.wait_for_readings(static_cast<std::size_t>(written - 50)));
    source.reset();
  }
  start();
  ASSERT_TRUE(host.wait_for_readings(static_cast<std::size_t>(written)));
  EXPECT_EQ(what_is_not_once(written), "");
}

TEST_F(SpoolTailTest, files_beyond_the_limit_are_said) {
  options.max_files = 2;
  for (const char* const name : {"1.log", "2.log", "3.log"}) append(name, "a,1\n");
  start();
  ASSERT_TRUE(host.wait_for_readings(2));
  EXPECT_TRUE(host.wait_until([](const RecordingHost& one) { return one.has_problem("1 files are not followed"); }));
}

}  // namespace
}  // namespace edgetide::test
