#include "daemon/decoders/nmea_sentence.h"

#include <algorithm>

#include "pipeline/characters.h"
#include "pipeline/whole_number.h"

namespace edgetide {

namespace {

constexpr std::size_t talker_bytes = 2, address_bytes = 5;

bool has_checksum(std::string_view body, std::string_view digits) noexcept {
  unsigned sum = 0;
  for (const char c : body) sum ^= static_cast<unsigned char>(c);
  return digits.size() == 2 && whole_number<unsigned>(digits, 16) == sum;
}

bool is_address(std::string_view text) noexcept {
  return text.size() == address_bytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || is_digit(c); });
}

}  // namespace

std::optional<Refusal> read_sentence(std::string_view line, NmeaSentence& sentence) noexcept {
  if (line.starts_with('!')) return Refusal::unsupported;
  if (!line.starts_with('$')) return Refusal::bad_syntax;
  const std::size_t star = line.find('*');
  std::string_view body = line.substr(1, star == std::string_view::npos ? star : star - 1);
  if (star != std::string_view::npos && !has_checksum(body, line.substr(star + 1))) return Refusal::bad_checksum;
  if (body.starts_with('P')) return Refusal::unsupported;
  sentence.address = body.substr(0, body.find(','));
  if (!is_address(sentence.address)) return Refusal::bad_syntax;
  sentence.talker = sentence.address.substr(0, talker_bytes);
  sentence.name = sentence.address.substr(talker_bytes);
  body.remove_prefix(address_bytes);
  for (sentence.count = 0; !body.empty(); ++sentence.count) {
    if (sentence.count == NmeaSentence::max_fields) return Refusal::too_many_values;
    body.remove_prefix(1);
    const std::size_t end = std::min(body.find(','), body.size());
    sentence.fields[sentence.count] = body.substr(0, end);
    body.remove_prefix(end);
  }
  return std::nullopt;
}

}  // namespace edgetide
