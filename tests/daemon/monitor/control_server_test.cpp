#include "daemon/monitor/control_server.h"

#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>

#include "daemon/monitor/control_client.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/socket_address.h"
#include "tests/fakes/temporary_folder.h"

namespace edgetide {

namespace {

// A server and the thread that drives it.
class RunningServer {
 public:
  explicit RunningServer(ControlCommands commands) : server_(path(), std::move(commands)) {
    thread_ = std::thread([this] {
      while (!stop_) {
        pollfd ready{server_.descriptor(), POLLIN, 0};
        poll(&ready, 1, 10);
        server_.serve();
      }
    });
  }
  ~RunningServer() {
    stop_ = true;
    thread_.join();
  }
  std::string path() const { return folder_ / "control.sock"; }
  std::string ask(const std::vector<std::string>& words) const {
    ControlClient client({path()}, words);
    std::string all;
    for (std::string text = client.more(); !text.empty(); text = client.more()) all += text;
    return all;
  }

 private:
  test::TemporaryFolder folder_;
  ControlServer server_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

std::string refusal_of(const RunningServer& server, const std::vector<std::string>& words) {
  try {
    return "answered: " + server.ask(words);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

}  // namespace

TEST(ControlServer, answers_a_line_of_words_and_closes) {
  const RunningServer server([](const std::vector<std::string>& words) -> ControlAnswer {
    return std::to_string(words.size()) + ' ' + words.back() + '\n';
  });
  EXPECT_EQ(server.ask({"why", "minute", "a b", "text"}), "4 text\n");
  EXPECT_EQ(server.ask({""}), "1 \n");
  struct stat status {};
  ASSERT_EQ(stat(server.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0660U);
}

TEST(ControlServer, an_error_is_reported_as_such) {
  const RunningServer server([](const std::vector<std::string>&) -> ControlAnswer { return "error: no\n"; });
  EXPECT_EQ(refusal_of(server, {"x"}), "no");
}

TEST(ControlServer, an_empty_answer_is_not_an_error) {
  const RunningServer server([](const std::vector<std::string>&) -> ControlAnswer { return ""; });
  EXPECT_EQ(refusal_of(server, {"sensors", "json"}), "answered: ");
}

// Connects, and sends what is given.
Descriptor connected_to(const RunningServer& server, std::string_view sent = {}) {
  Descriptor peer(socket(AF_UNIX, SOCK_STREAM, 0));
  const timeval patience{60, 0};
  setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const SocketAddress address = parse_unix(server.path());
  EXPECT_EQ(connect(peer.get(), address.get(), address.length), 0);
  EXPECT_EQ(send(peer.get(), sent.data(), sent.size(), MSG_NOSIGNAL), static_cast<ssize_t>(sent.size()));
  return peer;
}

std::string read_all(const Descriptor& peer) {
  std::string all;
  std::array<char, 4096> bytes{};
  for (ssize_t got; (got = recv(peer.get(), bytes.data(), bytes.size(), 0)) > 0;)
    all.append(bytes.data(), static_cast<std::size_t>(got));
  return all;
}

TEST(ControlServer, idle_connections_make_room_for_who_asks) {
  const RunningServer server([](const std::vector<std::string>&) -> ControlAnswer { return "fine\n"; });
  std::vector<Descriptor> idle;
  for (int i = 0; i < 40; ++i) {
    idle.push_back(connected_to(server, i % 2 == 0 ? "" : "sta"));  // without the end of a line: they are still asking
    EXPECT_EQ(server.ask({"x"}), "fine\n") << i;
  }
  EXPECT_EQ(read_all(idle[0]), "error: the gateway has too many who ask; try again\n");
}

TEST(ControlServer, peer_that_reads_no_answer_makes_room) {
  const std::string large(3'000'000, 'x');
  const RunningServer server([&](const std::vector<std::string>& words) -> ControlAnswer {
    return words[0] == "large" ? large : std::string("fine\n");
  });
  std::vector<Descriptor> stuck;
  for (int i = 0; i < 9; ++i) stuck.push_back(connected_to(server, "large\n"));
  std::string answer;
  while ((answer = refusal_of(server, {"x"})) == "the gateway has too many who ask; try again")
    std::this_thread::yield();
  EXPECT_EQ(answer, "answered: fine\n");
}

TEST(ControlServer, connection_beyond_the_limit_gets_an_error_while_all_others_are_answered) {
  const RunningServer server([](const std::vector<std::string>&) -> ControlAnswer {
    return ControlStream([]() -> std::optional<std::string> { return std::string(); });
  });
  std::vector<Descriptor> streams;
  for (int i = 0; i < 8; ++i) streams.push_back(connected_to(server, "tap\n"));
  EXPECT_EQ(refusal_of(server, {"x"}), "the gateway has too many who ask; try again");
}

TEST(ControlServer, a_large_answer_arrives_whole) {
  const std::string large(3'000'000, 'x');
  const RunningServer server([&](const std::vector<std::string>&) -> ControlAnswer { return large; });
  EXPECT_EQ(server.ask({"x"}), large);
}

TEST(ControlServer, a_stream_goes_on_until_it_ends) {
  const RunningServer server([](const std::vector<std::string>&) -> ControlAnswer {
    return ControlStream([left = 3]() mutable -> std::optional<std::string> {
      if (left == 0) return std::nullopt;
      return std::to_string(left--) + '\n';
    });
  });
  EXPECT_EQ(server.ask({"x"}), "3\n2\n1\n");
}

TEST(ControlServer, a_stream_ends_when_its_reader_is_gone) {
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = held;
  const RunningServer server([&](const std::vector<std::string>&) -> ControlAnswer {
    return ControlStream([kept = std::move(held)]() -> std::optional<std::string> { return std::string(); });
  });
  { const ControlClient client({server.path()}, {"x"}); }
  while (!watched.expired()) std::this_thread::yield();
}

TEST(ControlServer, refuses_what_is_not_a_request) {
  const RunningServer server([](const std::vector<std::string>&) -> ControlAnswer { return "fine\n"; });
  EXPECT_EQ(refusal_of(server, {std::string(5000, 'x')}).find("answered"), std::string::npos);
  EXPECT_EQ(refusal_of(server, {"a\tb"}), "names have no tabs or line ends");
  EXPECT_EQ(server.ask({"x"}), "fine\n");
}

TEST(ControlClient, says_where_no_gateway_answers) {
  try {
    ControlClient client({"/nowhere/control.sock"}, {"x"});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "no running gateway answers:\n  /nowhere/control.sock: No such file or directory");
  }
}

}  // namespace edgetide
