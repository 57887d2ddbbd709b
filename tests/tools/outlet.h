// Where simulated readings are sent: a broker, or one of the daemon's sockets. It shares no code with the daemon.
//
// Life cycle: made (connects) -> send* -> finish -> destroyed.
// Thread:  one.
// Fails:   std::runtime_error with the reason; it does not retry, so that the sent readings are known exactly.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace edgetide::simulation {

class Outlet {
 public:
  virtual ~Outlet() = default;
  // May block until the peer has taken earlier messages.
  virtual void send(std::string_view topic, std::string_view payload) = 0;
  // Returns when the peer has taken all that was sent, as far as its protocol can tell.
  virtual void finish() = 0;
  // How many of the messages sent, from the first on, the peer has taken.
  virtual std::size_t taken() const noexcept = 0;
};

// MQTT 3.1.1, QoS 1. `in_flight`: messages sent and not yet acknowledged, at most.
std::unique_ptr<Outlet> make_mqtt_outlet(const std::string& host, const std::string& port, std::size_t in_flight);

// A line per message, without the topic.
std::unique_ptr<Outlet> make_tcp_outlet(const std::string& host, const std::string& port);
std::unique_ptr<Outlet> make_udp_outlet(const std::string& host, const std::string& port);
std::unique_ptr<Outlet> make_unix_outlet(const std::string& path);

}  // namespace edgetide::simulation
