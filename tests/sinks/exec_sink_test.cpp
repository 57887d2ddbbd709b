#include "sinks/exec_sink.h"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <iterator>
#include <mutex>
#include <signal.h>
#include <thread>

#include "sinks/row_slice.h"
#include "tests/fakes/soon.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/sinks/batch_builder.h"
#include "tests/sinks/outcome_matchers.h"

namespace edgetide::test {
namespace {

using testing::HasSubstr;

class ExecSinkTest : public testing::Test {
 protected:
  ExecSinkTest() { signal(SIGPIPE, SIG_IGN); }

  std::string path(const std::string& name) const { return folder_ / name; }
  std::string text_of(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::size_t lines_in(const std::string& name) const {
    const std::string text = text_of(name);
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  // By the shell, as a command that is written down here.
  ExecOptions script(const std::string& text) const {
    ExecOptions options;
    options.command = {"/bin/sh", {"sh", "-c", "cd " + (folder_ / "") + "; " + text}};
    return options;
  }
  std::unique_ptr<Sink> sink(const ExecOptions& options) {
    return make_exec_sink(options, this_gateway(), minute_window(), [this](std::string_view line) {
      const std::lock_guard lock(mutex_);
      said_.emplace_back(line);
    });
  }
  std::vector<std::string> said() const {
    const std::lock_guard lock(mutex_);
    return said_;
  }

 private:
  TemporaryFolder folder_;
  mutable std::mutex mutex_;
  std::vector<std::string> said_;  // under mutex_
};

RowBatch sensors(std::uint64_t epoch, int rows) {
  std::vector<RowText> sent;
  for (int i = 0; i < rows; ++i) sent.push_back({series(numbered("s", i)), 0, 1, {1, 1}});
  return batch(epoch, sent);
}

// As the worker does: what is stored is not delivered again. How often it failed.
int deliver_all(Sink& out, const RowBatch& rows) {
  int failures = 0;
  for (std::size_t stored = 0; failures < 100;) {
    const Outcome opened = out.open();
    EXPECT_THAT(opened, IsDelivered());
    const Outcome outcome = out.deliver(slice(rows, stored, rows.row_count() - stored));
    if (std::holds_alternative<Delivered>(outcome)) return failures;
    stored += std::get<RetryAfter>(outcome).rows_stored;
    out.close();
    ++failures;
  }
  return failures;
}

TEST_F(ExecSinkTest, command_gets_a_line_for_each_row_and_the_end_of_its_input) {
  const auto out = sink(script("cat > rows; echo ended >> rows"));
  ASSERT_THAT(out->open(), IsDelivered());
  ASSERT_THAT(out->deliver(sensors(7, 2)), IsDelivered());
  ASSERT_THAT(out->deliver(sensors(7, 2)), IsDelivered()) << "once";
  EXPECT_EQ(stored_epoch(*out), 7U);
  out->close();
  const std::string text = text_of("rows");
  EXPECT_TRUE(text.starts_with("{\"window\":\"minute\",\"sensor\":\"s0\",")) << text;
  EXPECT_TRUE(text.ends_with("\"epoch\":7}\nended\n")) << text;
  EXPECT_EQ(lines_in("rows"), 3U);
}

TEST_F(ExecSinkTest, more_than_the_pipe_holds_arrives_whole) {
  const auto out = sink(script("cat > rows"));
  ASSERT_THAT(out->open(), IsDelivered());
  ASSERT_THAT(out->deliver(sensors(1, 5'000)), IsDelivered());
  out->close();
  EXPECT_EQ(lines_in("rows"), 5'000U);
}

TEST_F(ExecSinkTest, command_inherits_nothing) {
  const int ours = open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as libraries open theirs
  ::setenv("EDGETIDE_TEST_SECRET", "x", 1);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto out =
      sink(script("ls /proc/self/fd > files; env > environment; grep Sig /proc/self/status > signals; cat"));
  ASSERT_THAT(out->open(), IsDelivered());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  out->close();
  ::unsetenv("EDGETIDE_TEST_SECRET");
  close(ours);
  EXPECT_EQ(text_of("files"), "0\n1\n2\n3\n") << "3 is that of ls";
  const std::string environment = text_of("environment");
  EXPECT_THAT(environment, HasSubstr("PATH=/usr/local/bin:/usr/bin:/bin\n"));
  EXPECT_THAT(environment, HasSubstr("EDGETIDE_SINK=history\n"));
  EXPECT_THAT(environment, testing::Not(HasSubstr("SECRET")));
  EXPECT_THAT(text_of("signals"), HasSubstr("SigBlk:\t0000000000000000"));
  const std::string signals = text_of("signals"), ignored = "SigIgn:\t";
  const unsigned long long bits = std::stoull(signals.substr(signals.find(ignored) + ignored.size()), nullptr, 16);
  EXPECT_EQ(bits & 0x7FFF'FFFFU, 0U) << "but for two that are glibc's";
}

TEST_F(ExecSinkTest, command_that_ends_is_started_again) {
  const auto out = sink(script("echo started >> starts; read -r line; exit 3"));
  ASSERT_THAT(out->open(), IsDelivered());
  Outcome outcome = Delivered{};
  EXPECT_TRUE(soon([&, epoch = std::uint64_t{0}]() mutable {
    outcome = out->deliver(sensors(++epoch, 1));
    return std::holds_alternative<RetryAfter>(outcome);
  }));
  ASSERT_THAT(outcome, IsRetryAfter(HasSubstr("/bin/sh ended with exit status 3")));
  EXPECT_EQ(std::get<RetryAfter>(outcome).rows_stored, 0U);
  EXPECT_FALSE(std::get<RetryAfter>(outcome).needs_person);
  out->close();
  ASSERT_THAT(out->open(), IsDelivered());
  EXPECT_TRUE(soon([&] { return lines_in("starts") == 2; }));
}

TEST_F(ExecSinkTest, signal_that_ended_it_is_named) {
  const auto out = sink(script("kill -9 $$"));
  ASSERT_THAT(out->open(), IsDelivered());
  Outcome outcome = Delivered{};
  EXPECT_TRUE(soon([&, epoch = std::uint64_t{0}]() mutable {
    outcome = out->deliver(sensors(++epoch, 1));
    return std::holds_alternative<RetryAfter>(outcome);
  }));
  EXPECT_THAT(outcome, IsRetryAfter(HasSubstr("/bin/sh was ended by signal 9")));
}

TEST_F(ExecSinkTest, acknowledged_rows_are_lost_by_no_death_of_the_command) {
  ExecOptions options = script(
      "n=0; while read -r line; do echo \"$line\" >> rows; echo ok; n=$((n+1)); "
      "[ $n = 10 ] && exit 1; done");
  options.acknowledge = true;
  const auto out = sink(options);
  EXPECT_EQ(deliver_all(*out, sensors(1, 95)), 9);
  out->close();
  EXPECT_EQ(lines_in("rows"), 95U) << "each row once: it died behind its acknowledgement";
}

TEST_F(ExecSinkTest, row_without_its_acknowledgement_comes_again) {
  ExecOptions options = script(
      "while read -r line; do echo \"$line\" >> rows; [ -e died ] || { touch died; exit 1; }; "
      "echo ok; done");
  options.acknowledge = true;
  const auto out = sink(options);
  EXPECT_EQ(deliver_all(*out, sensors(1, 5)), 1);
  out->close();
  EXPECT_EQ(lines_in("rows"), 6U) << "the first one twice";
}

TEST_F(ExecSinkTest, other_answers_than_ok_need_a_person) {
  const struct {
    const char* what;
    std::string text;
    const char* reason;
    bool is_said_first = false;
  } cases[] = {
      {"another word", "read -r line; echo 'no \x1b[31m'; cat > /dev/null", "has answered \"no \\x1b[31m\""},
      {"too often", "read -r line; echo ok; echo ok; echo ok; touch said; cat > /dev/null", "once for each row"},
      {"before any row", "echo ok; touch said; cat > /dev/null", "once for each row", true},
      {"without end", "read -r line; tr '\\0' x < /dev/zero", "has answered \"xxxx"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.what);
    std::filesystem::remove(path("said"));
    const auto is_said = [this] { return std::filesystem::exists(path("said")); };
    ExecOptions options = script(one.text);
    options.acknowledge = true;
    const auto out = sink(options);
    ASSERT_THAT(out->open(), IsDelivered());
    if (one.is_said_first) {
      ASSERT_TRUE(soon(is_said));
    }
    // Two rows, and a third behind them, where the answer for it has come already.
    Outcome outcome = out->deliver(sensors(1, 2));
    if (std::holds_alternative<Delivered>(outcome)) {
      ASSERT_TRUE(soon(is_said));
      outcome = out->deliver(sensors(2, 1));
    }
    ASSERT_THAT(outcome, IsRetryAfter(HasSubstr(one.reason)));
    EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
  }
}

TEST_F(ExecSinkTest, command_that_does_not_read_goes_on_where_it_stood) {
  ExecOptions options = script("while [ ! -e go ]; do sleep 0.01; done; cat > rows");
  options.timeout = Duration::milliseconds(200);
  const auto out = sink(options);
  const RowBatch large = sensors(1, 3'000);
  ASSERT_THAT(out->open(), IsDelivered());
  const Outcome outcome = out->deliver(large);
  ASSERT_THAT(outcome, IsRetryAfter(HasSubstr("does not read")));
  const std::size_t stored = std::get<RetryAfter>(outcome).rows_stored;
  EXPECT_GT(stored, 100U);
  EXPECT_LT(stored, 3'000U);
  out->close();
  ASSERT_THAT(out->open(), IsDelivered());
  std::ofstream(path("go")).put('\n');
  deliver_all(*out, slice(large, stored, 3'000 - stored));
  out->close();
  EXPECT_EQ(lines_in("rows"), 3'000U) << "by the same process";
  EXPECT_TRUE(text_of("rows").ends_with("}\n"));
}

TEST_F(ExecSinkTest, interrupt_ends_the_waiting_and_the_command) {
  ExecOptions options = script("echo $$ > pid; exec sleep 1000");
  options.timeout = Duration::minutes(10);
  options.stop_timeout = Duration::minutes(1);
  const auto out = sink(options);
  ASSERT_THAT(out->open(), IsDelivered());
  ASSERT_TRUE(soon([&] { return lines_in("pid") == 1; }));
  std::thread interrupter([&] { out->interrupt(); });
  EXPECT_THAT(out->deliver(sensors(1, 3'000)), IsRetryAfter(HasSubstr("does not read")));
  interrupter.join();
  EXPECT_THAT(out->deliver(sensors(1, 3'000)), IsRetryAfter(testing::_)) << "holds until close";
  out->close();
  EXPECT_NE(kill(std::stoi(text_of("pid")), 0), 0) << "it is gone";
}

TEST_F(ExecSinkTest, command_that_ignores_sigterm_is_killed_with_what_it_has_started) {
  ExecOptions options = script("trap '' TERM; echo $$ > pid; sleep 1000 & echo $! > child; wait; sleep 1000");
  options.stop_timeout = Duration::milliseconds(50);
  const auto out = sink(options);
  ASSERT_THAT(out->open(), IsDelivered());
  ASSERT_TRUE(soon([&] { return lines_in("child") == 1; }));
  out->close();
  EXPECT_NE(kill(std::stoi(text_of("pid")), 0), 0);
  const std::string child = "/proc/" + std::to_string(std::stoi(text_of("child"))) + "/cmdline";
  EXPECT_TRUE(soon([&] { return !std::ifstream(child).good() || std::ifstream(child).get() == EOF; }));
}

TEST_F(ExecSinkTest, lines_of_standard_error_are_given_on_however_long) {
  const auto out =
      sink(script("printf 'one\\n\\ntw\\033o\\n' >&2; head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; "
                  "printf last >&2; cat > /dev/null"));
  ASSERT_THAT(out->open(), IsDelivered());
  EXPECT_TRUE(soon([&] { return said().size() == 3; }));
  out->close();
  const std::vector<std::string> lines = said();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], "one");
  EXPECT_EQ(lines[1], "tw\033o");
  EXPECT_EQ(lines[2], std::string(1024, 'x'));
  EXPECT_EQ(lines[3], "last");
}

TEST_F(ExecSinkTest, program_that_cannot_be_started_needs_a_person) {
  ExecOptions options;
  for (const auto& [program, reason] :
       {std::pair("/no/such/program", "No such file"), std::pair("/etc", "ermission")}) {
    options.command = {program, {program}};
    const Outcome outcome = sink(options)->open();
    ASSERT_THAT(outcome, IsRetryAfter(testing::AllOf(HasSubstr("cannot be started"), HasSubstr(reason))));
    EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
  }
}

TEST_F(ExecSinkTest, header_comes_with_each_start) {
  ExecOptions options = script("cat >> rows");
  options.encoding = "csv";
  const auto out = sink(options);
  for (const std::uint64_t epoch : {1U, 2U, 3U}) {
    if (epoch != 2) {
      ASSERT_THAT(out->open(), IsDelivered());
    }
    ASSERT_THAT(out->deliver(sensors(epoch, 1)), IsDelivered());
    if (epoch != 1) out->close();
  }
  const std::string text = text_of("rows");
  EXPECT_EQ(lines_in("rows"), 5U) << text;
  EXPECT_TRUE(text.starts_with("window,sensor,"));
}

}  // namespace
}  // namespace edgetide::test
