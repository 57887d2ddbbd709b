#include "daemon/decoders/id_text.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace edgetide {

namespace {

constexpr char32_t not_utf8 = 0xFFFF'FFFF;

constexpr bool is_printable_ascii(unsigned char byte) noexcept {
  return byte >= 0x20 && byte < 0x7f;
}

// The code point of a sequence of two bytes or more; takes it off the front.
char32_t take_code_point(std::string_view& text) noexcept {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return not_utf8;
  char32_t point = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) != 0x80) return not_utf8;
    point = (point << 6) | (byte & 0x3fu);
  }
  text.remove_prefix(length);
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x1'0000);
  const bool surrogate = point >= 0xd800 && point <= 0xdfff;
  return overlong || surrogate || point > 0x10'ffff ? not_utf8 : point;
}

constexpr bool is_printable(char32_t point) noexcept {
  if (point == not_utf8 || point < 0xa0) return false;                                    // C1 controls
  if (point == 0x2028 || point == 0x2029) return false;                                   // separators
  if (point == 0x061c || point == 0x200e || point == 0x200f) return false;                // bidirectional marks,
  return !(point >= 0x202a && point <= 0x202e) && !(point >= 0x2066 && point <= 0x2069);  // embeddings, isolates
}

template <typename Word>
std::uint64_t word_at(const char* bytes) noexcept {
  Word word = 0;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// Eight bytes at once, as nearly all ids are ASCII. False also where single bytes have to be looked at.
bool are_printable_ascii(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t each = 0x0101'0101'0101'0101;
  return ((bytes | (bytes + each) | (bytes - 0x20 * each)) & (0x80 * each)) == 0;
}

// The last eight bytes, or all of fewer: some may be there twice, blanks stand for those that are missing.
std::uint64_t last_bytes(std::string_view text) noexcept {
  const char* const end = text.data() + text.size();
  if (text.size() >= 8) return word_at<std::uint64_t>(end - 8);
  if (text.size() >= 4) return word_at<std::uint32_t>(text.data()) | word_at<std::uint32_t>(end - 4) << 32;
  std::uint64_t bytes = 0x2020'2020'2020'2020;
  for (const char c : text) bytes = bytes << 8 | static_cast<unsigned char>(c);
  return bytes;
}

bool is_printable_ascii(std::string_view text) noexcept {
  const std::uint64_t last = last_bytes(text);
  for (; text.size() > 8; text.remove_prefix(8)) {
    if (!are_printable_ascii(word_at<std::uint64_t>(text.data()))) return false;
  }
  return are_printable_ascii(last);
}

// Apart, so that it costs the usual id nothing.
[[gnu::noinline]] bool is_printable_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    if (byte < 0x80) {
      if (!is_printable_ascii(byte)) return false;
      text.remove_prefix(1);
    } else if (!is_printable(take_code_point(text))) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::size_t utf8_length(std::string_view text) noexcept {
  if (static_cast<unsigned char>(text.front()) < 0x80) return 1;
  const std::size_t size = text.size();
  return take_code_point(text) == not_utf8 ? 0 : size - text.size();
}

bool is_printable_text(std::string_view text) noexcept {
  return is_printable_ascii(text) || is_printable_utf8(text);
}

std::string escaped(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string shown;
  while (!text.empty()) {
    std::string_view rest = text;
    const bool is_ascii = static_cast<unsigned char>(text.front()) < 0x80;
    const bool shows =
        is_ascii ? is_printable_ascii(static_cast<unsigned char>(text.front())) : is_printable(take_code_point(rest));
    // After bytes that are not UTF-8 each is looked at again.
    const std::size_t length = is_ascii || rest.size() == text.size() ? 1 : text.size() - rest.size();
    for (const char c : text.substr(0, length)) {
      const auto byte = static_cast<unsigned char>(c);
      if (shows) {
        shown += c;
      } else {
        shown += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
      }
    }
    text.remove_prefix(length);
  }
  return shown;
}

}  // namespace edgetide
