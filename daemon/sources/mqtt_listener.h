// The listening socket of an MQTT listener and its connections, on an epoll that the loop waits for.
//
//   serve           one turn: what is ready is read, of all connections; their messages are offered as one batch, and
//                   the answers go out when that is taken, or durable
//   offer_again     a batch that was held may be taken now; until it is, nothing is read
//   durable         what was taken up to this record survives a power cut: answers that wait for it go out
//
// An answer never leaves before what its connection sent until then is safe, nor before what any connection sent in a
// turn before: a message that comes again over a new connection may be in a turn that waits for the disk.
//
// Thread: the loop's. Owns: socket, connections, sessions.
// Fails:  construction throws std::runtime_error when the address cannot be bound, or a file cannot be used.
// Limit:  max_connections, max_connections_per_peer; max_large_bytes of packets that come in parts; max_waiting_bytes
//         of answers that wait for the disk, then nothing is read.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/mqtt/device_connection.h"
#include "daemon/service/cidr.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/rare_notice.h"
#include "daemon/service/socket_address.h"
#include "daemon/service/tls_server.h"
#include "daemon/sources/device_passwords.h"
#include "daemon/sources/device_peer.h"
#include "daemon/sources/device_sessions.h"
#include "daemon/sources/device_turn.h"
#include "daemon/sources/mqtt_listener_source.h"
#include "daemon/sources/source.h"
#include "daemon/sources/watched_peers.h"

namespace edgetide {

class MqttListener {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t max_large_bytes = 16 * 1024 * 1024;
  static constexpr std::size_t max_waiting_bytes = 1024 * 1024;
  static constexpr std::chrono::milliseconds rest_time{100};

  // Never waits, and holds nothing where nothing may wait.
  using Offer = std::function<Acceptance(const DecodedBatch&)>;
  MqttListener(const MqttListenerOptions& options, SourceId id, SourceHost& host, WatchedPeers& watched, Offer offer);
  ~MqttListener();

  // Readable when `serve` has something to do, unless `is_paused`; and `serve` is to be called at `due`.
  int descriptor() const noexcept { return epoll_.get(); }
  bool is_paused() const noexcept { return is_held_ || waiting_bytes_ > max_waiting_bytes; }
  std::optional<Time> due() const noexcept;

  void serve();
  void offer_again();
  void durable(std::uint64_t through);

  // For its connections.
  SourceId id() const noexcept { return id_; }
  WatchedPeers& watched() noexcept { return watched_; }
  const DeviceLimits& limits() const noexcept { return limits_; }
  const TlsServer* tls() const noexcept { return tls_ ? &*tls_ : nullptr; }
  DevicePasswords* passwords() noexcept { return passwords_ ? &*passwords_ : nullptr; }
  DeviceSessions& sessions() noexcept { return sessions_; }
  DeviceTurn& turn() noexcept { return turn_; }
  double max_messages_per_second() const noexcept { return options_.max_messages_per_second; }
  // Something of it has changed in this turn.
  void touch(DevicePeer& peer);
  bool was_taken_before(std::uint64_t fingerprint) const noexcept;
  std::string new_client_id();
  void say(std::string_view text) { host_.notice(id_, text); }
  void say_rarely(std::string_view text);
  // False: there is no room now.
  bool reserve(std::size_t bytes) noexcept;
  void give_back(std::size_t bytes) noexcept;

 private:
  struct Waiting {
    DevicePeer* peer;  // null: it is gone
    DevicePeer::NewAnswers answers;
  };
  // Of a turn, or several.
  struct Group {
    std::uint64_t record;
    std::vector<Waiting> waiting;
  };

  void listen();
  void restore();
  void accept_peers(Time now);
  bool has_room_for(const sockaddr_storage& peer, const std::string& identity, int descriptor);
  void let_in(Descriptor descriptor, DevicePeer::Address address, Time now);
  bool turn_away(TurnedAway why);  // false
  void begin_rest(int error, Time now);
  void end_rest(Time now) noexcept;

  void read(DevicePeer& peer, Time now);
  void read_ready(Time now);
  void end_turn();
  void settle(const Acceptance& acceptance);
  void close_touched();
  void finish_touched();
  static void release(std::vector<Waiting>& waiting) noexcept;
  void release_through(std::uint64_t record) noexcept;
  void check_peers(Time now);
  void watch(DevicePeer& peer) noexcept;
  void remove_done();
  void use_given_back(Time now);

  const MqttListenerOptions options_;
  const SourceId id_;
  SourceHost& host_;
  WatchedPeers& watched_;
  const Offer offer_;
  const DeviceLimits limits_;
  const SocketAddress address_;
  std::vector<Cidr> allow_;
  std::optional<TlsServer> tls_;
  std::optional<DevicePasswords> passwords_;
  const Descriptor epoll_;
  Descriptor listener_;
  std::optional<Time> rests_until_;
  DeviceSessions sessions_;
  std::vector<std::uint64_t> taken_before_;  // fingerprints, sorted

  DeviceTurn turn_;
  bool is_held_ = false;
  std::vector<DevicePeer*> touched_;  // in this turn
  std::vector<DevicePeer*> pending_;  // that have more to read than their sockets show
  std::deque<Group> groups_;
  std::size_t waiting_bytes_ = 0;  // of the groups

  std::size_t large_bytes_ = 0;
  bool is_given_back_ = false;
  Time next_check_ = Time::max();
  std::vector<std::unique_ptr<DevicePeer>> peers_;
  std::map<std::string, std::size_t> of_identity_;  // connections
  TurnedAwayCounts turned_away_{};                  // since the last notice
  RareNotice turned_away_notice_, client_notice_, rest_notice_;
};

}  // namespace edgetide
