// The first byte says how: its lowest bit MQTT 5, the next a WebSocket, the rest how the bytes are cut into pieces. The
// rest is what a broker sends. The verdict does not depend on the pieces, and what is accepted is read by a parser that
// believes every length, as Paho's does, within the bytes of its packet.
#include <memory>
#include <vector>

#include "daemon/broker/broker_packets.h"
#include "daemon/broker/web_socket_frames.h"
#include "tests/fuzz/fuzz_target.h"

namespace edgetide {
namespace {

constexpr std::uint64_t max_bytes = 2000;

// In memory of exactly its size, so that the sanitizer sees any byte that is read beyond it.
class Believer {
 public:
  explicit Believer(std::string_view body) : bytes_(new unsigned char[body.size()]), at_(bytes_.get()) {
    for (std::size_t i = 0; i < body.size(); ++i) bytes_[i] = static_cast<unsigned char>(body[i]);
    end_ = at_ + body.size();
  }
  unsigned next() { return *at_++; }
  unsigned number() {
    const unsigned high = next();
    return high << 8U | next();
  }
  void skip(unsigned count) {
    while (count-- > 0) sum_ += next();
  }
  void text() { skip(number()); }
  unsigned variable() {
    unsigned value = 0, bits = 0, byte = 0x80;
    for (; byte >= 0x80; bits += 7) value |= ((byte = next()) & 0x7FU) << bits;
    return value;
  }
  void properties() {
    const unsigned length = variable();
    const unsigned char* const end = at_ + length;
    while (at_ != end) property(next());
  }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

 private:
  void property(unsigned id) {
    switch (id) {
      case 0x02:
      case 0x11:
      case 0x18:
      case 0x27:
        return skip(4);
      case 0x13:
      case 0x21:
      case 0x22:
      case 0x23:
        return skip(2);
      case 0x0B:
        return static_cast<void>(variable());
      case 0x26:
        text();
        return text();
      case 0x03:
      case 0x08:
      case 0x09:
      case 0x12:
      case 0x15:
      case 0x16:
      case 0x1A:
      case 0x1C:
      case 0x1F:
        return text();
      default:
        return skip(1);
    }
  }

  std::unique_ptr<unsigned char[]> bytes_;
  const unsigned char* at_;
  const unsigned char* end_ = nullptr;
  unsigned sum_ = 0;
};

void believe(unsigned head, std::string_view body, bool is_5) {
  Believer in(body);
  const unsigned type = head >> 4U;
  if (type == 2) {
    in.skip(2);
    if (is_5) in.properties();
  } else if (type == 3) {
    in.text();
    if ((head >> 1U & 3U) > 0) in.skip(2);
    if (is_5) in.properties();
  } else if (type == 6 || type == 14) {
    if (type == 6) in.skip(2);
    if (is_5 && in.left() > 0) in.skip(1);
    if (is_5 && in.left() > 0) in.properties();
  } else if (type == 9 || type == 11) {
    in.skip(2);
    if (is_5) in.properties();
    const bool of_many = type == 11 && is_5;  // the end of several subscriptions
    require(of_many ? in.left() > 0 : in.left() == (type == 9 ? 1U : 0U), "an answer has its reason codes");
  } else {
    require(type == 13 && body.empty(), "no other packet is accepted");
  }
}

// All packets of what was accepted; the last may be cut off: that is returned.
std::string_view believe_all(std::string_view bytes, bool is_5) {
  while (bytes.size() >= 2) {
    const auto head = static_cast<unsigned char>(bytes[0]);
    std::size_t length = 0, at = 1;
    for (unsigned bits = 0; at < bytes.size(); bits += 7) {
      const auto next = static_cast<unsigned char>(bytes[at++]);
      length |= static_cast<std::size_t>(next & 0x7FU) << bits;
      if (next < 0x80) break;
      if (at == bytes.size()) return bytes;
    }
    require(length <= max_bytes, "no packet is too large");
    if (bytes.size() - at < length) return bytes;
    believe(head, bytes.substr(at, length), is_5);
    bytes.remove_prefix(at + length);
  }
  return bytes;
}

void believe_one(std::string_view packet, bool is_5) {
  require(packet.size() >= 2 && believe_all(packet, is_5).empty(), "a packet is whole");
}

// What the library gets of a WebSocket: whole packets, each in one frame, and whole control frames.
void believe_frames(std::string_view frames, bool is_5) {
  constexpr std::size_t packet_head = 10, control_head = 2;
  while (!frames.empty()) {
    require(frames.size() >= control_head, "the head of a frame is whole");
    const auto first = static_cast<unsigned char>(frames[0]);
    std::size_t length = static_cast<unsigned char>(frames[1]), head = control_head;
    if (first == 0x82) {
      require(length == 127 && frames.size() > packet_head, "a packet is in the longest form of a frame");
      length = 0;
      for (head = control_head; head < packet_head; ++head)
        length = length << 8U | static_cast<unsigned char>(frames[head]);
    } else {
      require((first == 0x88 || first == 0x89) && length < 126, "only two control frames are for the library");
    }
    require(frames.size() - head >= length, "a frame is whole");
    if (first == 0x82) believe_one(frames.substr(head, length), is_5);
    frames.remove_prefix(head + length);
  }
}

struct Verdict {
  std::string error;
  std::size_t accepted = 0;  // bytes before the piece that was refused
  std::string given;         // of a WebSocket
};

Verdict judge(std::string_view bytes, bool is_5, bool over_web_socket, std::size_t piece) {
  BrokerPackets packets({.protocol = is_5 ? 5 : 3,
                         .max_bytes = max_bytes,
                         .over_web_socket = over_web_socket,
                         .max_unreleased_bytes = 1600});
  WebSocketFrames frames;
  Verdict verdict;
  for (; verdict.accepted < bytes.size(); verdict.accepted += piece) {
    const std::string_view next = bytes.substr(verdict.accepted, piece);
    verdict.error = over_web_socket ? frames.take(next, packets) : packets.take(next);
    char given[64];
    while (const std::size_t count = frames.give(given, sizeof(given))) verdict.given.append(given, count);
    if (!verdict.error.empty()) break;
  }
  verdict.accepted = std::min(verdict.accepted, bytes.size());
  return verdict;
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes = edgetide::text_of(data, size);
  if (bytes.empty()) return 0;
  const auto how = static_cast<unsigned char>(bytes[0]);
  bytes.remove_prefix(1);
  const bool is_5 = how % 2 == 1, over_web_socket = how / 2 % 2 == 1;
  const edgetide::Verdict single = edgetide::judge(bytes, is_5, over_web_socket, 1);
  const edgetide::Verdict pieces = edgetide::judge(bytes, is_5, over_web_socket, how / 4 + 1);
  edgetide::require(single.error == pieces.error, "pieces change no verdict");
  edgetide::believe_frames(single.given, is_5);
  edgetide::believe_frames(pieces.given, is_5);
  if (!over_web_socket) edgetide::believe_all(bytes.substr(0, single.accepted), is_5);
  return 0;
}
