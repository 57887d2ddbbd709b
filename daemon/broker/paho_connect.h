// Connections to a broker with Eclipse Paho C++: what a source and a sink do in the same way.
//
// Each connection is a separate client: made, connected, used until it is lost, destroyed, all by one thread. So no
// stale token, callback or half-open session of the library is ever met again.
//
// Thread: that which owns the client, never a callback of the library.
// Blocks: `to`, `wait_for_answer` and `end_connection`, for so long as they say.
// Fails:  by exceptions with a reason: std::runtime_error, and the two of here.
#pragma once

#include <MQTTAsync.h>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mqtt/async_client.h>
#include <stdexcept>
#include <string>

#include "daemon/broker/broker_options.h"
#include "daemon/broker/paho_reads.h"
#include "daemon/service/mutex.h"
#include "daemon/service/server_address.h"

namespace edgetide {

inline constexpr std::chrono::seconds connect_timeout{15};
inline constexpr std::chrono::seconds status_timeout{5};  // PUBACK
inline constexpr char status_online[] = "online", status_offline[] = "offline";

// Somebody has to act: a file of the configuration may come, or come back; a broker may learn another protocol.
struct NeedsPerson : std::runtime_error {
  using runtime_error::runtime_error;
};
// A connection that could not be made, as the library says it.
struct ConnectFailed : std::runtime_error {
  ConnectFailed(const std::string& reason, int answer) : runtime_error(reason), code(answer) {}
  bool nothing_listens() const noexcept { return code == MQTTASYNC_FAILURE; }
  int code;  // the broker's answer, or MQTTASYNC_FAILURE; 0: neither
};

// Fails: std::invalid_argument. What uses a broker calls it when it is constructed.
void check_servers(const BrokerOptions& options);
// Requires, as all below: `check_servers` has passed.
ServerAddress server_of(const std::string& server);
// Fails: NeedsPerson. The library would only say "TLS connect failure", time and again, or wait for a FIFO with its
// lock held.
void check_readable(const TlsOptions& tls);

mqtt::create_options create_options_of(const BrokerOptions& options);
// For the constructor of a client.
std::string paho_uri(const std::string& server);
// With the last will of the status topic, and without anything of a session.
mqtt::connect_options connect_options_of(const BrokerOptions& options, const std::string& server);

// Why something that waits has to end; empty: it goes on.
using WhyEnded = std::function<std::string()>;
// How many messages have come: while they come, a broker that keeps many for us has not got to the answer, and the
// library, whose threads share a lock, may not have sent what it answers.
using MessageCount = std::function<std::uint64_t()>;
// Waits for the library's answer, in slices, so that a stop is not held up by a broker that says nothing; `at_most`
// since the last message.
// Fails: "WHAT: reason".
void wait_for_answer(
    mqtt::token& token, std::chrono::seconds at_most, const std::string& what, const WhyEnded& why_ended,
    const MessageCount& messages = [] { return std::uint64_t{0}; });

// One try to connect. Lives longer than the client, which may still call it.
class BrokerConnect final : private virtual mqtt::iaction_listener {
 public:
  BrokerConnect(const BrokerOptions& options, const std::string& server, const PahoReads& reads, WhyEnded why_ended)
      : options_(options), server_(server), reads_(reads), why_ended_(std::move(why_ended)) {}

  // Fails: ConnectFailed, NeedsPerson.
  mqtt::connect_response to(mqtt::async_client& client, const mqtt::connect_options& how);

 private:
  void on_success(const mqtt::token&) override {}
  void on_failure(const mqtt::token&) override;  // on the thread that has traced why
  std::string failure(int code, const char* otherwise) const;
  std::string copy_of_traced_failure() const;

  const BrokerOptions& options_;
  const std::string& server_;
  const PahoReads& reads_;
  const WhyEnded why_ended_;
  mutable Mutex mutex_;
  std::string traced_failure_ GUARDED_BY(mutex_);  // empty: none
};

// What no broker may answer to CONNECT, and a QoS that it does not have. Fails: std::runtime_error.
void check_connack(const BrokerOptions& options, bool clean, int qos, const mqtt::connect_response& answer);
// A number of MQTT 5, of 1, 2 or 4 bytes.
std::uint32_t number_in(const mqtt::properties& properties, mqtt::property::code code, std::uint32_t otherwise);

inline constexpr int reason_taken_over = 142;
// "the broker disconnected us, reason 139 (Server shutting down)"
std::string disconnect_words(int reason);

// Retained, of QoS 1.
mqtt::delivery_token_ptr publish_status(mqtt::async_client& client, const std::string& topic, const char* status);
// In order: says "offline" first where there is a status topic, since the broker drops the will of a client that
// disconnects. Within some seconds.
void end_connection(mqtt::async_client& client, const std::string& status_topic) noexcept;

}  // namespace edgetide
