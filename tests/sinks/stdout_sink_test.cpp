#include "sinks/stdout_sink.h"

#include <algorithm>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

#include "sinks/row_slice.h"
#include "tests/sinks/batch_builder.h"
#include "tests/sinks/outcome_matchers.h"

namespace edgetide::test {
namespace {

class StdoutSinkTest : public testing::Test {
 protected:
  StdoutSinkTest() {
    signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(pipe(ends_), 0);
  }
  ~StdoutSinkTest() override {
    close_end(0);
    close_end(1);
  }
  void close_end(int which) {
    if (ends_[which] >= 0) close(ends_[which]);
    ends_[which] = -1;
  }
  // All that is in the pipe until its writer ends.
  std::string read_all() {
    std::string text;
    char bytes[4096];
    for (ssize_t count = 0; (count = read(ends_[0], bytes, sizeof bytes)) > 0;) {
      text.append(bytes, static_cast<std::size_t>(count));
    }
    return text;
  }
  std::unique_ptr<Sink> sink(const std::string& encoding = "json") {
    return make_stdout_sink({encoding}, minute_window(), ends_[1]);
  }
  // Delivers it, interrupted as soon as the pipe is full. How many rows went.
  std::size_t deliver_until_full(Sink& out, const RowBatch& rows) {
    std::thread interrupter([&] {
      int waiting = 0;
      while (waiting < 60'000) ioctl(ends_[0], FIONREAD, &waiting);
      out.interrupt();
    });
    const Outcome outcome = out.deliver(rows);
    interrupter.join();
    EXPECT_THAT(outcome, IsRetryAfter(testing::_));
    out.close();
    return std::get<RetryAfter>(outcome).rows_stored;
  }
  // All that is written while `last` is delivered as well.
  std::string all_with(Sink& out, const RowBatch& last) {
    std::string text;
    std::thread reader([&] { text = read_all(); });
    EXPECT_THAT(out.deliver(last), IsDelivered());
    close_end(1);
    reader.join();
    return text;
  }

  int ends_[2] = {-1, -1};
};

RowBatch many_rows(std::uint64_t epoch, int rows) {
  std::vector<RowText> sent;
  for (int i = 0; i < rows; ++i) sent.push_back({series(numbered("s", i)), 0, 1, {1, 1}});
  return batch(epoch, sent);
}

TEST_F(StdoutSinkTest, standard_output_is_a_stream) {
  EXPECT_EQ(stdout_traits().kind, SinkKind::stream);
  EXPECT_EQ(stdout_traits().delivery, DeliveryGuarantee::at_least_once);
}

TEST_F(StdoutSinkTest, row_is_a_line_of_json) {
  const auto out = sink();
  ASSERT_THAT(out->open(), IsDelivered());
  ASSERT_THAT(out->deliver(batch(7, {{series("s1"), 0, 2, {3, null}, RowState::final}})), IsDelivered());
  close_end(1);
  EXPECT_EQ(read_all(),
            "{\"window\":\"minute\",\"sensor\":\"s1\",\"metric\":\"t\",\"start\":\"1970-01-01T00:00:00.000000Z\","
            "\"end\":\"1970-01-01T00:01:00.000000Z\",\"count\":3,\"avg\":null,\"state\":\"final\",\"revision\":2,"
            "\"epoch\":7}\n");
}

TEST_F(StdoutSinkTest, epoch_is_written_once) {
  const auto out = sink();
  ASSERT_THAT(out->deliver(many_rows(1, 2)), IsDelivered());
  ASSERT_THAT(out->deliver(many_rows(1, 2)), IsDelivered());
  EXPECT_EQ(stored_epoch(*out), 1U);
  close_end(1);
  const std::string text = read_all();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST_F(StdoutSinkTest, more_than_the_pipe_holds_arrives_whole) {
  const auto out = sink();
  std::string text;
  std::thread reader([&] { text = read_all(); });
  EXPECT_THAT(out->deliver(many_rows(1, 3'000)), IsDelivered());
  close_end(1);
  reader.join();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3'000);
  EXPECT_TRUE(text.ends_with("}\n"));
}

TEST_F(StdoutSinkTest, reader_that_left_stops_it) {
  close_end(0);
  EXPECT_THAT(sink()->deliver(many_rows(1, 1)), IsStopped(testing::HasSubstr("reader")));
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(StdoutSinkTest, interrupted_epoch_goes_on_where_it_stood) {
  for (const char* encoding : {"json", "csv", "influx"}) {
    const auto out = sink(encoding);
    const RowBatch large = many_rows(1, 3'000);
    const std::size_t stored = deliver_until_full(*out, large);
    EXPECT_GT(stored, 100U);
    EXPECT_LT(stored, 1'500U);
    const std::string text = all_with(*out, slice(large, stored, 3'000 - stored));
    EXPECT_EQ(lines_of(text), encoding == std::string("csv") ? 3'001U : 3'000U) << encoding;
    EXPECT_EQ(text.find("s2999"), text.rfind("s2999"));
    ASSERT_EQ(pipe(ends_), 0);
  }
}

TEST_F(StdoutSinkTest, half_row_of_an_epoch_that_was_given_up_is_finished_first) {
  const auto out = sink();
  const std::size_t stored = deliver_until_full(*out, many_rows(1, 3'000));
  EXPECT_EQ(deliver_until_full(*out, many_rows(2, 2)), 0U) << "no room for a byte";
  const std::string text = all_with(*out, many_rows(3, 1));
  EXPECT_GE(lines_of(text), stored + 1);
  EXPECT_LE(lines_of(text), stored + 2);
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    ASSERT_TRUE(text.compare(at, 10, "{\"window\":") == 0) << text.substr(at, 200);
  }
  EXPECT_TRUE(text.ends_with("\"epoch\":3}\n"));
}

TEST_F(StdoutSinkTest, header_is_written_once_and_a_row_may_hold_newlines) {
  const auto out = sink("csv");
  ASSERT_THAT(out->deliver(batch(1, {{series("a\nb"), 0, 1, {1, 1}}})), IsDelivered());
  const std::size_t stored = deliver_until_full(*out, many_rows(2, 3'000));
  out->close();
  ASSERT_LT(stored, 3'000U);
  const std::string text = all_with(*out, slice(many_rows(2, 3'000), stored, 3'000 - stored));
  EXPECT_TRUE(
      text.starts_with("window,sensor,metric,unit,labels,start,end,count,avg,state,revision,epoch\nminute,\"a\nb\","));
  EXPECT_EQ(text.find("window,sensor"), text.rfind("window,sensor"));
  EXPECT_EQ(lines_of(text), 3'003U);
}

TEST_F(StdoutSinkTest, rows_with_newlines_are_counted_as_rows) {
  std::vector<RowText> sent;
  for (int i = 0; i < 3'000; ++i) sent.push_back({series(numbered("x\n\ny", i)), 0, 1, {1, 1}});
  const RowBatch large = batch(1, sent);
  const auto out = sink("csv");
  const std::size_t stored = deliver_until_full(*out, large);
  const std::string text = all_with(*out, slice(large, stored, 3'000 - stored));
  EXPECT_EQ(lines_of(text), 9'001U);
  EXPECT_EQ(text.find("y2999"), text.rfind("y2999"));
}

}  // namespace
}  // namespace edgetide::test
