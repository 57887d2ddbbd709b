#include "daemon/sources/socket_source.h"

#include <algorithm>
#include <cstring>
#include <gmock/gmock.h>
#include <sys/un.h>
#include <thread>

#include "daemon/decoders/csv_decoder.h"
#include "daemon/decoders/influx_decoder.h"
#include "daemon/service/socket_address.h"
#include "daemon/sources/socket_loop.h"
#include "daemon/sources/stream_listener.h"
#include "tests/fakes/few_descriptors.h"
#include "tests/fakes/mosquitto_server.h"
#include "tests/fakes/recording_host.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

SocketInput input_on(SocketKind kind, const std::string& listen) {
  SocketInput input{{}, SourceId{0}};
  input.options.name = "test";
  input.options.kind = kind;
  input.options.listen = listen;
  input.options.route.mapping.format = &influx_format;
  return input;
}

std::string tcp_address(int port) {
  return "127.0.0.1:" + std::to_string(port);
}

// A peer of the source under test.
class Peer {
 public:
  explicit Peer(const SocketAddress& address, int type = SOCK_STREAM, const char* from = nullptr)
      : socket_(socket(address.storage.ss_family, type, 0)) {
    if (from != nullptr) {
      const SocketAddress own = parse_inet(from);
      EXPECT_EQ(bind(socket_, own.get(), own.length), 0);
    }
    const timeval patience{60, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = connect(socket_, address.get(), address.length) == 0;
  }
  ~Peer() { close(socket_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  bool send(std::string_view bytes) const {
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  // How many bytes the kernel took without waiting.
  std::size_t send_now(std::string_view bytes) const {
    return static_cast<std::size_t>(
        std::max<ssize_t>(0, ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT)));
  }
  // Up to and with the next newline; empty when the other side has closed.
  std::string read_line() const {
    std::string line;
    for (char c = 0; recv(socket_, &c, 1, 0) == 1;) {
      line += c;
      if (c == '\n') break;
    }
    return line;
  }
  bool is_closed() const {
    char c = 0;
    return recv(socket_, &c, 1, 0) <= 0;
  }
  bool connected() const { return connected_; }

 private:
  int socket_;
  bool connected_;
};

SocketInput acknowledging(int port) {
  SocketInput input = input_on(SocketKind::tcp, tcp_address(port));
  input.options.ack = true;
  return input;
}

class Running {
 public:
  Running(const std::vector<SocketInput>& inputs, RecordingHost& host) : loop_(host, events_) {
    for (const SocketInput& input : inputs) add(input);
  }
  void add(const SocketInput& input) {
    sources_.push_back(make_socket_source(input, loop_));
    sources_.back()->start();
  }
  void remove(std::size_t position) { sources_.erase(sources_.begin() + static_cast<std::ptrdiff_t>(position)); }

 private:
  EventLoop events_{"sources"};
  SocketLoop loop_;
  std::vector<std::unique_ptr<Source>> sources_;
};

TEST(SocketSource, lines_may_be_split_and_many_in_one_write) {
  const int port = free_port();
  RecordingHost host;
  const Running source({input_on(SocketKind::tcp, tcp_address(port))}, host);
  const Peer peer(parse_inet(tcp_address(port)));
  ASSERT_TRUE(peer.send("t,sensor=a value=1\nt,sensor=b val"));
  ASSERT_TRUE(host.wait_for_readings(1));
  ASSERT_TRUE(peer.send("ue=2\nt,sensor=c value=3\n"));
  ASSERT_TRUE(host.wait_for_readings(3));
  EXPECT_THAT(host.readings(),
              ElementsAre(RecordedReading{"a", "t", 1}, RecordedReading{"b", "t", 2}, RecordedReading{"c", "t", 3}));
}

TEST(SocketSource, line_without_end_is_discarded_and_counted_when_the_peer_leaves) {
  const int port = free_port();
  RecordingHost host;
  const Running source({input_on(SocketKind::tcp, tcp_address(port))}, host);
  ASSERT_TRUE(Peer(parse_inet(tcp_address(port))).send("t,sensor=a value=1\nt,sensor=b value=2"));
  ASSERT_TRUE(host.wait_for_refusals(1));
  EXPECT_THAT(host.refusals(), ElementsAre(Refusal::bad_syntax));
  EXPECT_EQ(host.readings().size(), 1U);
}

TEST(SocketSource, line_beyond_the_limit_is_refused_once_and_the_connection_goes_on) {
  const int port = free_port();
  RecordingHost host;
  SocketInput input = input_on(SocketKind::tcp, tcp_address(port));
  input.options.max_line_bytes = 100;
  const Running source({input}, host);
  const Peer peer(parse_inet(tcp_address(port)));
  ASSERT_TRUE(peer.send(std::string(500, 'x')));
  ASSERT_TRUE(host.wait_for_refusals(1));
  ASSERT_TRUE(peer.send(std::string(500, 'x') + "\nt,sensor=a value=1\n"));
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_THAT(host.refusals(), ElementsAre(Refusal::too_large));
}

TEST(SocketSource, acknowledges_every_line_and_says_how_many_of_them_it_refused) {
  const int port = free_port();
  RecordingHost host;
  const SocketInput input = acknowledging(port);
  const Running source({input}, host);
  const Peer peer(parse_inet(tcp_address(port)));
  ASSERT_TRUE(peer.send("t,sensor=a value=1\n"));
  EXPECT_EQ(peer.read_line(), "ack 1\n");
  ASSERT_TRUE(peer.send("not a line\nt,sensor=a value=2\n"));
  EXPECT_EQ(peer.read_line(), "ack 3 refused 1\n");
  ASSERT_TRUE(peer.send(std::string(input.options.max_line_bytes + 1, 'x') + "\n"));
  EXPECT_EQ(peer.read_line(), "ack 4 refused 2\n");
}

TEST(SocketSource, what_is_not_accepted_is_not_acknowledged) {
  const int port = free_port();
  RecordingHost host;
  host.accept_from_now_on(false);
  const Running source({acknowledging(port)}, host);
  const Peer peer(parse_inet(tcp_address(port)));
  ASSERT_TRUE(peer.send("t,sensor=a value=1\n"));
  EXPECT_EQ(peer.read_line(), "");
}

TEST(SocketSource, what_is_taken_is_acknowledged_when_it_is_durable) {
  const int port = free_port();
  RecordingHost host;
  host.need_sync();
  const Running source({acknowledging(port)}, host);
  const Peer peer(parse_inet(tcp_address(port)));
  ASSERT_TRUE(peer.send("t,sensor=a value=1\n"));
  ASSERT_TRUE(host.wait_for_readings(1));
  host.sync();
  EXPECT_EQ(peer.read_line(), "ack 1\n");
  EXPECT_EQ(host.readings().size(), 1U) << "taken once";
}

TEST(SocketSource, what_waits_for_the_disk_holds_up_no_peer) {
  const int port = free_port();
  RecordingHost host;
  host.need_sync();
  const Running source({acknowledging(port)}, host);
  const Peer first(parse_inet(tcp_address(port)));
  const Peer second(parse_inet(tcp_address(port)));
  ASSERT_TRUE(first.send("t,sensor=a value=1\n") && host.wait_for_readings(1));
  ASSERT_TRUE(first.send("t,sensor=a value=2\nt,sensor=a value=3\n") && host.wait_for_readings(3));
  ASSERT_TRUE(second.send("t,sensor=b value=4\n") && host.wait_for_readings(4));
  host.sync();
  EXPECT_EQ(first.read_line(), "ack 3\n") << "the newest that is durable";
  EXPECT_EQ(second.read_line(), "ack 1\n");
}

TEST(SocketSource, peer_with_many_acknowledgements_waiting_for_the_disk_is_read_on_after_a_sync) {
  const int port = free_port();
  RecordingHost host;
  host.need_sync();
  const Running source({acknowledging(port)}, host);
  const Peer peer(parse_inet(tcp_address(port)));
  for (std::size_t taken = 1; taken <= 1024; ++taken) {
    ASSERT_TRUE(peer.send("t,sensor=a value=1\n") && host.wait_for_readings(taken));
  }
  ASSERT_TRUE(peer.send("t,sensor=a value=2\n"));
  host.sync();
  EXPECT_EQ(peer.read_line(), "ack 1024\n");
  EXPECT_TRUE(host.wait_for_readings(1025));
}

TEST(SocketSource, connections_beyond_the_cap_are_closed_at_once) {
  const int port = free_port();
  RecordingHost host;
  SocketInput input = input_on(SocketKind::tcp, tcp_address(port));
  input.options.max_connections = 1;
  const Running source({input}, host);
  const Peer first(parse_inet(tcp_address(port)));
  ASSERT_TRUE(first.send("t,sensor=a value=1\n"));
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_TRUE(Peer(parse_inet(tcp_address(port))).is_closed());
  ASSERT_TRUE(first.send("t,sensor=a value=2\n"));
  EXPECT_TRUE(host.wait_for_readings(2));
}

TEST(SocketSource, one_peer_has_no_more_connections_than_its_part_however_it_is_addressed) {
  const int port = free_port();
  RecordingHost host;
  SocketInput input = input_on(SocketKind::tcp, tcp_address(port));
  input.options.max_connections_per_peer = 2;
  const Running source({input}, host);
  std::optional<Peer> first(std::in_place, parse_inet(tcp_address(port)));
  const Peer second(parse_inet(tcp_address(port)), SOCK_STREAM, "127.0.0.9:0");
  ASSERT_TRUE(first->send("t,sensor=a value=1\n") && second.send("t,sensor=a value=2\n"));
  ASSERT_TRUE(host.wait_for_readings(2));
  EXPECT_TRUE(Peer(parse_inet(tcp_address(port))).is_closed());
  EXPECT_EQ(host.turned_away(), (TurnedAwayCounts{0, 1, 0, 0}));
  first.reset();
  for (bool let_in = false; !let_in;) {  // when the end of the first is seen
    const Peer third(parse_inet(tcp_address(port)));
    let_in = third.send("t,sensor=a value=3\n") && host.readings_within(3, std::chrono::milliseconds(200));
  }
}

TEST(SocketSource, one_user_has_no_more_connections_to_a_unix_socket_than_its_part) {
  const TemporaryFolder folder;
  const std::string path = folder / "readings.sock";
  RecordingHost host;
  SocketInput input = input_on(SocketKind::unix_stream, path);
  input.options.max_connections_per_peer = 1;
  const Running source({input}, host);
  const Peer first(parse_unix(path));
  ASSERT_TRUE(first.send("t,sensor=a value=1\n") && host.wait_for_readings(1));
  EXPECT_TRUE(Peer(parse_unix(path)).is_closed());
  EXPECT_EQ(host.turned_away(), (TurnedAwayCounts{0, 1, 0, 0}));
}

TEST(SocketSource, connection_that_is_idle_for_longest_makes_room_and_one_with_part_of_a_message_or_an_open_ack_stays) {
  const int port = free_port();
  RecordingHost host;
  SocketInput input = acknowledging(port);
  input.options.max_connections = 4;
  const Running source({input}, host);
  const Peer partial(parse_inet(tcp_address(port)));
  ASSERT_TRUE(partial.send("t,sensor=a value=1\nt,sensor=a val") && host.wait_for_readings(1));
  const Peer idle_longer(parse_inet(tcp_address(port))), idle(parse_inet(tcp_address(port)));
  ASSERT_TRUE(idle_longer.send("t,sensor=b value=2\n") && host.wait_for_readings(2));
  ASSERT_TRUE(idle.send("t,sensor=c value=3\n") && host.wait_for_readings(3));
  EXPECT_EQ(idle_longer.read_line(), "ack 1\n");
  EXPECT_EQ(idle.read_line(), "ack 1\n");
  host.need_sync();
  const Peer waits(parse_inet(tcp_address(port)));
  ASSERT_TRUE(waits.send("t,sensor=d value=4\n") && host.wait_for_readings(4));
  EXPECT_TRUE(Peer(parse_inet(tcp_address(port))).is_closed()) << "none has been idle for long";
  std::this_thread::sleep_for(StreamListener::idle_time + std::chrono::milliseconds(500));
  const Peer fifth(parse_inet(tcp_address(port)));
  ASSERT_TRUE(fifth.send("t,sensor=e value=5\n") && host.wait_for_readings(5));
  EXPECT_TRUE(idle_longer.is_closed());
  ASSERT_TRUE(partial.send("ue=6\n") && idle.send("t,sensor=c value=7\n") && host.wait_for_readings(7));
  EXPECT_TRUE(Peer(parse_inet(tcp_address(port))).is_closed()) << "the other idle one has spoken";
  host.sync();
  EXPECT_EQ(waits.read_line(), "ack 1\n");
  EXPECT_EQ(host.turned_away(), (TurnedAwayCounts{2, 0, 1, 0}));
  EXPECT_EQ(host.notices().size(), 1U);
}

TEST(SocketSource, peers_beyond_the_cap_are_noticed_once_not_each_time) {
  const int port = free_port();
  RecordingHost host;
  SocketInput input = input_on(SocketKind::tcp, tcp_address(port));
  input.options.max_connections = 0;
  const Running source({input}, host);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Peer(parse_inet(tcp_address(port))).is_closed());
  EXPECT_EQ(host.notices().size(), 1U);
}

TEST(SocketSource, peers_wait_while_there_is_no_file_descriptor_and_are_served_after) {
  const int port = free_port();
  RecordingHost host;
  const Running source({input_on(SocketKind::tcp, tcp_address(port))}, host);
  const Peer old(parse_inet(tcp_address(port)));
  ASSERT_TRUE(old.send("t,sensor=a value=1\n"));
  ASSERT_TRUE(host.wait_for_readings(1));
  std::optional<FewDescriptors> few(1);
  const Peer late(parse_inet(tcp_address(port)));
  ASSERT_TRUE(late.send("t,sensor=b value=2\n"));
  ASSERT_TRUE(host.wait_until([](const RecordingHost& seen) { return seen.notice_count() == 1; }));
  ASSERT_TRUE(old.send("t,sensor=a value=3\n"));
  ASSERT_TRUE(host.wait_for_readings(2));
  few.reset();
  ASSERT_TRUE(host.wait_for_readings(3));
  EXPECT_EQ(host.notices().size(), 1U);
}

TEST(SocketSource, peers_leave_the_last_descriptors_to_others) {
  const int port = free_port();
  RecordingHost host;
  SocketInput input = input_on(SocketKind::tcp, tcp_address(port));
  input.options.max_connections = input.options.max_connections_per_peer = 1000;
  const Running source({input}, host);
  const FewDescriptors few(60);
  const auto turned_away = [&] { return host.turned_away()[static_cast<std::size_t>(TurnedAway::descriptors)]; };
  std::vector<std::unique_ptr<Peer>> peers;
  while (turned_away() == 0 && peers.size() < 29) {  // each takes two descriptors of this process
    peers.push_back(std::make_unique<Peer>(parse_inet(tcp_address(port))));
    static_cast<void>(peers.back()->send("t,sensor=a value=1\n"));
    while (host.readings().size() < peers.size() && turned_away() == 0) std::this_thread::yield();
  }
  EXPECT_EQ(turned_away(), 1U);
  EXPECT_TRUE(peers.back()->is_closed());
  std::vector<Descriptor> spare;
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(spare.emplace_back(dup(STDERR_FILENO)).is_open()) << i;
}

TEST(SocketSource, peer_is_not_read_while_the_host_holds_readings_back) {
  const int port = free_port();
  RecordingHost host;
  host.hold(true);
  const Running source({input_on(SocketKind::tcp, tcp_address(port))}, host);
  const Peer peer(parse_inet(tcp_address(port)));
  ASSERT_TRUE(peer.send("t,sensor=a value=1\n"));
  ASSERT_TRUE(host.wait_for_offers(1));
  const std::string line = "t,sensor=b,padding=" + std::string(100, 'x') + " value=2\n";
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += line;
  std::size_t bytes = 0;
  for (std::size_t sent = 1; sent > 0;
       bytes += sent) {  // ends: the kernel's buffers are bounded, and nothing empties them
    sent = peer.send_now(std::string_view(lines).substr(bytes % line.size()));
  }
  EXPECT_TRUE(host.readings().empty());
  host.hold(false);
  EXPECT_TRUE(host.wait_for_readings(1 + bytes / line.size()));
}

TEST(SocketSource, silent_and_slow_peers_are_closed) {
  for (const bool half_a_line : {false, true}) {
    const int port = free_port();
    RecordingHost host;
    SocketInput input = input_on(SocketKind::tcp, tcp_address(port));
    (half_a_line ? input.options.line_timeout : input.options.idle_timeout) = Duration::milliseconds(200);
    const Running source({input}, host);
    const Peer peer(parse_inet(tcp_address(port)));
    if (half_a_line) {
      ASSERT_TRUE(peer.send("t,sensor=a val"));
    }
    EXPECT_TRUE(peer.is_closed());
    if (half_a_line) {
      EXPECT_TRUE(host.wait_for_refusals(1));
    }
  }
}

TEST(SocketSource, datagrams_carry_one_or_more_lines) {
  const int port = free_port();
  RecordingHost host;
  const Running source({input_on(SocketKind::udp, tcp_address(port))}, host);
  const Peer peer(parse_inet(tcp_address(port)), SOCK_DGRAM);
  ASSERT_TRUE(peer.send("t,sensor=a value=1\nt,sensor=b value=2"));
  ASSERT_TRUE(host.wait_for_readings(2));
  ASSERT_TRUE(peer.send(std::string(9000, 'x')));
  ASSERT_TRUE(host.wait_for_refusals(1));
  EXPECT_THAT(host.refusals(), ElementsAre(Refusal::too_large));
}

TEST(SocketSource, whole_datagram_is_one_message) {
  const int port = free_port();
  RecordingHost host;
  SocketInput input = input_on(SocketKind::udp, tcp_address(port));
  input.options.framing = Framing::whole;
  input.options.route.mapping.format = &json_format;
  input.options.route.mapping.sensor_path = "id";
  const Running source({input}, host);
  ASSERT_TRUE(Peer(parse_inet(tcp_address(port)), SOCK_DGRAM).send("{\n  \"id\": \"a\",\n  \"t\": 1\n}\n"));
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_THAT(host.readings(), ElementsAre(RecordedReading{"a", "t", 1}));
  EXPECT_TRUE(host.refusals().empty());
}

TEST(SocketSource, messages_may_follow_their_length_instead_of_ending_with_a_newline) {
  const int port = free_port();
  RecordingHost host;
  SocketInput input = input_on(SocketKind::tcp, tcp_address(port));
  input.options.framing = Framing::length_prefix;
  input.options.ack = true;
  input.options.route.mapping.format = &json_format;
  input.options.route.mapping.sensor_path = "id";
  const Running source({input}, host);
  const Peer peer(parse_inet(tcp_address(port)));
  const std::string_view length("\0\0\0\x11", 4);
  ASSERT_TRUE(peer.send(std::string(length) + "{\"id\":\"a\",\n\"t\":1}" + std::string(length) + "{\"id\":"));
  EXPECT_EQ(peer.read_line(), "ack 1\n");
  ASSERT_TRUE(peer.send("\"b\",\n\"t\":2}"));
  EXPECT_EQ(peer.read_line(), "ack 2\n");
  EXPECT_THAT(host.readings(), ElementsAre(RecordedReading{"a", "t", 1}, RecordedReading{"b", "t", 2}));
}

TEST(SocketSource, unix_socket_is_closed_to_others_and_a_stale_file_is_replaced) {
  const TemporaryFolder folder;
  const std::string path = folder / "readings.sock";
  RecordingHost host;
  const int stale = socket(AF_UNIX, SOCK_STREAM, 0);
  const SocketAddress address = parse_unix(path);
  ASSERT_EQ(bind(stale, address.get(), address.length), 0);
  close(stale);  // the file stays
  {
    const Running source({input_on(SocketKind::unix_stream, path)}, host);
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0660));
    ASSERT_TRUE(Peer(address).send("t,sensor=a value=1\n"));
    ASSERT_TRUE(host.wait_for_readings(1));
    EXPECT_THROW(Running({input_on(SocketKind::unix_stream, path)}, host), std::runtime_error);  // still used
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(SocketSource, several_inputs_share_one_source) {
  const int first = free_port(), second = free_port();
  RecordingHost host;
  SocketInput csv = input_on(SocketKind::tcp, tcp_address(second));
  csv.options.route.mapping.format = &csv_format;
  csv.options.route.mapping.columns = {"sensor", "value"};
  csv.options.route.mapping.sensor_path = "sensor";
  csv.options.route.mapping.values = {{.path = "value", .metric = "t"}};
  const Running source({input_on(SocketKind::tcp, tcp_address(first)), csv}, host);
  ASSERT_TRUE(Peer(parse_inet(tcp_address(first))).send("t,sensor=a value=1\n"));
  ASSERT_TRUE(Peer(parse_inet(tcp_address(second))).send("b,2\n"));
  EXPECT_TRUE(host.wait_for_readings(2));
}

TEST(SocketSource, address_in_use_fails_at_start_with_the_address) {
  const int port = free_port();
  RecordingHost host;
  const Running first({input_on(SocketKind::tcp, tcp_address(port))}, host);
  try {
    const Running second({input_on(SocketKind::tcp, tcp_address(port))}, host);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(tcp_address(port)));
  }
}

TEST(SocketSource, sources_are_added_and_removed_and_the_connections_of_others_stay) {
  const int stays = free_port(), goes = free_port();
  RecordingHost host;
  Running source({input_on(SocketKind::tcp, tcp_address(goes)), input_on(SocketKind::tcp, tcp_address(stays))}, host);
  const Peer leaving(parse_inet(tcp_address(goes)));
  const Peer peer(parse_inet(tcp_address(stays)));
  ASSERT_TRUE(peer.send("t,sensor=a value=1\nt,sensor=a val"));
  ASSERT_TRUE(leaving.send("t,sensor=b value=1\n"));
  ASSERT_TRUE(host.wait_for_readings(2));
  source.remove(0);
  EXPECT_TRUE(leaving.is_closed());
  EXPECT_FALSE(Peer(parse_inet(tcp_address(goes))).connected());
  source.add(input_on(SocketKind::tcp, tcp_address(goes)));
  const Peer back(parse_inet(tcp_address(goes)));
  ASSERT_TRUE(back.send("t,sensor=c value=3\n"));
  ASSERT_TRUE(host.wait_for_readings(3));
  ASSERT_TRUE(peer.send("ue=4\n"));
  ASSERT_TRUE(host.wait_for_readings(4));
  EXPECT_EQ(host.readings().back(), (RecordedReading{"a", "t", 4}));
}

TEST(SocketSource, address_in_use_leaves_the_other_sources_as_they_are) {
  const int port = free_port();
  RecordingHost host;
  Running source({input_on(SocketKind::tcp, tcp_address(port))}, host);
  const Peer peer(parse_inet(tcp_address(port)));
  EXPECT_THROW(source.add(input_on(SocketKind::tcp, tcp_address(port))), std::runtime_error);
  ASSERT_TRUE(peer.send("t,sensor=a value=1\n"));
  ASSERT_TRUE(host.wait_for_readings(1));
}

TEST(SocketSource, listening_to_the_world_needs_an_allow_list) {
  RecordingHost host;
  EventLoop events("sources");
  SocketLoop loop(host, events);
  SocketInput input = input_on(SocketKind::udp, "0.0.0.0:0");
  EXPECT_THROW(make_socket_source(input, loop), std::invalid_argument);
  input.options.allow = {"10.0.0.0/8"};
  EXPECT_NO_THROW(make_socket_source(input, loop));
  input.options.allow = {"10.0.0.0/33"};
  EXPECT_THROW(make_socket_source(input, loop), std::invalid_argument);
}

}  // namespace
}  // namespace edgetide::test
