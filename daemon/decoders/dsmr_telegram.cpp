#include "daemon/decoders/dsmr_telegram.h"

#include <algorithm>
#include <optional>

#include "daemon/decoders/line_text.h"
#include "daemon/decoders/number_text.h"
#include "pipeline/whole_number.h"

namespace edgetide {

namespace {

// The line at the front, without its end.
std::string_view take_telegram_line(std::string_view& text) noexcept {
  const std::size_t end = next_line(text, 0);
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end);
  return without_blanks(line);
}

// The place of a line that begins with one of these, from the second line on; the end of the text if there is none.
std::size_t line_with(std::string_view text, std::string_view first) noexcept {
  std::size_t at = next_line(text, 0);
  while (at < text.size() && first.find(text[at]) == std::string_view::npos) at = next_line(text, at);
  return at;
}

bool has_version(std::string_view objects) noexcept {
  return objects.find("\n1-3:0.2.8(") != std::string_view::npos ||
         objects.find("\n0-0:96.1.4(") != std::string_view::npos;
}

bool is_sum(std::string_view digits, std::uint16_t sum) noexcept {
  return digits.size() == 4 && whole_number<std::uint16_t>(digits, 16) == sum;
}

void add_byte(std::uint16_t& sum, char byte) noexcept {
  constexpr unsigned polynomial = 0xA001;
  unsigned value = sum ^ static_cast<unsigned char>(byte);
  for (int bit = 0; bit < 8; ++bit) value = (value & 1U) != 0 ? value >> 1U ^ polynomial : value >> 1U;
  sum = static_cast<std::uint16_t>(value);
}

}  // namespace

std::variant<DsmrTelegram, Refusal> take_telegram(std::string_view& text) noexcept {
  const std::string_view whole = text;
  const bool has_header = whole.front() == '/';
  const std::size_t end = line_with(whole, has_header ? "!/" : "/");
  text.remove_prefix(end);
  if (!has_header || end == whole.size() || whole[end] == '/') return Refusal::bad_syntax;
  const std::string_view checksum = take_telegram_line(text).substr(1);
  std::string_view objects = whole.substr(0, end);
  const bool must_have_sum = has_version(objects);
  const std::string_view header = take_telegram_line(objects).substr(1);
  if ((must_have_sum || !checksum.empty()) && !is_sum(checksum, dsmr_checksum(whole.substr(0, end + 1)))) {
    return Refusal::bad_checksum;
  }
  return DsmrTelegram{header, objects};
}

bool take_object(std::string_view& lines, DsmrObject& object) noexcept {
  std::string_view line = take_telegram_line(lines);
  const std::size_t code_end = line.find('(');
  if (code_end == std::string_view::npos) return false;
  object.code = line.substr(0, std::min(code_end, line.find('*')));  // without "*255", which some meters add
  line.remove_prefix(code_end);
  for (object.count = 0; !line.empty() && object.count < DsmrObject::max_values; ++object.count) {
    const std::size_t end = line.find(')');
    if (line.front() != '(' || end == std::string_view::npos) return false;
    object.values[object.count] = line.substr(1, end - 1);
    line.remove_prefix(end + 1);
  }
  return true;
}

std::uint16_t dsmr_checksum(std::string_view bytes) noexcept {
  std::uint16_t sum = 0;
  char before = 0;
  for (const char byte : bytes) {
    if (byte == '\n' && before != '\r') add_byte(sum, '\r');
    add_byte(sum, byte);
    before = byte;
  }
  return sum;
}

}  // namespace edgetide
