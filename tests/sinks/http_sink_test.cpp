#include "sinks/http_sink.h"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <functional>
#include <gmock/gmock.h>
#include <signal.h>
#include <thread>

#include "sinks/row_slice.h"
#include "tests/fakes/scripted_http_server.h"
#include "tests/fakes/soon.h"
#include "tests/sinks/batch_builder.h"
#include "tests/sinks/outcome_matchers.h"

namespace edgetide::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Then = ScriptedReply::Then;

class HttpSinkTest : public testing::Test {
 protected:
  HttpSinkTest() { signal(SIGPIPE, SIG_IGN); }

  std::unique_ptr<Sink> sink(const ScriptedHttpServer& peer, HttpSinkOptions options = {}) {
    if (options.url.empty()) options.url = peer.url();
    return make_http_sink(std::move(options), this_gateway(), minute_window());
  }
};

HttpSinkOptions with(HttpEncoding encoding) {
  HttpSinkOptions options;
  options.encoding = encoding;
  return options;
}

RowBatch rows_of_sensors(std::uint64_t epoch, int rows) {
  std::vector<RowText> sent;
  for (int i = 0; i < rows; ++i) sent.push_back({series(numbered("s", i)), 0, 1, {1, 1}});
  return batch(epoch, sent);
}

// The numbers of the sensors in a body.
std::vector<int> sensors_in(const std::string& body) {
  std::vector<int> numbers;
  const std::string before = "\"sensor\":\"s";
  for (std::size_t at = body.find(before); at != std::string::npos; at = body.find(before, at + 1)) {
    numbers.push_back(std::atoi(body.c_str() + at + before.size()));
  }
  return numbers;
}

// Takes bodies without any of these sensors, and keeps what it took.
struct Picky {
  std::function<bool(int)> refuses;
  int status = 400;
  std::vector<int> taken = {};

  ScriptedReply operator()(const ScriptedRequest& request) {
    const std::vector<int> sensors = sensors_in(request.body);
    if (std::any_of(sensors.begin(), sensors.end(), refuses)) return reply(status, "field type\nconflict \x1b[31m");
    taken.insert(taken.end(), sensors.begin(), sensors.end());
    return reply(200, "{}");
  }
};

std::vector<int> all_but(int rows, const std::function<bool(int)>& refused) {
  std::vector<int> numbers;
  for (int i = 0; i < rows; ++i) {
    if (!refused(i)) numbers.push_back(i);
  }
  return numbers;
}

TEST_F(HttpSinkTest, body_and_headers_are_those_of_the_encoding) {
  const struct {
    HttpEncoding encoding;
    std::string type, begin, end;
  } cases[] = {
      {HttpEncoding::json, "application/json", "[{\"window\":\"minute\",", "\"epoch\":7}]"},
      {HttpEncoding::json_lines, "application/x-ndjson", "{\"window\":\"minute\",", "\"epoch\":7}\n"},
      {HttpEncoding::influx, "text/plain; charset=utf-8", "minute,sensor=s0,metric=t count=1i,", "epoch=7i 0\n"},
      {HttpEncoding::csv, "text/csv; charset=utf-8", "window,sensor,metric,", ",7\n"},
  };
  for (const auto& one : cases) {
    ScriptedHttpServer peer([](const ScriptedRequest&) { return ScriptedReply{}; });
    const auto out = sink(peer, with(one.encoding));
    ASSERT_THAT(out->open(), IsDelivered());
    ASSERT_THAT(out->deliver(rows_of_sensors(7, 2)), IsDelivered());
    ASSERT_EQ(peer.requests().size(), 1U);
    const ScriptedRequest request = peer.requests()[0];
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/rows");
    EXPECT_EQ(request.header("content-type"), one.type);
    EXPECT_EQ(request.header("user-agent"), "edgetide");
    EXPECT_EQ(request.header("expect"), "");
    EXPECT_TRUE(request.body.starts_with(one.begin)) << request.body;
    EXPECT_TRUE(request.body.ends_with(one.end)) << request.body;
    EXPECT_TRUE(request.header("idempotency-key").starts_with("gw-history-0000000000000001-1-7-0-2-"));
  }
}

TEST_F(HttpSinkTest, request_has_what_the_options_say) {
  ScriptedHttpServer peer([](const ScriptedRequest&) { return ScriptedReply{}; });
  HttpSinkOptions options = with(HttpEncoding::influx);
  options.url = peer.url("/api/v2/write?org=o&bucket=b%20c");
  options.put = true;
  options.token = "secret";
  options.gzip = true;
  options.headers = {{"X-Site", "north"}, {"content-type", "text/x-lines"}};
  ASSERT_THAT(sink(peer, options)->deliver(rows_of_sensors(1, 100)), IsDelivered());
  const ScriptedRequest request = peer.requests().at(0);
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.target, "/api/v2/write?org=o&bucket=b%20c");
  EXPECT_EQ(request.header("authorization"), "Token secret");
  EXPECT_EQ(request.header("x-site"), "north");
  EXPECT_EQ(request.header("content-type"), "text/x-lines");
  EXPECT_EQ(request.header("content-encoding"), "gzip");
  EXPECT_LT(request.body.size(), 2'000U);
  EXPECT_EQ(request.body.substr(0, 2), "\x1f\x8b");
}

TEST_F(HttpSinkTest, password_and_bearer_token_are_sent) {
  ScriptedHttpServer peer([](const ScriptedRequest&) { return ScriptedReply{}; });
  HttpSinkOptions options;
  options.username = "user";
  options.password = "word";
  ASSERT_THAT(sink(peer, options)->deliver(rows_of_sensors(1, 1)), IsDelivered());
  options = {};
  options.token = "secret";
  ASSERT_THAT(sink(peer, options)->deliver(rows_of_sensors(1, 1)), IsDelivered());
  EXPECT_EQ(peer.requests().at(0).header("authorization"), "Basic dXNlcjp3b3Jk");
  EXPECT_EQ(peer.requests().at(1).header("authorization"), "Bearer secret");
}

TEST_F(HttpSinkTest, epoch_is_sent_once_and_over_one_connection) {
  ScriptedHttpServer peer([](const ScriptedRequest&) { return reply(200, "stored"); });
  const auto out = sink(peer);
  for (const std::uint64_t epoch : {1U, 1U, 2U}) ASSERT_THAT(out->deliver(rows_of_sensors(epoch, 3)), IsDelivered());
  EXPECT_EQ(peer.requests().size(), 2U);
  EXPECT_EQ(stored_epoch(*out), 2U);
}

TEST_F(HttpSinkTest, status_says_what_becomes_of_the_rows) {
  const std::string date_of_1994 = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
  const struct {
    int status;
    std::string headers;
    bool needs_person;
    Duration at_least;
    std::string reason;
  } cases[] = {
      {500, "", false, Duration(), "HTTP 500: some words"},
      {503, "Retry-After: 17\r\n", false, Duration::seconds(17), "HTTP 503"},
      {429, "Retry-After: 17\r\n", false, Duration::seconds(17), "HTTP 429"},
      {429, "Retry-After: 99999\r\n", false, Duration::minutes(5), "HTTP 429"},
      {429, "Retry-After: soon\r\n", false, Duration(), "HTTP 429"},
      {503, date_of_1994, false, Duration(), "HTTP 503"},
      {408, "", false, Duration(), "HTTP 408"},
      {409, "Retry-After: 1\r\n", false, Duration::seconds(1), "HTTP 409"},
      {425, "", false, Duration(), "HTTP 425"},
      {401, "", true, until_somebody_acts, "HTTP 401: some words"},
      {403, "", true, until_somebody_acts, "HTTP 403"},
      {404, "", true, until_somebody_acts, "HTTP 404"},
      {405, "", true, until_somebody_acts, "HTTP 405"},
      {415, "", true, until_somebody_acts, "HTTP 415"},
      {304, "", true, until_somebody_acts, "HTTP 304"},
      {301, "Location: /new/path?key=secret\r\n", true, until_somebody_acts, "redirected to http"},
      {307, "Location: https://other.example/rows\r\n", true, until_somebody_acts,
       "redirected to https://other.example/rows; write that as the url"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.status);
    ScriptedHttpServer peer([&](const ScriptedRequest&) {
      ScriptedReply answer = reply(one.status, one.status == 304 ? "" : "some words", one.headers);
      return answer;
    });
    HttpSinkOptions options;
    options.url = peer.url();
    options.shows_redirects = true;
    const Outcome outcome = sink(peer, options)->deliver(rows_of_sensors(1, 4));
    ASSERT_THAT(outcome, IsRetryAfter(AllOf(HasSubstr(one.reason), HasSubstr("http://127.0.0.1:"),
                                            testing::Not(HasSubstr("secret")))));
    const auto& later = std::get<RetryAfter>(outcome);
    EXPECT_EQ(later.needs_person, one.needs_person);
    EXPECT_EQ(later.at_least, one.at_least);
    EXPECT_EQ(later.rows_stored, 0U);
    EXPECT_EQ(peer.requests().size(), 1U);
  }
}

TEST_F(HttpSinkTest, date_in_retry_after_is_a_time_to_come) {
  const std::time_t then = std::time(nullptr) + 240;
  char date[64];
  std::strftime(date, sizeof date, "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", std::gmtime(&then));
  ScriptedHttpServer peer([&](const ScriptedRequest&) { return reply(429, "", date); });
  const Outcome outcome = sink(peer)->deliver(rows_of_sensors(1, 1));
  ASSERT_THAT(outcome, IsRetryAfter(HasSubstr("HTTP 429")));
  EXPECT_GT(std::get<RetryAfter>(outcome).at_least, Duration());
  EXPECT_LE(std::get<RetryAfter>(outcome).at_least, Duration::seconds(240));
}

TEST_F(HttpSinkTest, redirect_of_a_secret_url_shows_the_server_only) {
  ScriptedHttpServer peer(
      [](const ScriptedRequest&) { return reply(308, "", "Location: https://other.example/hooks/s3cret\r\n"); });
  HttpSinkOptions options;
  options.url = peer.url("/hooks/s3cret");
  EXPECT_THAT(sink(peer, options)->deliver(rows_of_sensors(1, 1)),
              IsRetryAfter(AllOf(HasSubstr("https://other.example;"), testing::Not(HasSubstr("s3cret")))));
}

TEST_F(HttpSinkTest, single_bad_rows_are_set_aside_with_the_words_of_the_server) {
  for (const int status : {400, 413, 422}) {
    const auto is_bad = [](int sensor) { return sensor == 5 || sensor == 77; };
    Picky picky{is_bad, status};
    ScriptedHttpServer peer(std::ref(picky));
    const Outcome outcome = sink(peer)->deliver(rows_of_sensors(1, 100));
    ASSERT_THAT(outcome, IsDelivered(testing::SizeIs(2)));
    const RejectedRow row = std::get<Delivered>(outcome).rejected[0];
    EXPECT_EQ(row.window, "minute");
    EXPECT_EQ(row.sensor, "s5");
    EXPECT_EQ(row.reason, "HTTP " + std::to_string(status) + ": field type conflict [31m");
    EXPECT_EQ(picky.taken, all_but(100, is_bad));
    std::vector<std::string> keys;
    for (const ScriptedRequest& request : peer.requests()) keys.push_back(request.header("idempotency-key"));
    std::sort(keys.begin(), keys.end());
    EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end()) << "each request has its own key";
  }
}

TEST_F(HttpSinkTest, rows_wait_where_all_of_several_series_are_refused) {
  for (const int rows : {2, 5, 1'000}) {
    Picky picky{[](int) { return true; }};
    ScriptedHttpServer peer(std::ref(picky));
    const Outcome outcome = sink(peer)->deliver(rows_of_sensors(1, rows));
    ASSERT_THAT(outcome, IsRetryAfter(HasSubstr("refuses every row, so they wait: HTTP 400: field type")));
    EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
    EXPECT_LT(peer.requests().size(), 100U);
  }
}

TEST_F(HttpSinkTest, many_bad_rows_at_the_begin_do_not_hide_the_good_ones) {
  const auto is_bad = [](int sensor) { return sensor < 150; };
  Picky picky{is_bad};
  ScriptedHttpServer peer(std::ref(picky));
  const Outcome outcome = sink(peer)->deliver(rows_of_sensors(1, 300));
  ASSERT_THAT(outcome, IsDelivered(testing::SizeIs(150)));
  std::sort(picky.taken.begin(), picky.taken.end());
  EXPECT_EQ(picky.taken, all_but(300, is_bad)) << "each once";
}

TEST_F(HttpSinkTest, window_that_is_refused_as_a_whole_waits_though_others_are_taken) {
  ScriptedHttpServer peer([](const ScriptedRequest& request) {
    return request.body.find("\"window\":\"hour\"") == std::string::npos ? reply(200) : reply(400, "no such table");
  });
  std::vector<WindowSchema> windows = minute_window();
  windows.push_back({"hour", windows[0].columns});
  HttpSinkOptions options;
  options.url = peer.url();
  const auto out = make_http_sink(options, this_gateway(), windows);
  RowBatch both = rows_of_sensors(1, 40);
  both.windows.push_back(rows_of_sensors(1, 40).windows[0]);
  both.windows[1].input = 1;
  const Outcome outcome = out->deliver(both);
  ASSERT_THAT(outcome, IsRetryAfter(HasSubstr("refuses every row")));
  EXPECT_EQ(std::get<RetryAfter>(outcome).rows_stored, 40U);
}

TEST_F(HttpSinkTest, rows_of_one_series_may_all_be_refused) {
  ScriptedHttpServer peer([](const ScriptedRequest&) { return reply(422, "outside of the retention"); });
  std::vector<RowText> sent;
  for (std::int64_t i = 0; i < 40; ++i) sent.push_back({series("s1"), i * 60'000'000, 1, {1, 1}});
  EXPECT_THAT(sink(peer)->deliver(batch(1, sent)), IsDelivered(testing::SizeIs(40)));
}

TEST_F(HttpSinkTest, body_of_too_many_bytes_becomes_several_requests) {
  std::vector<int> taken;
  ScriptedHttpServer peer([&](const ScriptedRequest& request) {
    EXPECT_LE(request.body.size(), 2'048U);
    for (const int sensor : sensors_in(request.body)) taken.push_back(sensor);
    return reply(200);
  });
  HttpSinkOptions options;
  options.max_bytes = 2'048;
  ASSERT_THAT(sink(peer, options)->deliver(rows_of_sensors(1, 100)), IsDelivered());
  EXPECT_EQ(taken, all_but(100, [](int) { return false; }));
}

TEST_F(HttpSinkTest, request_without_an_answer_is_sent_again_as_it_was) {
  std::atomic<bool> fails = true;
  ScriptedHttpServer peer([&](const ScriptedRequest& request) {
    const std::vector<int> sensors = sensors_in(request.body);
    if (sensors.size() > 30) return reply(413);
    return fails && sensors.back() == 34 ? ScriptedReply{"", Then::reset} : reply(200);
  });
  const auto out = sink(peer);
  const RowBatch large = rows_of_sensors(1, 70);
  const Outcome outcome = out->deliver(large);
  ASSERT_THAT(outcome, IsRetryAfter(testing::_));
  const std::size_t stored = std::get<RetryAfter>(outcome).rows_stored;
  EXPECT_EQ(stored, 17U) << "of 70, 35, 17 and 18 rows";
  const std::string key = peer.requests().back().header("idempotency-key");
  out->close();
  fails = false;
  ASSERT_THAT(out->open(), IsDelivered());
  // More rows at once, or fewer, as a rate allows them: what is in doubt stays one request.
  ASSERT_THAT(out->deliver(slice(large, stored, 50)), IsDelivered());
  const std::vector<ScriptedRequest> requests = peer.requests();
  const auto has_key = [&](const ScriptedRequest& request) { return request.header("idempotency-key") == key; };
  EXPECT_GE(std::count_if(requests.begin(), requests.end(), has_key), 2);
}

TEST_F(HttpSinkTest, key_is_that_of_the_rows_in_every_process) {
  ScriptedHttpServer peer([](const ScriptedRequest&) { return reply(200); });
  const RowBatch rows = rows_of_sensors(1, 10);
  RowBatch other_run = rows;
  other_run.id.run = 2;
  ASSERT_THAT(sink(peer)->deliver(rows), IsDelivered());
  ASSERT_THAT(sink(peer)->deliver(rows), IsDelivered());  // a process that starts again
  ASSERT_THAT(sink(peer)->deliver(other_run), IsDelivered());
  ASSERT_THAT(sink(peer)->deliver(slice(rows, 1, 9)), IsDelivered());
  ASSERT_THAT(sink(peer, with(HttpEncoding::csv))->deliver(rows), IsDelivered());
  std::vector<std::string> keys;
  for (const ScriptedRequest& request : peer.requests()) keys.push_back(request.header("idempotency-key"));
  EXPECT_EQ(keys[0], keys[1]);
  keys.erase(keys.begin());
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

TEST_F(HttpSinkTest, servers_that_fail_or_lie_cost_a_try) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const struct {
    const char* what;
    ScriptedReply reply;
    const char* reason;
  } cases[] = {
      {"leaves", {"", Then::close}, "Empty reply"},
      {"resets", {"", Then::reset}, "reset"},
      {"leaves in the headers", {ok + "Content-Le", Then::close}, "breaks off"},
      {"leaves in the body", {ok + "Content-Length: 100\r\n\r\nstored", Then::close}, "closed"},
      {"resets in the body", {ok + "Content-Length: 100\r\n\r\nstored", Then::reset}, ""},
      {"breaks a chunk", {ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", Then::close}, ""},
      {"stalls", {"", Then::stall}, "timed out"},
      {"stalls in the body", {ok + "Content-Length: 100\r\n\r\nstored", Then::stall}, "timed out"},
      {"drips a header", {ok + "X: ", Then::drip, "x"}, "timed out"},
      {"drips a body", {ok + "Content-Length: 9999\r\n\r\n", Then::drip, "x"}, "timed out"},
      {"has headers without end", {ok, Then::repeat, "X: " + std::string(1000, 'x') + "\r\n"}, "headers"},
      {"has a header without end", {ok + "X: ", Then::repeat, std::string(1000, 'x')}, ""},
      {"says continue without end", {"", Then::repeat, "HTTP/1.1 100 Continue\r\n\r\n"}, ""},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.what);
    ScriptedHttpServer peer([&](const ScriptedRequest&) { return one.reply; });
    HttpSinkOptions options;
    options.timeout = Duration::milliseconds(700);
    const auto out = sink(peer, options);
    const Outcome outcome = out->deliver(rows_of_sensors(1, 3));
    ASSERT_THAT(outcome, IsRetryAfter(HasSubstr(one.reason)));
    EXPECT_FALSE(std::get<RetryAfter>(outcome).needs_person);
    EXPECT_EQ(std::get<RetryAfter>(outcome).rows_stored, 0U);
  }
}

TEST_F(HttpSinkTest, server_that_does_not_speak_http_needs_a_person) {
  ScriptedHttpServer peer([](const ScriptedRequest&) { return ScriptedReply{"SSH-2.0-OpenSSH_9.2\r\n", Then::close}; });
  const Outcome outcome = sink(peer)->deliver(rows_of_sensors(1, 3));
  ASSERT_THAT(outcome, IsRetryAfter(testing::_));
  EXPECT_TRUE(std::get<RetryAfter>(outcome).needs_person);
}

TEST_F(HttpSinkTest, body_of_an_answer_without_end_is_left_and_its_status_counts) {
  const std::string endless = " OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const ScriptedReply stored{"HTTP/1.1 200" + endless, Then::repeat, "1000\r\n" + std::string(4096, 'x') + "\r\n"};
  const ScriptedReply busy{"HTTP/1.1 503" + endless, Then::repeat, "1000\r\n" + std::string(4096, 'x') + "\r\n"};
  ScriptedHttpServer good([&](const ScriptedRequest&) { return stored; });
  EXPECT_THAT(sink(good)->deliver(rows_of_sensors(1, 3)), IsDelivered());
  ScriptedHttpServer bad([&](const ScriptedRequest&) { return busy; });
  const Outcome outcome = sink(bad)->deliver(rows_of_sensors(1, 3));
  ASSERT_THAT(outcome, IsRetryAfter(HasSubstr("HTTP 503: xxx")));
  EXPECT_LT(std::get<RetryAfter>(outcome).reason.size(), 500U);
}

TEST_F(HttpSinkTest, server_that_is_away_is_named) {
  HttpSinkOptions options;
  {
    ScriptedHttpServer peer([](const ScriptedRequest&) { return reply(200); });
    options.url = peer.url("/rows?key=s3cret");
  }
  const auto out = make_http_sink(options, this_gateway(), minute_window());
  EXPECT_THAT(
      out->deliver(rows_of_sensors(1, 1)),
      IsRetryAfter(AllOf(HasSubstr("http://127.0.0.1:"), HasSubstr("refused"), testing::Not(HasSubstr("s3cret")))));
}

TEST_F(HttpSinkTest, fault_is_that_of_the_connection) {
  HttpSinkOptions options;
  {
    ScriptedHttpServer peer([](const ScriptedRequest&) { return reply(500); });
    options.url = peer.url();
    EXPECT_EQ(http_fault(options), "");
    EXPECT_TRUE(peer.requests().empty());
  }
  EXPECT_THAT(http_fault(options), AllOf(HasSubstr("http://127.0.0.1:"), HasSubstr("cannot connect")));
}

TEST_F(HttpSinkTest, interrupt_ends_a_request_and_holds_until_close) {
  ScriptedHttpServer peer([](const ScriptedRequest&) { return ScriptedReply{"", Then::stall}; });
  HttpSinkOptions options;
  options.timeout = Duration::minutes(5);
  const auto out = sink(peer, options);
  std::thread interrupter([&] {
    EXPECT_TRUE(soon([&] { return !peer.requests().empty(); }));
    out->interrupt();
  });
  EXPECT_THAT(out->deliver(rows_of_sensors(1, 1)), IsRetryAfter(HasSubstr("interrupted")));
  interrupter.join();
  EXPECT_THAT(out->deliver(rows_of_sensors(1, 1)), IsRetryAfter(HasSubstr("interrupted")));
  EXPECT_EQ(peer.requests().size(), 1U) << "the second one was not sent";
  EXPECT_TRUE(soon([&] { return peer.left() == 1; }));
}

TEST_F(HttpSinkTest, connection_that_the_server_has_ended_costs_no_try) {
  int answered = 0;
  ScriptedHttpServer peer([&](const ScriptedRequest&) {
    ScriptedReply answer = reply(200);
    if (++answered == 1) answer.then = Then::close;
    return answer;
  });
  const auto out = sink(peer);
  ASSERT_THAT(out->deliver(rows_of_sensors(1, 1)), IsDelivered());
  EXPECT_THAT(out->deliver(rows_of_sensors(2, 1)), IsDelivered());
}

TEST_F(HttpSinkTest, environment_names_no_proxy_but_the_options_do) {
  ScriptedHttpServer peer([](const ScriptedRequest&) { return reply(200); });
  ScriptedHttpServer proxy([](const ScriptedRequest&) { return reply(200); });
  for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) {
    ::setenv(name, proxy.url("").c_str(), 1);
    EXPECT_THAT(sink(peer)->deliver(rows_of_sensors(1, 1)), IsDelivered());
    ::unsetenv(name);
  }
  EXPECT_EQ(peer.requests().size(), 3U);
  EXPECT_EQ(proxy.requests().size(), 0U);
  HttpSinkOptions options;
  options.url = "http://receiver.example/rows";
  options.proxy = proxy.url("");
  EXPECT_THAT(sink(peer, options)->deliver(rows_of_sensors(1, 1)), IsDelivered());
  EXPECT_EQ(proxy.requests().at(0).target, "http://receiver.example/rows");
}

}  // namespace
}  // namespace edgetide::test
