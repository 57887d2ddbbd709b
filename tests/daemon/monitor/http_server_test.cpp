#include "daemon/monitor/http_server.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "daemon/monitor/control_server.h"
#include "daemon/monitor/web_routes.h"
#include "daemon/service/host_check.h"
#include "daemon/service/socket_address.h"
#include "tests/daemon/monitor/monitor_fixture.h"
#include "tests/fakes/few_descriptors.h"
#include "tests/fakes/mosquitto_server.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {
namespace {

using namespace std::chrono_literals;

std::chrono::nanoseconds cpu_of_process() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// A server on a thread, as the monitor has it.
class ServedHttp {
 public:
  explicit ServedHttp(
      HttpServerOptions options, HttpRoutes routes = [](std::string_view) { return HttpAnswer{.body = "here\n"}; })
      : server_(options, std::move(routes)), thread_([this] { run(); }) {}
  ~ServedHttp() {
    stopping_ = true;
    thread_.join();
  }

 private:
  void run() {
    while (!stopping_) {
      const auto due = server_.due_in();
      pollfd ready{server_.descriptor(), POLLIN, 0};
      poll(&ready, 1, due ? static_cast<int>(std::min<std::int64_t>(due->count() / 1000 + 1, 20)) : 20);
      server_.serve();
    }
  }

  HttpServer server_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

class HttpPeer {
 public:
  explicit HttpPeer(int port, int receive_buffer = 0) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{30, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0) setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const SocketAddress address = parse_inet("127.0.0.1:" + std::to_string(port));
    EXPECT_EQ(connect(socket_, address.get(), address.length), 0);
  }
  ~HttpPeer() { close(socket_); }
  HttpPeer(const HttpPeer&) = delete;
  HttpPeer& operator=(const HttpPeer&) = delete;

  bool send(std::string_view bytes) const {
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  std::string read_all() const {
    std::string all;
    char bytes[65536];
    for (ssize_t got; (got = recv(socket_, bytes, sizeof bytes, 0)) > 0;)
      all.append(bytes, static_cast<std::size_t>(got));
    return all;
  }

 private:
  int socket_;
};

int status_of(const std::string& answer) {
  return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
}
std::string get(int port, const std::string& path, const std::string& headers = "Host: localhost\r\n") {
  const HttpPeer peer(port);
  EXPECT_TRUE(peer.send("GET " + path + " HTTP/1.1\r\n" + headers + "\r\n"));
  return peer.read_all();
}

HttpServerOptions on_port(int port) {
  return {.listen = "127.0.0.1:" + std::to_string(port)};
}

TEST(HttpServer, answers_to_known_names_and_to_addresses_and_to_no_other_name) {
  const std::vector<std::string> names = {"Gateway.example"};
  const auto answers = [&](std::string_view host, const char* listen) {
    return answers_to_host(host, parse_inet(listen), names);
  };
  for (const char* host : {"localhost", "LocalHost:9465", "127.0.0.1", "127.0.0.1:1", "127.9.8.7:9465", "[::1]",
                           "[::1]:5", "gateway.example", "GATEWAY.example:80"}) {
    EXPECT_TRUE(answers(host, "127.0.0.1:9465")) << host;
  }
  for (const char* host : {"127.attacker.example",
                           "127.0.0.1.attacker.example",
                           "localhost.attacker.example",
                           "attacker.example",
                           "",
                           "localhost:",
                           "localhost:99999",
                           "localhost:1:2",
                           "localhost@attacker.example",
                           "127.1",
                           "2130706433",
                           "0x7f000001",
                           "::1",
                           "[::1",
                           "[::1]x",
                           "[localhost]",
                           "gateway.example.",
                           "x.gateway.example",
                           "10.0.0.7",
                           "0.0.0.0",
                           " localhost",
                           "localhost, attacker.example",
                           "127.0.0.1/x",
                           "[fe80::1%25lo]"}) {
    EXPECT_FALSE(answers(host, "127.0.0.1:9465")) << host;
  }
  EXPECT_TRUE(answers("10.0.0.7:9465", "10.0.0.7:9465"));
  EXPECT_FALSE(answers("10.0.0.8:9465", "10.0.0.7:9465"));
  EXPECT_TRUE(answers("10.0.0.8:9465", "0.0.0.0:9465"));
  EXPECT_TRUE(answers("[fd00::7]:9465", "[::]:9465"));
  EXPECT_TRUE(answers("10.0.0.8", "[::]:9465"));
  EXPECT_TRUE(answers("[fd00::7]", "[fd00:0::7]:9465"));
  EXPECT_FALSE(answers("[fd00::8]", "[fd00::7]:9465"));
  EXPECT_FALSE(answers("127.attacker.example", "0.0.0.0:9465"));
}

TEST(HttpServer, request_for_another_host_is_refused) {
  const int port = free_port();
  HttpServerOptions options = on_port(port);
  options.hosts = {"gateway.example"};
  const ServedHttp server(options);
  EXPECT_EQ(status_of(get(port, "/")), 200);
  EXPECT_EQ(status_of(get(port, "/", "Host: gateway.example:8443\r\n")), 200);
  EXPECT_EQ(status_of(get(port, "/", "Host: 127.attacker.example\r\n")), 403);
}

TEST(HttpServer, request_with_two_hosts_or_none_is_bad) {
  const int port = free_port();
  const ServedHttp server(on_port(port));
  EXPECT_EQ(status_of(get(port, "/", "Host: localhost\r\nHost: attacker.example\r\n")), 400);
  EXPECT_EQ(status_of(get(port, "/", "")), 400);
  const std::string host = "Host: localhost\r\n";
  EXPECT_EQ(status_of(get(port, "/", host + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n")), 400);
  const HttpPeer older(port);
  ASSERT_TRUE(older.send("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(status_of(older.read_all()), 200);
}

TEST(HttpServer, header_with_a_nul_byte_or_in_several_lines_is_bad_wherever_it_stands) {
  using namespace std::string_literals;
  const int port = free_port();
  HttpServerOptions options = on_port(port);
  options.token = "s3cret";
  const ServedHttp server(options);
  const std::string host = "Host: 127.0.0.1\r\n", token = "Authorization: Bearer s3cret\r\n";
  for (const std::string& good :
       {host + token, token + host, host + "X:\r\nY: \r\n" + token, "Host: 127.0.0.1\n" + token,
        host + "Authorization: Bearer s3cret\n", "Cookie: a=b; c=d\r\n" + host + token}) {
    EXPECT_EQ(status_of(get(port, "/", good)), 200) << good;
  }
  for (const std::string& bad :
       {"Host: 127.0.0.1\0.evil.example\r\n"s + token, token + "Host: 127.0.0.1\0.evil.example\r\n"s,
        "Host: 127.0.0.1\0\0\0evil\r\n"s + token, token + "Host: 127.0.0.1\0\0\0\0\0\r\n"s,
        host + "Authorization: Bearer s3cret\0x\r\n"s, "Authorization: Bearer s3cret\0x\r\n"s + host,
        "X: \0\r\nEvil: 1\r\n"s + host + token, "Host: 127.0.0.1\r\n .evil.example\r\n" + token,
        token + "Host: 127.0.0.1\r\n .evil.example\r\n", host + token + "Ho\0st: evil.example\r\n"s}) {
    EXPECT_EQ(status_of(get(port, "/", bad)), 400) << bad;
  }
}

std::string ask(int port, const std::string& bytes) {
  const HttpPeer peer(port);
  EXPECT_TRUE(peer.send(bytes));
  return peer.read_all();
}

TEST(HttpServer, request_line_with_a_nul_byte_is_bad_wherever_it_stands) {
  using namespace std::string_literals;
  const int port = free_port();
  const ServedHttp server(on_port(port),
                          [](std::string_view path) { return HttpAnswer{.status = path == "/metrics" ? 200U : 404U}; });
  const std::string host = "Host: localhost\r\n\r\n";
  for (const char* target : {"/metrics", "/metrics?", "/metrics?a", "/metrics?a=b&c=%20d&&e=", "/metrics?&"}) {
    EXPECT_EQ(status_of(get(port, target)), 200) << target;
  }
  EXPECT_EQ(status_of(ask(port, "GET   /metrics HTTP/1.1\r\n" + host)), 200);
  EXPECT_EQ(status_of(ask(port, "GET /metrics HTTP/1.1\n" + host)), 200);
  EXPECT_EQ(status_of(ask(port, "GET /metrics HTTP/1.0\r\n\r\n")), 200);
  EXPECT_EQ(status_of(ask(port, "GET /metrics  HTTP/1.1\r\n" + host)), 404) << "the path ends in a blank";
  for (const std::string& bad :
       {"GET /metrics\0 HTTP/1.1\r\n"s, "GET /metrics\0.evil HTTP/1.1\r\n"s, "GET /metrics?a=b\0 HTTP/1.1\r\n"s,
        "GET /metrics?a\0=b HTTP/1.1\r\n"s, "GET /metrics?\0 HTTP/1.1\r\n"s, "GET /metrics\0?a=b HTTP/1.1\r\n"s,
        "GET \0/metrics HTTP/1.1\r\n"s, "GET\0x /metrics HTTP/1.1\r\n"s, "GET\0 /metrics HTTP/1.1\r\n"s,
        "GET /metrics HTTP/1.1\0\r\n"s, "GET /metrics\0 \0 HTTP/1.1\r\n"s}) {
    EXPECT_EQ(status_of(ask(port, bad + host)), 400) << bad;
  }
}

TEST(HttpServer, line_directly_behind_the_request_line_is_not_dropped) {
  using namespace std::string_literals;
  const int port = free_port();
  HttpServerOptions options = on_port(port);
  options.token = "s3cret";
  const ServedHttp server(options);
  const std::string host = "Host: 127.0.0.1\r\n", token = "Authorization: Bearer s3cret\r\n";
  for (const std::string& bad :
       {" X: y\r\n" + host + token, "\tHost: evil.example\r\n" + host + token, " Host: evil.example\r\n" + host + token,
        "Host : evil.example\r\n" + host + token, host + token + "Host\t: evil.example\r\n",
        host + token + ": nameless\r\n", host + token + "a b: c\r\n", host + token + "a\x7f: c\r\n",
        "\0Host: evil.example\r\n"s + host + token, "\0\r\n"s + host + token, host + token + "\0X: y\r\n"s}) {
    EXPECT_EQ(status_of(get(port, "/", bad)), 400) << bad;
  }
}

TEST(HttpServer, request_with_two_lengths_is_bad_and_ends_its_connection) {
  const int port = free_port();
  const ServedHttp server(on_port(port));
  const std::string next = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const std::string lengths :
       {"Content-Length: 0\r\nContent-Length: 37\r\n", "Content-Length: 37\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"}) {
    const std::string answer = ask(port, "GET / HTTP/1.1\r\nHost: localhost\r\n" + lengths + "\r\n0\r\n\r\n" + next);
    EXPECT_EQ(status_of(answer), 400) << lengths;
    EXPECT_EQ(answer.find("HTTP/1.1", 1), answer.npos) << answer;
  }
}

TEST(HttpServer, slow_requests_and_slow_readers_end_at_the_deadline) {
  const int port = free_port();
  const ServedHttp server(on_port(port),
                          [](std::string_view) { return HttpAnswer{.body = std::string(16 << 20, 'x')}; });
  const auto began = std::chrono::steady_clock::now();
  const HttpPeer slow(port), reader(port, 4096);
  ASSERT_TRUE(reader.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  ASSERT_TRUE(slow.send("GET / HTTP/1.1\r\n"));
  bool open = true;
  for (int i = 0; open && i < 80; ++i) {  // a byte now and then
    std::this_thread::sleep_for(100ms);
    open = slow.send(i % 2 == 0 ? "X" : "\r");
  }
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_FALSE(open);
  EXPECT_GT(took, 4500ms);
  EXPECT_LT(took, 7s);
  EXPECT_LT(reader.read_all().size(), std::size_t{16} << 20);
}

// More than libmicrohttpd has room for: it would then look at the connection again and again.
TEST(HttpServer, body_that_cannot_go_on_costs_no_processor_time) {
  const int port = free_port();
  const ServedHttp server(on_port(port));
  const std::string head = "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& chunk : {"1;" + std::string(100'000, 'x'), std::string(100'000, '0')}) {
    const HttpPeer stuck(port);
    ASSERT_TRUE(stuck.send(head + chunk));
    std::this_thread::sleep_for(100ms);
    const auto before = cpu_of_process();
    const auto end = std::chrono::steady_clock::now() + 1s;
    EXPECT_EQ(status_of(get(port, "/healthz")), 200);
    std::this_thread::sleep_until(end);
    EXPECT_LT(cpu_of_process() - before, 100ms);
  }
}

TEST(HttpServer, many_slow_requests_take_no_answer_away) {
  const int port = free_port();
  const ServedHttp server(on_port(port));
  std::vector<std::unique_ptr<HttpPeer>> slow;
  for (int i = 0; i < 300; ++i) {
    slow.push_back(std::make_unique<HttpPeer>(port));
    ASSERT_TRUE(slow.back()->send("GET / HTTP/1.1\r\nHo"));
    if (i % 20 != 0) continue;
    const auto began = std::chrono::steady_clock::now();
    ASSERT_EQ(status_of(get(port, "/healthz")), 200) << i;
    EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  }
}

TEST(HttpServer, token_is_asked_for_and_compared_whole) {
  const int port = free_port();
  HttpServerOptions options = on_port(port);
  options.token = "s3cret";
  options.any_host = true;
  const ServedHttp server(options);
  const auto status = [&](const std::string& authorization) {
    return status_of(get(port, "/", "Host: elsewhere.example\r\n" + authorization));
  };
  EXPECT_EQ(status("Authorization: Bearer s3cret\r\n"), 200);
  EXPECT_EQ(status("authorization: bearer s3cret\r\n"), 200);
  for (const char* wrong : {"", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n",
                            "Authorization: Bearer s3cre\r\n", "Authorization: Bearer s3cret3\r\n",
                            "Authorization: Bearer s3crets3cret\r\n", "Authorization: Basic s3cret\r\n",
                            "Authorization: s3cret\r\n", "Authorization: Bearer S3CRET\r\n", "X: Bearer s3cret\r\n"}) {
    EXPECT_EQ(status(wrong), 401) << wrong;
  }
}

std::string output_of(const std::string& command) {
  std::string all;
  FILE* const pipe = popen(command.c_str(), "r");
  for (int c; (c = fgetc(pipe)) != EOF;) all += static_cast<char>(c);
  pclose(pipe);
  return all;
}

TEST(HttpServer, speaks_tls_only_with_a_certificate_and_does_not_start_with_a_bad_one) {
  const TemporaryFolder folder;
  const std::string key = folder / "key.pem", certificate = folder / "cert.pem";
  output_of(
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
      "-addext subjectAltName=DNS:localhost -keyout " +
      key + " -out " + certificate + " 2>&1");
  const int port = free_port();
  HttpServerOptions options = on_port(port);
  options.cert_file = certificate;
  options.key_file = key;
  {
    const ServedHttp server(options);
    const std::string url = "https://localhost:" + std::to_string(port) + "/metrics";
    const std::string curl = "curl -sS --max-time 20 --cacert " + certificate + " -4 ";
    EXPECT_EQ(output_of(curl + url + " 2>&1"), "here\n");
    EXPECT_NE(output_of(curl + "--tlsv1.0 --tls-max 1.1 " + url + " 2>&1"), "here\n");
    EXPECT_EQ(status_of(get(port, "/")), 0) << "no plain text";
    const HttpPeer silent(port);  // no handshake
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(silent.read_all(), "");
    EXPECT_LT(std::chrono::steady_clock::now() - began, 7s);
  }
  options.key_file = folder / "fifo";
  ASSERT_EQ(mkfifo(options.key_file.c_str(), 0600), 0);
  EXPECT_THROW(HttpServer(options, {}), std::runtime_error) << "and does not wait for a writer";
  options.key_file = folder / "nothing.pem";
  EXPECT_THROW(HttpServer(options, {}), std::runtime_error);
  std::ofstream(folder / "bad.pem") << "not a key";
  options.key_file = folder / "bad.pem";
  EXPECT_THROW(HttpServer(options, {}), std::runtime_error);
}

TEST(HttpServer, weak_certificate_is_refused_with_the_reason) {
  struct Case {
    const char* key;
    const char* hash;
    const char* reason;  // empty: it is taken
  };
  for (const Case& c : {Case{"rsa:2048", "sha256", ""},
                        {"rsa:1024", "sha256", "RSA key of 1024 bits is too weak"},
                        {"rsa:1536", "sha256", "RSA key of 1536 bits is too weak"},
                        {"rsa:2048", "sha1", "RSA-SHA1"}}) {
    const TemporaryFolder folder;
    const std::string at = std::string(folder / "");
    output_of("cd " + at +
              " && openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=ca -keyout ca.key -out ca.pem 2>&1; " +
              "openssl req -newkey " + c.key + " -nodes -subj /CN=localhost -keyout key.pem -out request.pem 2>&1; " +
              "openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -" + c.hash +
              " -out cert.pem 2>&1");
    HttpServerOptions options = on_port(free_port());
    options.cert_file = folder / "cert.pem";
    options.key_file = folder / "key.pem";
    std::string error;
    try {
      const HttpServer server(options, {});
    } catch (const std::runtime_error& refused) {
      error = refused.what();
    }
    EXPECT_EQ(error.empty(), *c.reason == 0) << c.key << ' ' << c.hash << ' ' << error;
    EXPECT_NE(error.find(c.reason), error.npos) << error;
  }
}

TEST(HttpServer, rests_without_descriptors_and_answers_afterwards) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan takes an object that it cannot read, for lack of a descriptor, for a broken one";
#endif
  const int port = free_port();
  const ServedHttp server(on_port(port));
  EXPECT_EQ(status_of(get(port, "/")), 200);
  const int own = socket(AF_INET, SOCK_STREAM, 0);
  {
    const FewDescriptors none(0);
    const SocketAddress address = parse_inet("127.0.0.1:" + std::to_string(port));
    ASSERT_EQ(connect(own, address.get(), address.length), 0);
    const auto before = cpu_of_process();
    std::this_thread::sleep_for(500ms);
    EXPECT_LT(cpu_of_process() - before, 100ms);
  }
  ASSERT_GT(send(own, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 0);
  char first[12] = {};
  ASSERT_GT(recv(own, first, sizeof first, 0), 0);
  close(own);
}

TEST(ControlServer, rests_without_descriptors_and_answers_afterwards) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "UBSan takes an object that it cannot read, for lack of a descriptor, for a broken one";
#endif
  const TemporaryFolder folder;
  ControlServer server(folder / "control.sock", [](const std::vector<std::string>&) { return "here\n"; });
  const int own = socket(AF_UNIX, SOCK_STREAM, 0);
  const SocketAddress address = parse_unix(folder / "control.sock");
  ASSERT_EQ(connect(own, address.get(), address.length), 0);
  {
    const FewDescriptors none(0);
    int turns = 0;
    for (const auto end = std::chrono::steady_clock::now() + 500ms; std::chrono::steady_clock::now() < end; ++turns) {
      pollfd ready{server.descriptor(), POLLIN, 0};
      poll(&ready, 1, 50);
      server.serve();
    }
    EXPECT_LT(turns, 30);
  }
  ASSERT_EQ(send(own, "x\n", 2, 0), 2);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(20ms);
    server.serve();
  }
  char answer[5] = {};
  EXPECT_EQ(recv(own, answer, sizeof answer, MSG_DONTWAIT), 5);
  close(own);
}

TEST(WebRoutes, status_is_made_once_a_second_for_all_who_ask) {
  int made = 0;
  MonitorHooks hooks;
  hooks.status = [&](StatusDetail) { return ++made, healthy_status(); };
  const HttpRoutes routes = web_routes(hooks);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(routes("/status.json").status, 200U);
  EXPECT_EQ(made, 1);
  std::this_thread::sleep_for(1050ms);
  static_cast<void>(routes("/status.json"));
  EXPECT_EQ(made, 2);
}

TEST(WebRoutes, metrics_listener_shows_two_pages_without_names_of_sensors) {
  int made = 0;
  MonitorHooks hooks;
  hooks.status = [&](StatusDetail) { return ++made, healthy_status(); };
  const HttpRoutes routes = metrics_routes(hooks);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(routes("/metrics").body.find("kitchen"), std::string::npos);
  EXPECT_NE(routes("/metrics").body.find("edgetide_source_connections_turned_away_total"), std::string::npos);
  EXPECT_NE(routes("/healthz").status, 404U);
  EXPECT_EQ(made, 2);
  for (const char* path : {"/", "/status.json", "/readyz", "/metrics/", "//metrics", ""}) {
    EXPECT_EQ(routes(path).status, 404U) << path;
  }
}

TEST(WebRoutes, error_is_an_answer) {
  MonitorHooks hooks;
  hooks.status = [](StatusDetail) -> GatewayStatus { throw std::runtime_error("no"); };
  EXPECT_EQ(web_routes(hooks)("/status.json").status, 500U);
  EXPECT_EQ(metrics_routes(hooks)("/metrics").status, 500U);
}

}  // namespace
}  // namespace edgetide::test
