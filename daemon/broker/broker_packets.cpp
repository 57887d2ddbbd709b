#include "daemon/broker/broker_packets.h"

#include <algorithm>
#include <array>
#include <utility>

namespace edgetide {

namespace {

constexpr std::size_t bytes_of_message = 512;  // that the library takes for each, about
enum PacketType {
  connack = 2,
  publish = 3,
  puback = 4,
  pubrel = 6,
  suback = 9,
  unsuback = 11,
  pingresp = 13,
  disconnect = 14
};

constexpr std::array<const char*, 16> packet_names = {
    "packet of type 0", "CONNECT", "CONNACK",     "PUBLISH",  "PUBACK",  "PUBREC",   "PUBREL",     "PUBCOMP",
    "SUBSCRIBE",        "SUBACK",  "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"};

constexpr unsigned char tls_alert = 0x15;  // content type of TLS; no packet of a broker begins so

constexpr std::size_t shortest_packet = 2;
constexpr unsigned max_length_bits = 4 * 7;
constexpr std::size_t max_head_3 = 2 + 65'535 + 2;  // topic and packet id
constexpr std::size_t packet_id_count = 65'536;
constexpr std::size_t max_unsubscribed = 65'536;  // filters at a time

bool skip(std::string_view& in, std::size_t bytes) {
  if (in.size() < bytes) return false;
  in.remove_prefix(bytes);
  return true;
}

bool read_number(std::string_view& in, std::uint16_t& number) {
  if (in.size() < 2) return false;
  number = static_cast<std::uint16_t>(static_cast<unsigned char>(in[0]) << 8 | static_cast<unsigned char>(in[1]));
  return skip(in, 2);
}

bool read_variable(std::string_view& in, std::uint32_t& number) {
  number = 0;
  for (unsigned bits = 0; bits < max_length_bits && !in.empty(); bits += 7) {
    const auto next = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    number |= static_cast<std::uint32_t>(next & 0x7FU) << bits;
    if (next < 0x80) return true;
  }
  return false;
}

bool skip_text(std::string_view& in) {
  std::uint16_t bytes = 0;
  return read_number(in, bytes) && skip(in, bytes);
}

bool skip_value(std::string_view& in, unsigned char property) {
  std::uint32_t ignored = 0;
  switch (property) {
    case 0x01:
    case 0x17:
    case 0x19:
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2A:
      return skip(in, 1);
    case 0x13:
    case 0x21:
    case 0x22:
    case 0x23:
      return skip(in, 2);
    case 0x02:
    case 0x11:
    case 0x18:
    case 0x27:
      return skip(in, 4);
    case 0x0B:
      return read_variable(in, ignored);
    case 0x03:
    case 0x08:
    case 0x09:
    case 0x12:
    case 0x15:
    case 0x16:
    case 0x1A:
    case 0x1C:
    case 0x1F:
      return skip_text(in);
    case 0x26:
      return skip_text(in) && skip_text(in);
    default:
      return false;
  }
}

bool skip_properties(std::string_view& in) {
  std::uint32_t bytes = 0;
  if (!read_variable(in, bytes) || bytes > in.size()) return false;
  std::string_view properties = in.substr(0, bytes);
  in.remove_prefix(bytes);
  while (!properties.empty()) {
    const auto property = static_cast<unsigned char>(properties.front());
    properties.remove_prefix(1);
    if (!skip_value(properties, property)) return false;
  }
  return true;
}

// A reason code, and properties where there are more bytes than that; both may be left out.
bool is_reason(std::string_view in) {
  return in.size() <= 1 || (skip(in, 1) && skip_properties(in));
}

}  // namespace

std::string BrokerPackets::take(std::string_view bytes) {
  begun_ |= !bytes.empty();
  while (!bytes.empty()) {
    std::string error;
    if (part_ == Part::body) {
      error = take_body(bytes);
    } else {
      const auto next = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      error = part_ == Part::type ? take_type(next) : take_length(next);
    }
    if (!error.empty()) return error;
  }
  return {};
}

std::size_t BrokerPackets::wanted() const noexcept {
  if (part_ == Part::body) return left_;
  return part_ == Part::type ? shortest_packet : 1;
}

std::string BrokerPackets::take_type(unsigned char head) {
  if (head == tls_alert && !connected_) return "a TLS alert: its port wants TLS, which is written mqtts:// or wss://";
  head_ = head;
  length_ = length_bits_ = 0;
  part_ = Part::length;
  const std::string name = packet_names[head_ >> 4U];
  switch (head_ >> 4U) {
    case connack:
      return connected_ ? "a second CONNACK" : "";
    case disconnect:
      if (!is_5()) break;
      return {};
    case puback:
      if (!limits_.publishes_qos_1) break;
      [[fallthrough]];
    case publish:
    case pubrel:
    case suback:
    case unsuback:
    case pingresp:
      return connected_ ? "" : "a " + name + " before its CONNACK";
    default:
      break;
  }
  return "a " + name + ", which a broker does not send to this client";
}

std::string BrokerPackets::take_length(unsigned char next) {
  length_ |= static_cast<std::uint32_t>(next & 0x7FU) << length_bits_;
  length_bits_ += 7;
  if (next >= 0x80) return length_bits_ < max_length_bits ? "" : "a packet whose length has no end";
  if (length_ > limits_.max_bytes) {
    too_large_ = true;
    return "a " + std::string(packet_names[head_ >> 4U]) + " of " + std::to_string(length_) + " bytes, " +
           std::to_string(limits_.max_bytes) + " are the most";
  }
  left_ = length_;
  body_.clear();
  part_ = Part::body;
  return left_ == 0 ? finish({}) : std::string();
}

std::string BrokerPackets::take_body(std::string_view& bytes) {
  const std::string_view more = bytes.substr(0, left_);
  bytes.remove_prefix(more.size());
  left_ -= static_cast<std::uint32_t>(more.size());
  if (more.size() == length_) return finish(more);
  const std::size_t needed = is_5() ? length_ : std::min<std::size_t>(length_, max_head_3);
  body_.append(more.substr(0, needed - std::min(needed, body_.size())));
  return left_ == 0 ? finish(body_) : std::string();
}

std::string BrokerPackets::finish(std::string_view body) {
  part_ = Part::type;
  return check(body);
}

std::string BrokerPackets::check(std::string_view body) {
  switch (head_ >> 4U) {
    case connack:
      connected_ = true;
      older_ = is_5() && body.size() == 2;
      if (older_) return "a CONNACK of MQTT 3.1.1";
      return skip(body, 2) && (!is_5() || skip_properties(body)) ? "" : malformed();
    case publish:
      return check_publish(body);
    case puback:
      return skip(body, 2) && (is_5() ? is_reason(body) : body.empty()) ? "" : malformed();
    case pubrel: {
      std::uint16_t id = 0;
      if (!read_number(body, id) || (is_5() && !is_reason(body))) return malformed();
      if (!unreleased_.empty()) unreleased_bytes_ -= std::exchange(unreleased_[id], 0);
      return {};
    }
    case suback:
      return check_answer(body, 1, 1);
    case unsuback:
      return is_5() ? check_answer(body, 1, max_unsubscribed) : check_answer(body, 0, 0);
    case disconnect:
      return is_reason(body) ? "" : malformed();
    default:
      return body.empty() ? "" : malformed();
  }
}

std::string BrokerPackets::check_publish(std::string_view body) {
  const unsigned qos = head_ >> 1U & 3U;
  std::uint16_t id = 0;
  if (qos == 3 || !skip_text(body) || (qos > 0 && !read_number(body, id)) || (is_5() && !skip_properties(body)))
    return malformed();
  if (qos < 2) return {};
  if (!is_5()) return "a PUBLISH of QoS 2, which was not subscribed to";
  if (unreleased_.empty()) unreleased_.resize(packet_id_count);
  unreleased_bytes_ -= unreleased_[id];
  unreleased_[id] = static_cast<std::uint32_t>(body.size() + bytes_of_message);
  unreleased_bytes_ += unreleased_[id];
  if (unreleased_bytes_ <= limits_.max_unreleased_bytes) return {};
  return "messages of QoS 2 with more than " + std::to_string(limits_.max_unreleased_bytes) + " bytes at once";
}

std::string BrokerPackets::check_answer(std::string_view body, std::size_t least, std::size_t most) const {
  if (!skip(body, 2) || (is_5() && !skip_properties(body))) return malformed();
  if (body.size() >= least && body.size() <= most) return {};
  return "a " + std::string(packet_names[head_ >> 4U]) + " with " + std::to_string(body.size()) + " reason codes";
}

std::string BrokerPackets::malformed() const {
  return "a malformed " + std::string(packet_names[head_ >> 4U]);
}

}  // namespace edgetide
