#include "sinks/scram_limit.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "pipeline/whole_number.h"

namespace edgetide {

namespace {

// AuthenticationSASLContinue: 'R', the length without that, 11, then "r=NONCE,s=SALT,i=ROUNDS" (RFC 5802, 5.1). libpq
// takes no such message of more than 2,000 bytes.
constexpr std::size_t message_head_bytes = 9, message_length_bytes = 4, max_message_bytes = 4096;
constexpr std::string_view continues("\0\0\0\x0b", 4);

std::size_t length_of(std::string_view head) noexcept {
  std::size_t length = 0;
  for (const char byte : head.substr(1, message_length_bytes)) length = length << 8 | static_cast<unsigned char>(byte);
  return length;
}

bool wants_too_many(std::string_view message) noexcept {
  while (true) {
    const std::string_view part = message.substr(0, message.find(','));
    if (part.starts_with("i=")) {
      const auto rounds = whole_number<std::uint64_t>(part.substr(2));
      if (!rounds || *rounds > ScramLimit::max_rounds) return true;
    }
    if (part.size() == message.size()) return false;
    message.remove_prefix(part.size() + 1);
  }
}

}  // namespace

// Wherever it may begin: what the server says before need not be well-formed.
bool ScramLimit::accepts(std::string_view bytes) noexcept {
  newest_ += bytes;
  const std::string_view all = newest_;
  for (std::size_t at = all.find('R'); at < all.size(); at = all.find('R', at + 1)) {
    const std::string_view from = all.substr(at);
    if (from.size() < message_head_bytes || from.substr(1 + message_length_bytes, continues.size()) != continues)
      continue;
    const std::size_t end = 1 + length_of(from);
    if (end <= message_head_bytes || end > max_message_bytes || end > from.size()) continue;
    has_refused_ = has_refused_ || wants_too_many(from.substr(message_head_bytes, end - message_head_bytes));
  }
  newest_.erase(0, newest_.size() - std::min(newest_.size(), max_message_bytes));
  return !has_refused_;
}

}  // namespace edgetide
