// One connection of an MQTT listener: its socket, the bytes of a packet that came in parts, and the answers that are
// not sent yet. What its client says is judged by a DeviceConnection; what follows from that is done here.
//
// Thread: the loop's. Owns: the socket. Fails: construction, by std::system_error or std::bad_alloc.
// Limit:  max_unread_answers bytes that the client has not read; then it is read no further. The packet at hand; of
//         those larger than small_packet_bytes, so many bytes in all connections as MqttListener::reserve gives, and
//         each has max_packet_time to come.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/mqtt/device_connection.h"
#include "daemon/service/descriptor.h"
#include "daemon/service/tls_server.h"
#include "daemon/sources/device_sessions.h"
#include "daemon/sources/watched_peers.h"

namespace edgetide {

class MqttListener;

class DevicePeer final : private DeviceOwner {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t max_unread_answers = 64 * 1024;
  static constexpr std::size_t small_packet_bytes = 16 * 1024;
  static constexpr std::chrono::seconds max_packet_time{30};

  struct Address {
    std::string name;
    std::string identity;  // equal for all connections of one peer
  };
  DevicePeer(MqttListener& listener, Descriptor descriptor, Address address, Time now);
  ~DevicePeer() override;
  DevicePeer(const DevicePeer&) = delete;
  DevicePeer& operator=(const DevicePeer&) = delete;

  const std::string& identity() const noexcept { return address_.identity; }
  int descriptor() const noexcept { return descriptor_.get(); }

  void read(Time now);
  // Bytes that were received and that the socket does not show any more.
  bool has_pending() const noexcept;

  // The answers that no group waits for yet: they are to be released, at once or later. Messages among them.
  struct NewAnswers {
    std::size_t bytes = 0, messages = 0;
  };
  NewAnswers take_new_answers() noexcept;
  void release(NewAnswers answers) noexcept;
  void flush() noexcept;

  // Another connection of its client has begun.
  void hand_over();
  void check(Time now);
  Time deadline() const noexcept;
  // Its packet is large, and there was no memory for it.
  bool waits_for_memory() const noexcept { return large_bytes_ > 0 && reserved_ == 0; }
  bool begin_large(Time now);
  // Nothing of it is needed any more.
  bool is_done() const noexcept;
  void drop() noexcept { is_gone_ = true; }

  bool waits_for_tls() const noexcept { return waits_for_tls_; }  // the handshake goes on once it can be written
  // What to wait for (epoll).
  std::uint32_t wanted_events() const noexcept;
  // The listener's.
  std::uint32_t watched_events = 0;
  bool is_touched = false;  // in this turn

 private:
  Admission admit(const MqttConnect& connect) override;
  bool may_publish(std::string_view topic) override;
  bool was_taken(std::uint64_t fingerprint) override;
  std::uint64_t fingerprint_of(const DeviceMessage& message) override;
  MqttReason deliver(const DeviceMessage& message, std::optional<std::uint64_t> fingerprint) override;
  void note_resent() override {}
  void note_subscribe() override;
  void end_session_after(std::uint32_t seconds) override;

  void end(MqttReason reason);  // what is to be sent still is
  long receive(char* to, std::size_t size) noexcept;
  void read_on(Time now);
  void read_large(Time now);
  bool note_end(long received) noexcept;
  void take(std::string_view bytes, Time now);
  void wait_for_rest(std::string_view rest, Time now);
  void end_large() noexcept;
  void note_over();
  void note_settled(Time now) noexcept;
  void limit_rate(Time now) noexcept;
  std::string who() const;

  MqttListener& listener_;
  const Descriptor descriptor_;
  std::optional<TlsServer::Stream> tls_;
  const Address address_;
  const WatchedPeers::Peer watched_;
  DeviceConnection connection_;
  DeviceSessions::Entry* entry_ = nullptr;  // from CONNECT on
  bool is_named_ = true;                    // the client has given its id
  std::string client_id_;
  std::string topic_prefix_;

  std::string partial_;          // of the packet at hand
  std::size_t large_bytes_ = 0;  // of which it is, if it is large
  std::size_t reserved_ = 0;     // of these
  std::size_t filled_ = 0;       // of `partial_`, once they are reserved
  Time large_since_{};

  std::size_t assigned_ = 0;  // bytes of the answers that some group waits for, or that are released
  std::size_t released_ = 0;  // of these
  std::size_t answered_ = 0;  // messages among the assigned ones, not released
  Time answered_at_{};        // some bytes were sent
  bool is_gone_ = false;      // nothing can be read or sent
  bool waits_for_tls_ = false;

  std::uint64_t messages_ = 0;  // since the rate was looked at
  double allowance_ = 0;        // of messages, at `rated_at_`
  Time rated_at_{};
  std::optional<Time> slowed_until_;
  std::optional<Time> over_since_;
};

}  // namespace edgetide
