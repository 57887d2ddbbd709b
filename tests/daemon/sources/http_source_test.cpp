#include "daemon/sources/http_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "daemon/decoders/influx_decoder.h"
#include "daemon/service/event_loop.h"
#include "daemon/service/socket_address.h"
#include "daemon/sources/gunzip.h"
#include "daemon/sources/http_intake.h"
#include "daemon/sources/http_key_memory.h"
#include "daemon/sources/http_target.h"
#include "tests/fakes/mosquitto_server.h"
#include "tests/fakes/recording_host.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string here(int port) {
  return "127.0.0.1:" + std::to_string(port);
}

HttpSourceOptions http_options(int port) {
  HttpSourceOptions options;
  options.name = "test";
  options.listen = here(port);
  options.routes = {{.topic = "/ingest/{device}", .mapping = {}}, {.topic = "/lines", .mapping = {}}};
  options.routes[1].mapping.format = &influx_format;
  return options;
}

// A source that runs, and its peers.
struct Served {
  explicit Served(HttpSourceOptions options, std::vector<StoredPosition> known = {})
      : port(std::stoi(options.listen.substr(options.listen.rfind(':') + 1))) {
    host.know(std::move(known));
    source = make_http_source(std::move(options), SourceId{0}, host, loop);
    source->start();
  }
  int port;
  RecordingHost host;
  EventLoop loop{"sources"};
  std::unique_ptr<Source> source;
};

class HttpSender {
 public:
  explicit HttpSender(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{60, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const SocketAddress address = parse_inet(here(port));
    EXPECT_EQ(connect(socket_, address.get(), address.length), 0);
  }
  ~HttpSender() { close(socket_); }
  HttpSender(const HttpSender&) = delete;
  HttpSender& operator=(const HttpSender&) = delete;

  void send(std::string_view bytes) const { ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // Up to the end of one answer; empty: the other side has closed.
  std::string read_answer() const {
    std::string answer;
    std::size_t wanted = std::string::npos;
    for (char c = 0; answer.size() < wanted && recv(socket_, &c, 1, 0) == 1;) {
      answer += c;
      if (wanted != std::string::npos || !answer.ends_with("\r\n\r\n")) continue;
      const std::size_t at = answer.find("Content-Length: ");
      wanted = answer.size() + (at == std::string::npos ? 0 : std::stoul(answer.substr(at + 16)));
    }
    return answer;
  }

 private:
  int socket_;
};

std::string request(std::string_view path, std::string_view body, std::string_view headers = "",
                    std::string_view method = "POST") {
  return std::string(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: localhost\r\nContent-Length: ") +
         std::to_string(body.size()).append("\r\n").append(headers).append("\r\n").append(body);
}
std::string ask(int port, const std::string& bytes) {
  const HttpSender sender(port);
  sender.send(bytes);
  return sender.read_answer();
}
std::string post(int port, std::string_view path, std::string_view body, std::string_view headers = "") {
  return ask(port, request(path, body, headers));
}
int status_of(const std::string& answer) {
  return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
}
std::string body_of(const std::string& answer) {
  const std::size_t at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "" : answer.substr(at + 4);
}

std::string gzipped(std::string_view text) {
  std::string packed(text.size() + 1000, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

TEST(HttpSource, body_is_decoded_by_the_route_of_its_path_and_answered_with_counts) {
  Served served(http_options(free_port()));
  const std::string answer = post(served.port, "/ingest/kitchen", R"({"t":21.5,"h":40})");
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_EQ(body_of(answer), "{\"accepted\":2,\"refused\":0}\n");
  EXPECT_THAT(served.host.readings(),
              ElementsAre(RecordedReading{"kitchen", "t", 21.5}, RecordedReading{"kitchen", "h", 40}));
  EXPECT_EQ(status_of(ask(served.port, request("/ingest/room%201", R"({"t":1})", "", "PUT"))), 200);
  EXPECT_EQ(served.host.readings().back().sensor, "room 1");
  EXPECT_EQ(status_of(post(served.port, "/ingest/a+b", R"({"t":1})")), 200);
  EXPECT_EQ(served.host.readings().back().sensor, "a+b");
  EXPECT_EQ(status_of(post(served.port, "/+/a", R"({"t":1})")), 404);
}

TEST(HttpSource, what_is_partly_refused_is_answered_with_the_first_refusal) {
  Served served(http_options(free_port()));
  const std::string answer = post(served.port, "/lines", "m,id=a v=1\nm,id=b v=x\nm,id=c v=y\n");
  EXPECT_EQ(status_of(answer), 200);
  EXPECT_EQ(body_of(answer),
            "{\"accepted\":1,\"refused\":2,\"first_refusal\":{\"reason\":\"bad_number\",\"offset\":18,\"line\":2}}\n");
  const std::string all = post(served.port, "/lines", "m,id=b v=x\n");
  EXPECT_EQ(status_of(all), 400);
  EXPECT_THAT(body_of(all), HasSubstr("\"accepted\":0,\"refused\":1,\"first_refusal\":{\"reason\":\"bad_number\""));
}

TEST(HttpSource, what_is_not_taken_has_its_status_and_is_counted) {
  struct Case {
    std::string bytes;
    int status;
    const char* says;
    std::vector<Refusal> counted;
  };
  HttpSourceOptions options = http_options(free_port());
  options.max_body_bytes = 2000;
  options.influx = true;
  Served served(options);
  const std::string large(2001, ' ');
  const std::vector<Case> cases = {
      {request("/other", "{}"), 404, "no route", {Refusal::no_route}},
      {request("/ingest/a/b", "{}"), 404, "no route", {Refusal::no_route}},
      {request("/ingest/a%2Fb", "{}"), 400, "path", {Refusal::bad_id}},
      {request("/ingest/a%00", "{}"), 400, "path", {Refusal::bad_id}},
      {request("/ingest/%zz", "{}"), 400, "path", {Refusal::bad_id}},
      {request("/ingest/a", "", "", "GET"), 405, "Allow: POST, PUT", {}},
      {request("/ingest/a", "", "", "DELETE"), 405, "POST and PUT only", {}},
      {request("/ingest/a", large), 413, "at most 2000 bytes", {Refusal::too_large}},
      {request("/ingest/a", large, "Expect: 100-continue\r\n"), 413, "at most 2000 bytes", {Refusal::too_large}},
      {request("/ingest/a", "{}", "Content-Encoding: br\r\n"), 415, "gzip", {Refusal::unsupported}},
      {request("/api/v1/write", "x", "X-Prometheus-Remote-Write-Version: 0.1.0\r\n"),
       415,
       "Prometheus remote-write",
       {Refusal::unsupported}},
      {request("/ingest/a", "x", "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n"),
       415,
       "Prometheus remote-write",
       {Refusal::unsupported}},
      {request("/ingest/a", "{}", "Origin: http://attacker.example\r\n"), 403, "web pages", {Refusal::unauthorised}},
      {request("/ingest/a", "{}", "Idempotency-Key: " + std::string(256, 'k') + "\r\n"), 400, "1 to 255 bytes", {}},
      {request("/ingest/a", "{}", "Idempotency-Key:\r\n"), 400, "1 to 255 bytes", {}},
      {request("/ingest/a", "{}", "Idempotency-Key: \t \r\n"), 400, "1 to 255 bytes", {}},
      {"POST /ingest/a HTTP/1.1\r\nHost: attacker.example\r\nContent-Length: 2\r\n\r\n{}",
       403,
       "not known",
       {Refusal::unauthorised}},
      {request("/ping", "", "", "POST"), 405, "Allow: GET, HEAD", {}},
      {request("/api/v2/write?precision=d", "m v=1"), 400, "precision", {}},
  };
  std::vector<Refusal> counted;
  for (const Case& one : cases) {
    const std::string answer = ask(served.port, one.bytes);
    EXPECT_EQ(status_of(answer), one.status) << one.bytes;
    EXPECT_THAT(answer, HasSubstr(one.says)) << one.bytes;
    counted.insert(counted.end(), one.counted.begin(), one.counted.end());
    EXPECT_EQ(served.host.refusals(), counted) << one.bytes;
  }
  EXPECT_TRUE(served.host.readings().empty());
}

TEST(HttpSource, bodies_of_which_nothing_comes_are_counted) {
  Served served(http_options(free_port()));
  post(served.port, "/ingest/a", R"({"w":"only words"})");
  post(served.port, "/ingest/a", "{");
  post(served.port, "/lines", "# a comment");
  post(served.port, "/elsewhere", "1");
  EXPECT_TRUE(served.host.wait_for_without_reading({{"/ingest/{device} no_value", 1},
                                                    {"/ingest/{device} bad_syntax", 1},
                                                    {"/lines no_value", 1},
                                                    {" no_route", 1}}));
}

// A proxy in front of it may have judged by the other one.
TEST(HttpSource, header_that_may_stand_once_stands_once) {
  Served served(http_options(free_port()));
  const std::string line = "POST /ingest/a HTTP/1.1\r\n", host = "Host: localhost\r\n",
                    length = "Content-Length: 7\r\n";
  const std::string body = R"({"t":1})";
  const std::pair<const char*, std::string> cases[] = {
      {"Host", line + host + host + length},
      {"Host", line + host + "host: attacker.example\r\n" + length},
      {"Host", line + length},
      {"Content-Length", line + host + length + length},
      {"Authorization", line + host + length + "Authorization: Bearer a\r\nAUTHORIZATION: Bearer b\r\n"},
      {"Idempotency-Key", line + host + length + "Idempotency-Key: a\r\nIdempotency-key: b\r\n"},
      {"Content-Type", line + host + length + "Content-Type: text/csv\r\nContent-Type: application/json\r\n"},
      {"Content-Encoding", line + host + length + "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"}};
  for (const auto& [name, head] : cases) {
    const std::string answer = ask(served.port, head + "\r\n" + body);
    EXPECT_EQ(status_of(answer), 400) << head;
    EXPECT_THAT(answer, HasSubstr(name)) << head;
  }
  EXPECT_TRUE(served.host.readings().empty());
  EXPECT_EQ(status_of(ask(served.port, "POST /ingest/a HTTP/1.0\r\n" + length + "\r\n" + body)), 200);
}

// The path of a route, the key or the host could otherwise be another one than a proxy in front of it has seen.
TEST(HttpSource, request_that_could_be_read_in_two_ways_is_refused_and_ends_its_connection) {
  using namespace std::string_literals;
  HttpSourceOptions options = http_options(free_port());
  options.influx = true;
  Served served(options);
  const std::string host = "Host: localhost\r\n", length = "Content-Length: 7\r\n", body = R"({"t":1})";
  const std::string line = "POST /ingest/a HTTP/1.1\r\n";
  for (const std::string& bad :
       {"POST /ingest/a\0b HTTP/1.1\r\n"s + host + length, "POST /ingest/a\0 HTTP/1.1\r\n"s + host + length,
        "POST /write?precision=s\0x HTTP/1.1\r\n"s + host + length, line + " X: y\r\n" + host + length,
        line + "Host : evil.example\r\n" + host + length, line + host + length + "Content-Length: 0\r\n",
        line + host + length + "Transfer-Encoding: chunked\r\n", line + host + length + "Idempotency-Key: a\0b\r\n"s}) {
    const HttpSender sender(served.port);
    sender.send(bad + "\r\n" + body);
    EXPECT_EQ(status_of(sender.read_answer()), 400) << bad;
    sender.send(request("/ingest/a", body));
    EXPECT_EQ(sender.read_answer(), "") << bad;
  }
  EXPECT_TRUE(served.host.readings().empty());
  EXPECT_EQ(status_of(ask(served.port, line + host + length + "\r\n" + body)), 200);
}

TEST(HttpSource, body_in_chunks_beyond_the_limit_is_read_on_and_answered) {
  HttpSourceOptions options = http_options(free_port());
  options.max_body_bytes = 1000;
  Served served(options);
  const HttpSender sender(served.port);
  sender.send("POST /ingest/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 200; ++i) sender.send("400\r\n" + std::string(1024, ' ') + "\r\n");
  sender.send("0\r\n\r\n");
  EXPECT_EQ(status_of(sender.read_answer()), 413);
  sender.send(request("/ingest/a", R"({"t":1})"));
  EXPECT_EQ(status_of(sender.read_answer()), 200) << "the connection goes on";
}

TEST(HttpSource, token_is_needed_in_either_form) {
  HttpSourceOptions options = http_options(free_port());
  options.token = "s3cret";
  options.influx = true;
  Served served(options);
  for (const char* header :
       {"", "Authorization: Bearer s3cre\r\n", "Authorization: Bearer s3crets\r\n", "Authorization: Basic s3cret\r\n",
        "Authorization: s3cret\r\n", "Authorization: Token\r\n"}) {
    const std::string answer = post(served.port, "/ingest/a", R"({"t":1})", header);
    EXPECT_EQ(status_of(answer), 401) << header;
    EXPECT_THAT(answer, HasSubstr("WWW-Authenticate: Bearer")) << header;
  }
  EXPECT_TRUE(served.host.readings().empty());
  for (const char* header : {"Authorization: Bearer s3cret\r\n", "authorization: token s3cret\r\n",
                             "Authorization: Token s3cret\r\nOrigin: http://x.example\r\n"}) {
    EXPECT_EQ(status_of(post(served.port, "/ingest/a", R"({"t":1})", header)), 200) << header;
  }
  EXPECT_EQ(status_of(ask(served.port, request("/ping", "", "", "GET"))), 204) << "nothing of it is secret";
  EXPECT_THAT(post(served.port, "/api/v2/write", "m v=1"), HasSubstr("{\"code\":\"unauthorized\",\"message\":"));
}

TEST(HttpSource, answer_waits_until_the_readings_are_durable) {
  Served served(http_options(free_port()));
  served.host.need_sync();
  const HttpSender first(served.port), second(served.port);
  first.send(request("/ingest/a", R"({"t":1})"));
  second.send(request("/ingest/b", R"({"t":2})"));
  ASSERT_TRUE(served.host.wait_for_readings(2)) << "one that waits for the disk holds up no other";
  served.host.sync();
  EXPECT_EQ(status_of(first.read_answer()), 200);
  EXPECT_EQ(status_of(second.read_answer()), 200);
}

TEST(HttpSource, request_waits_while_intake_is_held_back_and_goes_on_in_order) {
  Served served(http_options(free_port()));
  served.host.hold(true);
  const HttpSender first(served.port), second(served.port);
  first.send(request("/ingest/a", R"({"t":1})"));
  ASSERT_TRUE(served.host.wait_for_offers(1));
  second.send(request("/ingest/b", R"({"t":2})"));
  served.host.hold(false);
  EXPECT_EQ(status_of(first.read_answer()), 200);
  EXPECT_EQ(status_of(second.read_answer()), 200);
  EXPECT_THAT(served.host.readings(), ElementsAre(RecordedReading{"a", "t", 1}, RecordedReading{"b", "t", 2}));
}

TEST(HttpSource, request_that_waited_in_vain_may_come_again_later) {
  Served served(http_options(free_port()));
  served.host.hold(true);
  const auto began = std::chrono::steady_clock::now();
  const std::string answer = post(served.port, "/ingest/a", R"({"t":1})", "Idempotency-Key: 1\r\n");
  EXPECT_EQ(status_of(answer), 503);
  EXPECT_GE(std::chrono::steady_clock::now() - began, HttpIntake::busy_wait);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 4 * HttpIntake::busy_wait);
  EXPECT_THAT(answer, HasSubstr("Retry-After: 5"));
  served.host.hold(false);
  EXPECT_TRUE(served.host.readings().empty());
  EXPECT_THAT(post(served.port, "/ingest/a", R"({"t":1})", "Idempotency-Key: 1\r\n"), Not(HasSubstr("Replayed")));
  EXPECT_EQ(served.host.readings().size(), 1U);
}

TEST(HttpSource, daemon_that_stops_answers_nothing_that_it_did_not_take) {
  Served served(http_options(free_port()));
  served.host.accept_from_now_on(false);
  EXPECT_EQ(status_of(post(served.port, "/ingest/a", R"({"t":1})")), 503);
  served.host.accept_from_now_on(true);
  served.host.need_sync();
  const HttpSender sender(served.port);
  sender.send(request("/ingest/a", R"({"t":1})"));
  ASSERT_TRUE(served.host.wait_for_readings(1));
  served.source->stop();
  EXPECT_EQ(sender.read_answer(), "");
}

TEST(HttpSource, more_requests_at_once_than_the_limit_are_sent_away) {
  HttpSourceOptions options = http_options(free_port());
  options.max_requests = 1;
  Served served(options);
  served.host.hold(true);
  const HttpSender first(served.port);
  first.send(request("/ingest/a", R"({"t":1})"));
  ASSERT_TRUE(served.host.wait_for_offers(1));
  const std::string answer = post(served.port, "/ingest/a", R"({"t":1})");
  EXPECT_EQ(status_of(answer), 503);
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
  served.host.hold(false);
  EXPECT_EQ(status_of(first.read_answer()), 200);
}

TEST(HttpSource, peer_with_as_many_connections_as_it_may_have_gets_no_more) {
  HttpSourceOptions options = http_options(free_port());
  options.max_connections_per_peer = 2;
  Served served(options);
  const HttpSender first(served.port), second(served.port);
  for (const HttpSender* one : {&first, &second}) {
    one->send(request("/ingest/a", R"({"t":1})"));
    EXPECT_EQ(status_of(one->read_answer()), 200);
  }
  EXPECT_EQ(HttpSender(served.port).read_answer(), "");
  EXPECT_TRUE(served.host.wait_until([](const RecordingHost& host) { return host.notice_count() == 1; }));
  EXPECT_THAT(served.host.turned_away(), ElementsAre(0U, 1U, 0U, 0U));
}

TEST(HttpSource, slow_peer_is_closed_and_costs_no_other) {
  HttpSourceOptions options = http_options(free_port());
  options.request_timeout = Duration::seconds(1);
  Served served(options);
  const HttpSender head(served.port), body(served.port);
  head.send("POST /ingest/a HTT");
  body.send("POST /ingest/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_EQ(status_of(post(served.port, "/ingest/a", R"({"t":1})")), 200);
  EXPECT_EQ(head.read_answer(), "");
  EXPECT_EQ(body.read_answer(), "");
}

TEST(HttpSource, key_that_comes_again_is_answered_as_before_and_not_counted) {
  Served served(http_options(free_port()));
  const std::string key = "Idempotency-Key: 7\r\n";
  const std::string lines = "m,id=a v=1\nm,id=b v=x\n";
  const std::string first = post(served.port, "/lines", lines, key);
  const std::string again = post(served.port, "/lines", lines, key);
  EXPECT_EQ(body_of(again), body_of(first));
  EXPECT_THAT(again, HasSubstr("Idempotent-Replayed: true"));
  EXPECT_THAT(first, Not(HasSubstr("Idempotent-Replayed")));
  EXPECT_EQ(served.host.readings().size(), 1U);
  EXPECT_EQ(status_of(post(served.port, "/lines", "m,id=a v=2\n", key)), 422) << "another body";
  EXPECT_EQ(served.host.readings().size(), 1U);
  EXPECT_EQ(status_of(post(served.port, "/ingest/a", R"({"t":1})", key)), 200) << "a key belongs to its path";
  EXPECT_EQ(served.host.readings().size(), 2U);
}

TEST(HttpSource, key_of_a_request_that_is_under_way_is_a_conflict) {
  Served served(http_options(free_port()));
  served.host.hold(true);
  const HttpSender first(served.port);
  first.send(request("/ingest/a", R"({"t":1})", "Idempotency-Key: 7\r\n"));
  ASSERT_TRUE(served.host.wait_for_offers(1));
  EXPECT_EQ(status_of(post(served.port, "/ingest/a", R"({"t":1})", "Idempotency-Key: 7\r\n")), 409);
  served.host.hold(false);
  EXPECT_EQ(status_of(first.read_answer()), 200);
  EXPECT_EQ(served.host.readings().size(), 1U);
}

TEST(HttpSource, key_that_comes_again_before_its_readings_are_durable_waits_too) {
  Served served(http_options(free_port()));
  served.host.need_sync();
  const std::string bytes = request("/ingest/a", R"({"t":1})", "Idempotency-Key: 7\r\n");
  const HttpSender second(served.port);
  {
    const HttpSender first(served.port);
    first.send(bytes);
    ASSERT_TRUE(served.host.wait_for_readings(1));
  }
  second.send(bytes + request("/ingest/b", R"({"t":2})"));
  EXPECT_FALSE(served.host.readings_within(2, std::chrono::milliseconds(100))) << "the first of the two waits";
  served.host.sync();
  EXPECT_THAT(second.read_answer(), HasSubstr("Idempotent-Replayed: true"));
  ASSERT_TRUE(served.host.wait_for_readings(2));
}

TEST(HttpKeyMemory, knows_after_a_restart_what_was_kept_as_positions) {
  HttpKeyMemory memory;
  std::map<std::string, std::string> kept;
  const auto entry = [](int i) {
    return HttpKeyMemory::Entry{.key = HttpKeyMemory::key_of("/a", std::to_string(i)),
                                .body = 7,
                                .at = Duration::microseconds(i),
                                .outcome = {.accepted = static_cast<std::uint32_t>(i),
                                            .refused = 1,
                                            .reason = Refusal::bad_number,
                                            .offset = 3,
                                            .line = 2}};
  };
  const int more = static_cast<int>(max_message_keys) + 10;
  for (int i = 0; i < more; ++i) {
    const Position position = memory.position_of(entry(i));
    kept[std::string(position.partition)] = position.bytes;
    memory.add(entry(i));
  }
  EXPECT_EQ(kept.size(), max_message_keys);
  HttpKeyMemory restored;
  for (const auto& [partition, bytes] : kept) restored.restore(partition, bytes, {});
  for (HttpKeyMemory* const one : {&memory, &restored}) {
    EXPECT_EQ(one->find(entry(9).key, Duration()), nullptr) << "the oldest are forgotten";
    for (int i = 10; i < more; ++i) {
      const HttpKeyMemory::Entry* const known = one->find(entry(i).key, Duration());
      ASSERT_NE(known, nullptr) << i;
      EXPECT_EQ(known->outcome, entry(i).outcome);
      EXPECT_EQ(known->body, 7U);
    }
    const Duration later = Duration::microseconds(more) + HttpKeyMemory::remembered_for;
    EXPECT_EQ(one->find(entry(more - 1).key, later), nullptr) << "a day later";
  }
  EXPECT_EQ(restored.position_of(entry(more)).partition, memory.position_of(entry(more)).partition);
}

TEST(HttpKeyMemory, key_that_a_former_version_kept_with_the_wall_time_is_as_old_as_that_says) {
  HttpKeyMemory other;
  const HttpKeyMemory::Entry entry{.key = HttpKeyMemory::key_of("/a", "k"), .at = Duration::hours(1000)};
  const Position position = other.position_of(entry);
  std::string former(position.bytes);
  former[0] = 1;  // so that the time in it is that of the wall clock
  const Moment an_hour_later{Timestamp() + Duration::hours(1001), Duration::hours(5)};
  HttpKeyMemory memory;
  memory.restore(position.partition, former, an_hour_later);
  EXPECT_NE(memory.find(entry.key, Duration::hours(4 + 24)), nullptr);
  EXPECT_EQ(memory.find(entry.key, Duration::hours(4 + 25)), nullptr);
  HttpKeyMemory before_the_clock_is_set;
  before_the_clock_is_set.restore(position.partition, former, {Timestamp(), Duration::hours(5)});
  EXPECT_NE(before_the_clock_is_set.find(entry.key, Duration::hours(5 + 24)), nullptr);
}

TEST(HttpKeyMemory, ignores_positions_that_are_not_its_own) {
  HttpKeyMemory memory;
  HttpKeyMemory other;
  const HttpKeyMemory::Entry entry{.key = HttpKeyMemory::key_of("/a", "k")};
  const Position position = other.position_of(entry);
  memory.restore("topic", position.bytes, {});
  for (std::size_t size = 0; size < position.bytes.size(); ++size) {
    memory.restore(position.partition, position.bytes.substr(0, size), {});
  }
  EXPECT_EQ(memory.find(entry.key, Duration()), nullptr);
  memory.restore(position.partition, position.bytes, {});
  EXPECT_NE(memory.find(entry.key, Duration()), nullptr);
}

TEST(HttpSource, influx_paths_take_line_protocol_and_answer_as_influxdb_does) {
  HttpSourceOptions options = http_options(free_port());
  options.routes.clear();
  options.influx = true;
  Served served(options);
  EXPECT_EQ(status_of(post(served.port, "/api/v2/write?org=o&bucket=b&precision=s", "m,host=a v=1 1700000000")), 204);
  EXPECT_EQ(status_of(post(served.port, "/write?db=d&precision=m", "m,host=a v=1 28333333")), 204);
  const std::string partial = post(served.port, "/api/v2/write", "m v=1\nm v=x\n");
  EXPECT_EQ(status_of(partial), 400);
  EXPECT_EQ(body_of(partial),
            "{\"code\":\"invalid\",\"message\":\"partial write: 1 refused, 1 accepted; the first: "
            "bad_number at byte 8, line 2\"}\n");
  EXPECT_THAT(post(served.port, "/write", "m v=x\n"), HasSubstr("{\"error\":\"nothing was written: 1 refused"));
  EXPECT_EQ(served.host.readings().size(), 3U);
  EXPECT_EQ(status_of(ask(served.port, request("/health", "", "", "GET"))), 200);
  EXPECT_THAT(ask(served.port, request("/ping", "", "", "GET")), HasSubstr("X-Influxdb-Version: "));
}

TEST(HttpSource, as_many_lines_as_writers_of_influxdb_send_at_once_are_one_batch) {
  HttpSourceOptions options = http_options(free_port());
  options.influx = true;
  Served served(options);
  std::string lines;
  for (int i = 0; i < 10'000; ++i)
    lines += "m,host=h" + std::to_string(i % 50) + " a=1,b=2 " + std::to_string(i) + '\n';
  EXPECT_EQ(status_of(post(served.port, "/api/v2/write", lines)), 204);
  EXPECT_EQ(served.host.readings().size(), 20'000U);
  lines += "m a=1\n";
  EXPECT_EQ(status_of(post(served.port, "/api/v2/write", lines)), 413);
  EXPECT_EQ(served.host.readings().size(), 20'000U);
}

TEST(HttpSource, gzip_is_inflated_within_the_limit) {
  HttpSourceOptions options = http_options(free_port());
  options.max_body_bytes = 10'000;
  Served served(options);
  const std::string header = "Content-Encoding: gzip\r\n";
  EXPECT_EQ(status_of(post(served.port, "/ingest/a", gzipped(R"({"t":1})"), header)), 200);
  EXPECT_EQ(status_of(post(served.port, "/ingest/a", gzipped(std::string(10'001, ' ')), header)), 413);
  EXPECT_EQ(status_of(post(served.port, "/ingest/a", gzipped(std::string(5'000'000, ' ')), header)), 413);
  EXPECT_EQ(status_of(post(served.port, "/ingest/a", R"({"t":1})", header)), 400);
  EXPECT_EQ(status_of(post(served.port, "/ingest/a", gzipped(R"({"t":1})").substr(0, 15), header)), 400);
  EXPECT_EQ(served.host.readings().size(), 1U);
}

TEST(Gunzip, takes_whole_members_and_nothing_else) {
  std::string out;
  const std::string one = gzipped("one "), two = gzipped("two");
  EXPECT_EQ(gunzip(one + two, 7, out), Gunzipped::whole);
  EXPECT_EQ(out, "one two");
  EXPECT_EQ(gunzip(one + two, 6, out), Gunzipped::too_large);
  for (const std::string& bad :
       {std::string(), std::string("x"), one + "x", one.substr(0, one.size() - 1), one.substr(1)}) {
    EXPECT_EQ(gunzip(bad, 100, out), Gunzipped::bad) << testing::PrintToString(bad);
  }
}

TEST(HttpTarget, paths_are_topics_once_their_escapes_are_read) {
  EXPECT_EQ(topic_of_path("/a%20b/%c3%a9"), "/a b/\xC3\xA9");
  EXPECT_EQ(topic_of_path("/a+b/%23"), "/a+b/#");
  for (const char* bad : {"", "a", "/%", "/%2", "/%2f", "/%00", "/%0a", "/%g0"}) {
    EXPECT_EQ(topic_of_path(bad), std::nullopt) << bad;
  }
}

TEST(HttpSource, configuration_that_everyone_could_use_is_an_error) {
  const auto make = [](const auto& change) {
    HttpSourceOptions options = http_options(8186);
    options.listen = "0.0.0.0:8186";
    change(options);
    RecordingHost host;
    EventLoop loop("sources");
    make_http_source(options, SourceId{0}, host, loop);
  };
  EXPECT_THROW(make([](HttpSourceOptions&) {}), std::invalid_argument);
  EXPECT_THROW(make([](HttpSourceOptions& o) { o.token = "t"; }), std::invalid_argument);
  EXPECT_THROW(make([](HttpSourceOptions& o) { o.token = "t", o.allow_plaintext = true; }), std::invalid_argument);
  EXPECT_THROW(make([](HttpSourceOptions& o) { o.allow = {"10.0.0.0/8"}; }), std::invalid_argument);
  EXPECT_THROW(make([](HttpSourceOptions& o) { o.cert_file = "c", o.key_file = "k"; }), std::invalid_argument);
  EXPECT_NO_THROW(make([](HttpSourceOptions& o) { o.allow = {"10.0.0.0/8"}, o.allow_plaintext = true; }));
  EXPECT_NO_THROW(make([](HttpSourceOptions& o) { o.cert_file = "c", o.key_file = "k", o.token = "t"; }));
}

TEST(HttpSource, address_in_use_is_an_error_of_start_and_it_starts_later) {
  const int port = free_port();
  auto first = std::make_unique<Served>(http_options(port));
  RecordingHost host;
  EventLoop loop("sources");
  const auto second = make_http_source(http_options(port), SourceId{0}, host, loop);
  EXPECT_THROW(second->start(), std::runtime_error);
  second->stop();
  first.reset();
  second->start();
  EXPECT_EQ(status_of(post(port, "/ingest/a", R"({"t":1})")), 200);
}

}  // namespace
}  // namespace edgetide::test
