// `edgetide checkpoint show` and `edgetide check --against-state`, on checkpoints of real pipelines.
#include <gmock/gmock.h>
#include <iostream>
#include <sstream>

#include "config/config.h"
#include "daemon/commands/commands.h"
#include "daemon/storage/checkpoint_store.h"
#include "daemon/storage/posix_file_system.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr Timestamp taken = Timestamp::microseconds(1'795'226'400'000'000);

// What goes to a stream while this lives.
class Captured {
 public:
  explicit Captured(std::ostream& stream) : stream_(stream), before_(stream.rdbuf(text_.rdbuf())) {}
  ~Captured() { stream_.rdbuf(before_); }
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::ostream& stream_;
  std::streambuf* before_;
};

struct Ran {
  int status = 0;
  std::string out;
  std::string err;
};

class CheckpointCommands : public testing::Test {
 protected:
  // A configuration of these windows, each `name = "size"`.
  std::string config(const std::vector<std::pair<std::string, std::string>>& windows) {
    std::string text = "[gateway]\nid = \"plant\"\nstate_directory = \"" + state_ + "\"\n" +
                       "[sources.local]\ntype = \"unix\"\nlisten = \"/run/x.sock\"\nformat = \"influx\"\n" +
                       "[sinks.out]\ntype = \"stdout\"\n";
    for (const auto& [name, size] : windows) text += "[windows." + name + "]\nsize = \"" + size + "\"\n";
    return folder_.write("edgetide.toml", text);
  }

  // Of two sensors with a reading each; the checkpoint's number is its epoch.
  void write_checkpoint(const std::string& file) {
    Pipeline pipeline(load_configuration(file).options.pipeline);
    for (const char* const sensor : {"kitchen", "hall"}) {
      const Reading reading{*pipeline.add_series({sensor, "t", {}, {}}), taken, 1};
      pipeline.apply({SourceId{0}, Moment{taken, Duration::seconds(5)}, std::span<const Reading>(&reading, 1)});
    }
    pipeline.refuse(SourceId{0}, Refusal::bad_syntax);
    PosixFileSystem files;
    std::filesystem::create_directories(state_);
    CheckpointStore store(files, state_, {});
    ASSERT_TRUE(std::holds_alternative<CheckpointStore::Found>(store.newest()));
    ASSERT_FALSE(store.write({4711,
                              3,
                              9,
                              1200,
                              {},
                              {taken, Duration::seconds(6)},
                              {},
                              pipeline.snapshot(),
                              {{"history", 7}},
                              "besides",
                              {12'345'678, 4'096, 67'108'864}}));
  }

  template <typename Command, typename Options>
  Ran run(Command&& command, const Options& options) {
    Ran ran;
    const Captured out(std::cout), err(std::cerr);
    ran.status = command(options);
    ran.out = out.text();
    ran.err = err.text();
    return ran;
  }
  Ran show(ListFormat format = ListFormat::text) {
    return run(checkpoint_show_command, CheckpointShowOptions{{}, state_, format});
  }
  Ran check(const std::string& file) { return run(check_command, CheckOptions{file, true}); }

  std::string path(int n) const { return state_ + "/checkpoint/checkpoint-000000000000000" + std::to_string(n); }

  TemporaryFolder folder_;
  const std::string state_ = folder_ / "state";
};

TEST_F(CheckpointCommands, show_prints_what_the_newest_holds) {
  const std::string file = config({{"minute", "1m"}, {"hour", "1h"}});
  write_checkpoint(file);
  write_checkpoint(file);
  EXPECT_EQ(show().out, path(2) +
                            "\n"
                            "taken     2026-11-21T02:00:00.000000Z\n"
                            "state     4711, run 3, epoch 9\n"
                            "journal   from record 1200\n"
                            "series    2\n"
                            "memory    11.8MiB and 4.0KiB reserved of 64.0MiB\n"
                            "window    minute: 2 open\n"
                            "window    hour: 2 open\n"
                            "source    local: 3 received, 2 on time, 1 bad_syntax\n"
                            "outbox    history: from record 7\n");
  EXPECT_EQ(run(checkpoint_show_command, CheckpointShowOptions{file, {}, ListFormat::text}).out, show().out);
  EXPECT_EQ(show(ListFormat::json).out,
            "{\"path\":\"" + path(2) +
                "\",\"taken_at\":\"2026-11-21T02:00:00.000000Z\",\"state_id\":4711,\"run\":3,\"epoch\":9,"
                "\"journal_next\":1200,\"series\":2,\"state_bytes\":12345678,"
                "\"state_reserved_bytes\":4096,\"state_max_bytes\":67108864,\"windows\":{\"minute\":2,\"hour\":2},"
                "\"sources\":{\"local\":{"
                "\"received\":3,\"on_time\":2,\"late_accepted\":0,\"late_dropped\":0,\"duplicates\":0,\"unmatched\":0,"
                "\"restamped\":0,"
                "\"refused\":{\"bad_syntax\":1}}},\"outboxes\":{\"history\":7},\"skipped\":[]}\n");
}

TEST_F(CheckpointCommands, show_falls_back_and_tells_what_it_skipped) {
  const std::string file = config({{"minute", "1m"}});
  write_checkpoint(file);
  write_checkpoint(file);
  std::filesystem::resize_file(path(2), 100);
  const Ran ran = show(ListFormat::json);
  EXPECT_EQ(ran.status, exit_fine);
  EXPECT_THAT(ran.out, HasSubstr("{\"path\":\"" + path(1)));
  EXPECT_THAT(ran.out, HasSubstr("\"skipped\":[\"" + path(2) + ": is damaged"));
  EXPECT_THAT(ran.err, HasSubstr("skipped " + path(2) + ": is damaged"));
}

TEST_F(CheckpointCommands, show_says_when_there_is_none_and_skips_what_is_not_a_checkpoint) {
  EXPECT_THROW(show(), std::runtime_error);
  std::filesystem::create_directories(state_ + "/checkpoint");
  std::ofstream(path(1)) << "somebody's letter";
  EXPECT_THROW(show(), std::runtime_error);
}

TEST_F(CheckpointCommands, check_says_which_windows_would_lose_what_they_hold) {
  const std::string same = config({{"minute", "1m"}, {"hour", "1h"}, {"day", "1d"}});
  EXPECT_THAT(check(same).out, EndsWith(state_ + ": no checkpoint, so no state would be lost\n"));
  write_checkpoint(same);
  EXPECT_THAT(check(same).out,
              AllOf(HasSubstr(path(1) + ", of 2026-11-21T02:00:00"), EndsWith("all windows keep their state\n")));
  const Ran ran = check(config({{"minute", "2m"}, {"hour", "1h"}, {"week", "7d"}}));
  EXPECT_EQ(ran.status, exit_fine);
  EXPECT_THAT(ran.out,
              HasSubstr("windows.minute: its definition has changed: 2 open windows would be finished as they began"));
  EXPECT_THAT(ran.out, HasSubstr("windows.day: it is no longer configured: 2 open windows would be lost\n"));
  EXPECT_THAT(ran.out, AllOf(Not(HasSubstr("hour")), Not(HasSubstr("week"))));
}

TEST_F(CheckpointCommands, check_skips_what_is_not_a_checkpoint) {
  const std::string file = config({{"minute", "1m"}});
  write_checkpoint(file);
  std::ofstream(path(2)) << "somebody's letter";
  EXPECT_THAT(check(file).err, HasSubstr(path(2) + ": is not a checkpoint"));
  EXPECT_EQ(check(file).status, exit_fine) << "the one before is used";
  std::filesystem::remove(path(1));
  EXPECT_THAT(check(file).out, HasSubstr("no checkpoint, so no state would be lost"));
  EXPECT_TRUE(std::filesystem::exists(path(2)));
}

}  // namespace
}  // namespace edgetide::test
