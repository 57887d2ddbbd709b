// Sees, while it is still coming, that one packet of a connection is larger than there is memory for: from the bytes
// that were read of the connection, and the messages that came of them.
//
// Thread: one owner at a time; pure. Fails: never.
#pragma once

#include <cstdint>

namespace edgetide {

class PacketWatch {
 public:
  explicit PacketWatch(std::uint64_t most_bytes) : most_bytes_(most_bytes) {}

  // Both since the connection began. True: since the last message more bytes came than a packet may have.
  bool look(std::uint64_t read_bytes, std::uint64_t messages) noexcept {
    if (messages != messages_) {
      messages_ = messages;
      read_before_ = read_bytes;
    }
    return read_bytes > read_before_ + most_bytes_;
  }

 private:
  const std::uint64_t most_bytes_;
  std::uint64_t messages_ = 0;
  std::uint64_t read_before_ = 0;
};

}  // namespace edgetide
