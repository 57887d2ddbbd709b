// The server's side of one MQTT connection with a client that publishes: bytes in, calls of its owner and bytes out.
//
//   consumed = connection.take(bytes, now)     as many packets as are whole; then `packet_bytes` says how many the next
//                                              one needs, as soon as its head is there
//   connection.answers()                       what is to be sent, once all that was delivered is safe: an answer to a
//                                              message follows its delivery, and the answers are in order
//   connection.deadline(), check(now)          the CONNECT and the keep alive
//
// It ends by `is_over`: what is in `answers` then may still be sent. SUBSCRIBE is refused by its answer. A will is
// checked and discarded: it says that a client is away, which is not a reading.
//
// Thread: one owner at a time; pure, with the time as an argument.
// Fails:  never; what the standard forbids ends the connection with the reason that it has for that.
// Limit:  DeviceLimits; DeviceSession::max_in_flight messages of QoS 1 and 2 without an answer.
// See:    MQTT Version 3.1.1 and MQTT Version 5.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/mqtt/device_session.h"
#include "daemon/mqtt/mqtt_answers.h"
#include "daemon/mqtt/mqtt_packets.h"
#include "daemon/mqtt/mqtt_reason.h"

namespace edgetide {

struct DeviceLimits {
  std::size_t max_packet_bytes = 320 * 1024;
  std::size_t max_topic_bytes = 1024;
  std::chrono::seconds connect_time{10};
  std::chrono::seconds idle_time{3600};  // of a client without keep alive, or with a longer one
};

// What a CONNECT is answered.
struct Admission {
  MqttReason reason = MqttReason::success;
  DeviceSession* session = nullptr;  // lives as long as the connection; the owner's
  bool session_present = false;
  std::string assigned_client_id = {};               // empty: the client has named itself
  std::optional<std::uint32_t> session_expiry = {};  // s, if it is not the one asked for
};

// A message to take. Views into the packet, but for the topic of an alias, which is the connection's.
struct DeviceMessage {
  std::string_view topic;
  std::string_view payload;
  std::string_view content_type;
  std::span<const MqttUserProperty> properties;
  std::uint8_t qos = 0;
  bool is_topic_kept = true;    // false: the topic lives until the connection reads on
  std::uint16_t packet_id = 0;  // with QoS 1 and 2
};

class DeviceOwner {
 public:
  virtual ~DeviceOwner() = default;

  virtual Admission admit(const MqttConnect& connect) = 0;
  // False: the user of this client may not publish there. It is counted by the owner.
  virtual bool may_publish(std::string_view topic) = 0;
  // Whether the message, of QoS 1 or 2 and with the DUP flag, was taken before; the session does not know it. Its id to
  // be known by is `fingerprint`.
  virtual bool was_taken(std::uint64_t fingerprint) = 0;
  virtual std::uint64_t fingerprint_of(const DeviceMessage& message) = 0;
  // `fingerprint`: of a message that may be sent again.
  virtual MqttReason deliver(const DeviceMessage& message, std::optional<std::uint64_t> fingerprint) = 0;
  // A message that had been taken.
  virtual void note_resent() = 0;
  virtual void note_subscribe() = 0;
  // The client ends its session with the connection, or gives it another expiry.
  virtual void end_session_after(std::uint32_t seconds) = 0;
};

class DeviceConnection {
 public:
  using Time = std::chrono::steady_clock::time_point;

  DeviceConnection(const DeviceLimits& limits, DeviceOwner& owner, Time now);

  // How many of the bytes were used; the others are to come again, with more behind them. Nothing is used once it is
  // over.
  std::size_t take(std::string_view bytes, Time now);
  // Of the packet at the front of the bytes that were left; 0: its head is not whole.
  std::size_t packet_bytes() const noexcept { return packet_bytes_; }

  std::string& answers() noexcept { return answers_; }
  const std::string& answers() const noexcept { return answers_; }
  // Messages of QoS 1 whose answers were not released, and that so many were.
  std::size_t unanswered() const noexcept { return unanswered_; }
  void note_answered(std::size_t messages) noexcept { unanswered_ -= messages; }

  Time deadline() const noexcept;
  void check(Time now);

  // The server ends it.
  void end(MqttReason reason);

  bool is_connected() const noexcept { return state_ == State::connected; }
  bool is_over() const noexcept { return state_ == State::over; }
  // Why it is over; success: the client has said goodbye.
  MqttReason reason() const noexcept { return reason_; }
  MqttVersion version() const noexcept { return version_; }
  Time heard_at() const noexcept { return heard_at_; }

 private:
  enum class State : std::uint8_t { waits_for_connect, connected, over };

  void take_packet(const MqttHead& head, std::string_view body);
  void take_connect(std::string_view body);
  MqttReason take_connected(const MqttHead& head, std::string_view body);
  MqttReason take_publish(std::uint8_t flags, std::string_view body);
  MqttReason resolve_topic(MqttPublish& publish, DeviceMessage& message);
  MqttReason deliver(const MqttPublish& publish, const DeviceMessage& message);
  MqttReason deliver_acknowledged(const MqttPublish& publish, const DeviceMessage& message);
  MqttReason take_release(std::string_view body);
  MqttReason take_subscribe(std::string_view body);
  MqttReason take_unsubscribe(std::string_view body);
  MqttReason take_disconnect(std::string_view body);
  void accept(const MqttConnect& connect, Admission& admission);
  void refuse_connect(MqttReason reason);
  void fail(MqttReason reason);
  void finish(MqttReason reason) noexcept;

  const DeviceLimits& limits_;
  DeviceOwner& owner_;
  State state_ = State::waits_for_connect;
  MqttVersion version_ = MqttVersion::v3_1_1;
  MqttReason reason_ = MqttReason::success;
  DeviceSession* session_ = nullptr;
  std::chrono::milliseconds silence_{};  // that ends the connection
  Time heard_at_;
  std::uint32_t session_expiry_ = 0;
  std::size_t packet_bytes_ = 0;
  std::size_t unanswered_ = 0;
  std::string answers_;
  std::vector<std::string> aliases_;  // by number, from 1
  std::vector<MqttUserProperty> properties_;
};

}  // namespace edgetide
