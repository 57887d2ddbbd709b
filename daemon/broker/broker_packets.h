// What a broker sends, checked packet by packet before the MQTT library parses it: the library believes the lengths
// inside of a packet, and reads a packet of any size into memory. Accepted is what the standard allows a broker to send
// to a client that subscribes to one filter at a time, unsubscribes from some, and publishes with QoS 0 or 1.
//
// Thread: one owner at a time; pure.
// Fails:  `take` says what is wrong. Then no byte more may be used of this connection, nor these.
// Limit:  holds the packet at hand, up to `max_bytes` with MQTT 5, up to its topic with 3.1.1.
// See:    MQTT Version 5.0, 2.1 to 2.2 and 3.2 to 3.15
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace edgetide {

class BrokerPackets {
 public:
  struct Limits {
    int protocol = 5;             // else 3.1.1
    std::uint64_t max_bytes = 0;  // of a packet
    bool over_web_socket = false;
    // Messages of QoS 2 that the broker has not released, which the library keeps; with 3.1.1 there are none. Some
    // brokers send all that waits for a client when it connects, whatever receive maximum it has announced.
    std::size_t max_unreleased_bytes = 0;
    bool publishes_qos_1 = false;  // so that the broker sends PUBACK
  };

  explicit BrokerPackets(Limits limits) : limits_(limits) {}

  // The next bytes of the connection, in any pieces. Empty: all is well.
  std::string take(std::string_view bytes);

  // How many bytes of the stream belong to the packet at hand at least.
  std::size_t wanted() const noexcept;
  bool is_between_packets() const noexcept { return part_ == Part::type; }
  // Of the packet that is being read, without its head; 0: none is, or its length has not come.
  std::uint64_t bytes_at_hand() const noexcept { return part_ == Part::body ? length_ : 0; }
  std::uint64_t max_bytes() const noexcept { return limits_.max_bytes; }
  bool has_begun() const noexcept { return begun_; }         // a byte came
  bool is_too_large() const noexcept { return too_large_; }  // that is what `take` has said
  bool is_older() const noexcept { return older_; }          // or that a broker of 3.1.1 has answered for MQTT 5

 private:
  enum class Part { type, length, body };

  std::string take_type(unsigned char head);
  std::string take_length(unsigned char next);
  std::string take_body(std::string_view& bytes);
  std::string finish(std::string_view body);
  std::string check(std::string_view body);
  std::string check_publish(std::string_view body);
  std::string check_answer(std::string_view body, std::size_t least, std::size_t most) const;
  std::string malformed() const;
  bool is_5() const noexcept { return limits_.protocol == 5; }

  const Limits limits_;
  Part part_ = Part::type;
  bool begun_ = false, connected_ = false, too_large_ = false, older_ = false;
  unsigned char head_ = 0;                 // of the packet at hand
  std::uint32_t length_ = 0;               // of its body
  unsigned length_bits_ = 0;               // that were read of it
  std::uint32_t left_ = 0;                 // of the body
  std::string body_;                       // as far as it is needed, if it came in pieces
  std::vector<std::uint32_t> unreleased_;  // by packet id: bytes; empty before the first
  std::size_t unreleased_bytes_ = 0;
};

}  // namespace edgetide
