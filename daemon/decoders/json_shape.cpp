#include "daemon/decoders/json_shape.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "daemon/decoders/id_text.h"
#include "daemon/decoders/short_decimal.h"
#include "pipeline/characters.h"
#include "pipeline/name_hash.h"

namespace edgetide {

namespace {

constexpr std::uint32_t max_skip = 256;
constexpr std::uint32_t max_pause = 63;
constexpr std::size_t max_read_bytes = 4 * JsonShape::max_text_bytes;

constexpr std::uint64_t word_of(char type, std::uint64_t payload = 0) noexcept {
  return std::uint64_t{static_cast<unsigned char>(type)} << 56 | payload;
}
constexpr char type_of(std::uint64_t word) noexcept {
  return static_cast<char>(word >> 56);
}
constexpr bool is_number_type(char type) noexcept {
  return type == 'l' || type == 'u' || type == 'd';
}
constexpr bool is_scalar_type(char type) noexcept {
  return is_number_type(type) || type == '"' || type == 't' || type == 'f' || type == 'n';
}

constexpr bool is_plain(char c) noexcept {
  return c >= 0x20 && is_ascii(c) && c != '"' && c != '\\';
}

// Behind the bytes that a string may have as they are.
const char* skip_plain(const char* at, const char* end) noexcept {
  constexpr std::uint64_t each = 0x0101'0101'0101'0101, high = 0x80 * each;
  while (end - at >= 8) {
    const auto bytes = detail::load<std::uint64_t>(at);
    const auto zero = [](std::uint64_t word) { return (word - each) & ~word; };  // the lowest mark is right
    const std::uint64_t marks =
        (bytes | (bytes - 0x20 * each) | zero(bytes ^ '"' * each) | zero(bytes ^ '\\' * each)) & high;
    if (marks != 0) {
      if constexpr (std::endian::native != std::endian::little) break;
      return at + std::countr_zero(marks) / 8;
    }
    at += 8;
  }
  while (at != end && is_plain(*at)) ++at;
  return at;
}

// Of a string, from its quote: behind the closing one.
std::size_t end_of_string(std::string_view text, std::size_t at) noexcept {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

std::size_t end_of_word(std::string_view text, std::size_t at) noexcept {
  return std::min(text.find_first_of(",]} \t\r\n", at), text.size());
}

bool is_key(std::string_view text, std::size_t end) noexcept {
  const std::size_t next = text.find_first_not_of(" \t\r\n", end);
  return next != std::string_view::npos && text[next] == ':';
}

bool begins_value(char c) noexcept {
  return c == '"' || c == '-' || is_digit(c) || is_letter(c);
}

}  // namespace

// Scalars stand in the tape in the order of the text.
bool JsonShape::remember(std::string_view text, const JsonTape& tape) {
  values_.clear();
  between_.clear();
  words_.clear();
  if (text.size() > max_text_bytes) return false;
  std::size_t word = 1, last = 0, string_bytes = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (!begins_value(text[at])) {
      ++at;
      continue;
    }
    while (!is_scalar_type(type_of(tape.words[word]))) ++word;
    const char type = type_of(tape.words[word]);
    const std::size_t end = type == '"' ? end_of_string(text, at) : end_of_word(text, at);
    if (type == '"') {
      std::uint32_t size = 0;
      const std::size_t offset = tape.words[word] & 0x00FF'FFFF'FFFF'FFFF;
      std::memcpy(&size, tape.texts + offset, sizeof size);
      string_bytes = offset + sizeof size + size;
    }
    if (type != '"' || !is_key(text, end)) {
      if (values_.size() == max_values) return false;
      values_.push_back(
          {static_cast<std::uint32_t>(at - last), static_cast<std::uint32_t>(word), is_number_type(type)});
      between_ += text.substr(last, at - last);
      last = end;
    }
    word += is_number_type(type) ? 2 : 1;
    at = end;
  }
  between_ += text.substr(last);
  const std::size_t words = tape.words[0] & 0x00FF'FFFF'FFFF'FFFF;  // where the root ends
  words_.assign(tape.words, tape.words + words + 1);
  strings_.assign(tape.texts, tape.texts + string_bytes);
  key_bytes_ = string_bytes;
  make_room(text.size());
  return true;
}

// For the strings of such a text.
void JsonShape::make_room(std::size_t text_bytes) {
  const std::size_t most = key_bytes_ + text_bytes + sizeof(std::uint32_t) * values_.size();
  if (strings_.size() < most) strings_.resize(most);
}

JsonShape::Answer JsonShape::read(std::string_view text) {
  if (words_.empty() || text.size() > max_read_bytes) return Answer::other;
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* gap = between_.data();
  const auto takes_gap = [&](std::size_t size) {
    if (static_cast<std::size_t>(end - at) < size || detail::difference(at, gap, size) != 0) return false;
    at += size;
    gap += size;
    return true;
  };
  make_room(text.size());
  used_ = key_bytes_;
  for (const Value& value : values_) {
    if (!takes_gap(value.before) || at == end) return Answer::other;
    if (value.is_number != (*at == '-' || is_digit(*at))) return Answer::other;
    std::uint64_t* const words = words_.data() + value.word;
    at = value.is_number ? read_number(at, end, words) : read_other(at, end, words);
    if (at == nullptr) return Answer::unusual;
  }
  const auto rest = static_cast<std::size_t>(between_.data() + between_.size() - gap);
  if (!takes_gap(rest) || at != end) return Answer::other;
  tape_ = {words_.data(), strings_.data()};
  return Answer::read;
}

// Behind the value; null: it is an unusual one.
const char* JsonShape::read_number(const char* at, const char* end, std::uint64_t* words) const noexcept {
  constexpr auto max_integer = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const auto decimal = short_decimal({at, static_cast<std::size_t>(end - at)});
  if (!decimal || decimal->has_leading_zero) return nullptr;
  if (decimal->decimals == 0) {
    if (decimal->digits > max_integer) return nullptr;
    words[0] = word_of('l');
    words[1] = decimal->negative ? std::uint64_t{0} - decimal->digits : decimal->digits;
  } else {
    double number = decimal->number();
    if (!decimal->is_exact()) std::from_chars(at, at + decimal->length, number);
    words[0] = word_of('d');
    words[1] = std::bit_cast<std::uint64_t>(number);
  }
  return at + decimal->length;
}

const char* JsonShape::read_other(const char* at, const char* end, std::uint64_t* word) noexcept {
  if (*at == '"') return read_string(at + 1, end, word);
  const std::string_view rest(at, static_cast<std::size_t>(end - at));
  for (const std::string_view name : {"true", "false", "null"}) {
    if (!rest.starts_with(name)) continue;
    *word = word_of(name.front());
    return at + name.size();
  }
  return nullptr;
}

const char* JsonShape::read_string(const char* at, const char* end, std::uint64_t* word) noexcept {
  const char* close = skip_plain(at, end);
  while (close != end && !is_ascii(*close)) {
    const std::size_t character = utf8_length({close, static_cast<std::size_t>(end - close)});
    if (character == 0) return nullptr;
    close = skip_plain(close + character, end);
  }
  if (close == end || *close != '"') return nullptr;
  const auto size = static_cast<std::uint32_t>(close - at);
  *word = word_of('"', used_);
  std::memcpy(strings_.data() + used_, &size, sizeof size);
  std::memcpy(strings_.data() + used_ + sizeof size, at, size);
  used_ += sizeof size + size;
  return close + 1;
}

const JsonTape* JsonShapes::read(std::string_view text) {
  is_known_ = pause_ > 0;
  if (is_known_) {
    --pause_;
    return nullptr;
  }
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    const std::size_t index = i == 0 ? newest_ : i <= newest_ ? i - 1 : i;  // the newest first
    const JsonShape::Answer answer = shapes_[index].read(text);
    if (answer == JsonShape::Answer::other) continue;
    if (answer == JsonShape::Answer::unusual) {
      is_known_ = true;
      pause_ = std::exchange(next_pause_, std::min(2 * next_pause_ + 1, max_pause));
      return nullptr;
    }
    next_pause_ = 0;
    newest_ = index;
    next_skip_ = 1;
    skip_ = std::min(skip_, next_skip_);
    return &shapes_[index].tape();
  }
  return nullptr;
}

bool JsonShapes::remember(std::string_view text, const JsonTape& tape) {
  if (is_known_ || text.size() > JsonShape::max_text_bytes) return false;
  if (skip_ > 0) {
    --skip_;
    return false;
  }
  skip_ = std::exchange(next_skip_, std::min(next_skip_ * 2, max_skip));
  const std::size_t index = last_number_++ % max_shapes;
  if (index == shapes_.size()) shapes_.emplace_back();
  numbers_[index] = last_number_;
  if (!shapes_[index].remember(text, tape)) return false;
  newest_ = index;
  return true;
}

}  // namespace edgetide
