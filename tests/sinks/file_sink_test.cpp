#include "sinks/file_sink.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <iterator>
#include <sys/resource.h>

#include "sinks/file_position.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/sinks/batch_builder.h"
#include "tests/sinks/outcome_matchers.h"

namespace edgetide::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class FileSinkTest : public testing::Test {
 protected:
  FileSinkTest() { options.folder = folder / "rows"; }

  std::unique_ptr<Sink> opened(std::uint64_t state_id = 1) {
    auto sink = make_file_sink(options, {"gw", "history", state_id}, minute_window());
    EXPECT_THAT(sink->open(), IsDelivered());
    return sink;
  }
  // Of one row each; the epoch is the count.
  static void deliver(Sink& sink, std::initializer_list<std::uint64_t> epochs) {
    for (const std::uint64_t epoch : epochs) {
      EXPECT_THAT(sink.deliver(batch(epoch, {{series("s"), 0, 1, {static_cast<double>(epoch), 1}}})), IsDelivered());
    }
  }
  std::vector<std::string> files(const std::string& suffix) const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(options.folder)) {
      const std::string name = entry.path().filename();
      if (name.ends_with(suffix)) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string text_of(const std::string& name) const {
    std::ifstream file(options.folder + '/' + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // The epochs of all rows in all files, in the order of their names.
  std::vector<int> epochs() const {
    std::vector<int> found;
    for (const auto& suffix : {".jsonl", ".part"}) {
      for (const std::string& name : files(suffix)) {
        std::istringstream lines(text_of(name));
        for (std::string line; std::getline(lines, line);) {
          found.push_back(std::stoi(line.substr(line.find("\"count\":") + 8)));
        }
      }
    }
    return found;
  }

  TemporaryFolder folder;
  FileOptions options;
};

TEST_F(FileSinkTest, is_a_stream_that_stores_each_epoch_once) {
  EXPECT_EQ(file_traits(), (SinkTraits{.kind = SinkKind::stream, .delivery = DeliveryGuarantee::exactly_once}));
}

TEST_F(FileSinkTest, rows_are_lines_of_a_part_until_it_is_finished) {
  const auto sink = opened();
  deliver(*sink, {1, 2});
  EXPECT_THAT(files(".part"), ElementsAre("history-0000000000000001-000001-000000000001.jsonl.part"));
  EXPECT_THAT(files(".jsonl"), ElementsAre());
  EXPECT_THAT(epochs(), ElementsAre(1, 2));
}

TEST_F(FileSinkTest, file_that_has_reached_its_size_is_finished_before_the_next_rows) {
  options.max_file_bytes = 1;
  const auto sink = opened();
  deliver(*sink, {1, 2, 3});
  EXPECT_EQ(files(".jsonl").size(), 2U);
  EXPECT_EQ(files(".part").size(), 1U);
  EXPECT_THAT(epochs(), ElementsAre(1, 2, 3));
}

TEST_F(FileSinkTest, file_that_has_reached_its_age_is_finished_before_the_next_rows) {
  options.max_file_age = Duration();
  const auto sink = opened();
  deliver(*sink, {1, 2});
  EXPECT_EQ(files(".jsonl").size(), 1U);
}

TEST_F(FileSinkTest, oldest_finished_files_are_removed) {
  options.max_file_bytes = 1;
  options.max_files = 2;
  const auto sink = opened();
  deliver(*sink, {1, 2, 3, 4, 5});
  EXPECT_EQ(files(".jsonl").size(), 2U);
  EXPECT_THAT(epochs(), ElementsAre(3, 4, 5));
}

TEST_F(FileSinkTest, restart_goes_on_behind_what_was_confirmed) {
  {
    const auto sink = opened();
    deliver(*sink, {1, 2});
  }
  const std::string part = files(".part").front();
  std::ofstream(options.folder + '/' + part, std::ios::app) << R"({"window":"minute","count":3,"to)";  // torn
  const auto sink = opened();
  EXPECT_EQ(std::get<std::optional<EpochId>>(sink->last_epoch()), (EpochId{1, 2}));
  deliver(*sink, {2, 3});
  EXPECT_THAT(epochs(), ElementsAre(1, 2, 3));
  EXPECT_EQ(files(".part").size(), 1U);
}

TEST_F(FileSinkTest, death_between_finishing_a_file_and_beginning_the_next_loses_and_repeats_nothing) {
  {
    const auto sink = opened();
    deliver(*sink, {1});
  }
  const std::string part = options.folder + '/' + files(".part").front();
  fs::rename(part, part.substr(0, part.size() - 5));  // its position still names the part
  const auto sink = opened();
  deliver(*sink, {1, 2});
  EXPECT_THAT(epochs(), ElementsAre(1, 2));
}

TEST_F(FileSinkTest, part_without_a_position_is_cut_to_what_was_confirmed) {
  {
    const auto sink = opened();
    deliver(*sink, {1});
  }
  // Killed after the data and before the position: the position says less than the file has.
  const std::string part = files(".part").front();
  const std::string whole = text_of(part);
  std::ofstream(options.folder + '/' + part, std::ios::app) << whole;
  deliver(*opened(), {2});
  EXPECT_THAT(epochs(), ElementsAre(1, 2));
}

TEST_F(FileSinkTest, epochs_of_another_state_directory_are_not_taken_for_known_ones) {
  {
    const auto sink = opened(7);
    deliver(*sink, {1, 2});
  }
  const auto sink = opened(8);
  EXPECT_EQ(std::get<std::optional<EpochId>>(sink->last_epoch()), std::nullopt);
  deliver(*sink, {1});
  EXPECT_EQ(files(".jsonl").size(), 1U) << "the part of the other one is finished";
  EXPECT_THAT(epochs(), ElementsAre(1, 2, 1));
}

// Its rows of windows that were final since come again, perhaps with fewer readings: a file cannot be asked for them.
TEST_F(FileSinkTest, older_copy_of_the_state_begins_a_new_file_and_says_from_when_to_when_rows_may_come_again) {
  deliver(*opened(), {1, 2, 3});
  StateHistory history;
  history.note({1, 2});
  history.begin(5);
  history.set_end(Timestamp::microseconds(1'700'000'000'000'000));
  const SinkIdentity older = {
      .gateway = "gw", .sink = "history", .state_id = 1, .history = std::make_shared<StateHistory>(history)};
  const auto sink = make_file_sink(options, older, minute_window());
  EXPECT_THAT(sink->open(), HasNotice(testing::AllOf(HasSubstr("from 2023-11-14T22:13:20.000000Z until 2"),
                                                     HasSubstr(options.folder), HasSubstr("history-"))));
  EXPECT_THAT(sink->deliver(batch({5, 3}, {{series("s"), 0, 1, {4, 1}}})), IsDelivered());
  EXPECT_THAT(files(".part"), ElementsAre("history-0000000000000001-000005-000000000003.jsonl.part"));
  EXPECT_THAT(epochs(), ElementsAre(1, 2, 3, 4));
  sink->close();
  EXPECT_THAT(sink->open(), HasNotice("")) << "what follows is its own";
}

TEST_F(FileSinkTest, first_start_and_restart_have_nothing_to_say) {
  const auto sink = make_file_sink(options, {"gw", "history", 1}, minute_window());
  EXPECT_THAT(sink->open(), HasNotice(""));
  deliver(*sink, {1});
  sink->close();
  EXPECT_THAT(sink->open(), HasNotice(""));
}

TEST_F(FileSinkTest, columns_that_have_changed_begin_a_new_file) {
  options.encoding = "csv";
  {
    const auto sink = opened();
    deliver(*sink, {1});
  }
  const auto sink = make_file_sink(options, {"gw", "history", 1}, {{"minute", {{"count", true}, {"max", false}}}});
  ASSERT_THAT(sink->open(), IsDelivered());
  deliver(*sink, {2});
  ASSERT_EQ(files(".csv").size(), 1U);
  EXPECT_THAT(text_of(files(".csv").front()), HasSubstr(",count,avg,"));
  EXPECT_THAT(text_of(files(".part").front()), HasSubstr(",count,max,"));
}

TEST_F(FileSinkTest, second_process_waits_for_the_first) {
  const auto first = opened();
  const auto second = make_file_sink(options, {"gw", "history", 1}, minute_window());
  const Outcome outcome = second->open();
  ASSERT_TRUE(std::holds_alternative<RetryAfter>(outcome));
  EXPECT_THAT(std::get<RetryAfter>(outcome).reason, HasSubstr("history.lock: another process writes"));
}

TEST_F(FileSinkTest, position_that_cannot_be_read_is_not_written_over) {
  fs::create_directories(options.folder);
  std::ofstream(options.folder + "/history.position") << "something else\n";
  const auto sink = make_file_sink(options, {"gw", "history", 1}, minute_window());
  const Outcome outcome = sink->open();
  ASSERT_TRUE(std::holds_alternative<RetryAfter>(outcome));
  EXPECT_THAT(std::get<RetryAfter>(outcome).reason, HasSubstr("is not a position"));
}

// A file may grow no further, as on a full disk: the write stops in the middle of a row.
TEST_F(FileSinkTest, full_disk_loses_and_repeats_nothing) {
  const auto sink = opened();
  deliver(*sink, {1});
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit usual{};
  getrlimit(RLIMIT_FSIZE, &usual);
  const rlimit tight{fs::file_size(options.folder + '/' + files(".part").front()) + 20, usual.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  const Outcome refused = sink->deliver(batch(2, {{series("s"), 0, 1, {2, 1}}}));
  setrlimit(RLIMIT_FSIZE, &usual);
  std::signal(SIGXFSZ, before);
  ASSERT_TRUE(std::holds_alternative<RetryAfter>(refused));
  EXPECT_THAT(epochs(), ElementsAre(1)) << "nothing of the refused rows stays";
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  deliver(*sink, {2});
  EXPECT_THAT(epochs(), ElementsAre(1, 2));
}

TEST(FilePosition, reads_back_what_it_writes_and_refuses_everything_else) {
  const FilePosition position{0xABC, {3, 9}, 1'795'000'000, 4096, "a-b.jsonl.part"};
  const std::string text = to_text(position);
  EXPECT_EQ(text, "edgetide-position 1 abc 3 9 1795000000 4096 a-b.jsonl.part\n");
  EXPECT_EQ(parse_file_position(text), position);
  EXPECT_EQ(parse_file_position(to_text(FilePosition{})), FilePosition{});
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_EQ(parse_file_position(text.substr(0, length)), std::nullopt) << length;
  }
  for (const char* bad : {"edgetide-position 2 abc 3 9 1 4 a\n", "edgetide-position 1 xyz 3 9 1 4 a\n",
                          "edgetide-position 1 abc 3 9 1 -4 a\n", "edgetide-position 1 abc 3 9 1 4 a b\n"}) {
    EXPECT_EQ(parse_file_position(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace edgetide::test
