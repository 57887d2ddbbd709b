// The publishing half of MQTT 3.1.1, as far as one QoS 1 publisher needs it (OASIS MQTT 3.1.1, sections 3.1 to 3.4).
// All packets a broker sends such a publisher are four bytes long.
#include <array>
#include <cstdint>
#include <stdexcept>
#include <unistd.h>

#include "tests/tools/connection.h"
#include "tests/tools/outlet.h"

namespace edgetide::simulation {
namespace {

constexpr unsigned char connect_packet = 0x10;
constexpr unsigned char connack_packet = 0x20;
constexpr unsigned char publish_qos1_packet = 0x32;
constexpr unsigned char puback_packet = 0x40;
constexpr unsigned char disconnect_packet = 0xE0;

void append_u16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xFF);
}

void append_text(std::string& out, std::string_view text) {
  append_u16(out, text.size());
  out += text;
}

std::string packet(unsigned char type, std::string_view body) {
  std::string out(1, static_cast<char>(type));
  std::size_t rest = body.size();
  do {
    out += static_cast<char>((rest & 0x7F) | (rest > 0x7F ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return out.append(body);
}

class MqttOutlet final : public Outlet {
 public:
  MqttOutlet(Connection connection, std::size_t in_flight) : connection_(std::move(connection)), in_flight_(in_flight) {
    constexpr char clean_session = 0x02;
    std::string body;
    append_text(body, "MQTT");
    body += {4, clean_session, 0, 0};  // protocol level, flags, no keep-alive
    append_text(body, "edgetide-simulate-" + std::to_string(::getpid()));
    connection_.write(packet(connect_packet, body));
    const Answer answer = read_answer();
    if (answer.type != connack_packet || answer.id != 0) throw std::runtime_error("the broker refused the connection");
  }

  void send(std::string_view topic, std::string_view payload) override {
    while (sent_ - taken_ >= in_flight_ || connection_.readable()) read_puback();
    std::string body;
    append_text(body, topic);
    append_u16(body, packet_id(sent_));
    body += payload;
    connection_.write(packet(publish_qos1_packet, body));
    ++sent_;
  }

  void finish() override {
    while (taken_ < sent_) read_puback();
    connection_.write(packet(disconnect_packet, ""));
  }

  std::size_t taken() const noexcept override { return taken_; }

 private:
  struct Answer {
    unsigned char type;
    std::size_t id;
  };

  static std::size_t packet_id(std::size_t message) { return message % 0xFFFF + 1; }

  Answer read_answer() {
    std::array<unsigned char, 4> bytes{};
    for (unsigned char& byte : bytes) byte = read_byte();
    if (bytes[1] != 2) throw std::runtime_error("the broker sent a packet that a publisher does not expect");
    return {bytes[0], bytes[2] * 256U + bytes[3]};
  }

  unsigned char read_byte() {
    if (at_ == filled_) {
      filled_ = connection_.read(buffer_);
      at_ = 0;
      if (filled_ == 0) throw std::runtime_error("the broker closed the connection");
    }
    return static_cast<unsigned char>(buffer_[at_++]);
  }

  void read_puback() {
    do {
      const Answer answer = read_answer();
      if (answer.type != puback_packet || answer.id != packet_id(taken_)) {
        throw std::runtime_error("the broker did not acknowledge in the order of sending");
      }
      ++taken_;
    } while (at_ < filled_);
  }

  Connection connection_;
  std::size_t in_flight_;
  std::size_t sent_ = 0;
  std::size_t taken_ = 0;
  std::array<char, 4096> buffer_{};
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
};

}  // namespace

std::unique_ptr<Outlet> make_mqtt_outlet(const std::string& host, const std::string& port, std::size_t in_flight) {
  return std::make_unique<MqttOutlet>(Connection::tcp(host, port), in_flight);
}

}  // namespace edgetide::simulation
