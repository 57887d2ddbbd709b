#include "daemon/decoders/json_repair.h"

#include <charconv>
#include <cstddef>
#include <system_error>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/id_text.h"
#include "daemon/decoders/json.h"
#include "daemon/decoders/number_text.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

constexpr bool is_structure(char c) noexcept {
  return c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':' || is_blank(c);
}
constexpr bool is_control(char c) noexcept {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// The digits at the front of the text.
std::size_t digits_of(std::string_view text) noexcept {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  return digits;
}

bool is_json_number(std::string_view word) noexcept {
  double number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  const bool is_too_small = error == std::errc::result_out_of_range && out_of_range_number(word) == 0;
  if ((error != std::errc() && !is_too_small) || end != word.data() + word.size()) return false;
  if (word.front() == '-') word.remove_prefix(1);
  const std::size_t whole = digits_of(word);
  if (whole == 0 || (whole > 1 && word.front() == '0')) return false;
  const std::string_view rest = word.substr(whole);
  return !rest.starts_with('.') || digits_of(rest.substr(1)) > 0;
}

class Repair {
 public:
  Repair(std::string_view text, std::vector<char>& out) : text_(text), out_(out) {}

  bool run() {
    while (at_ < text_.size()) {
      if (out_.size() > max_payload_bytes) return false;
      const char c = text_[at_];
      if (c == '"') {
        if (!copy_string()) return false;
      } else if (is_structure(c)) {
        out_.push_back(c);
        ++at_;
      } else if (is_control(c)) {
        replace(" ");
        ++at_;
      } else if (!copy_word()) {
        return false;
      }
    }
    return changed_ && out_.size() <= max_payload_bytes;
  }

 private:
  void append(std::string_view text) { out_.insert(out_.end(), text.begin(), text.end()); }
  void replace(std::string_view text) {
    append(text);
    changed_ = true;
  }

  bool copy_string() {
    append("\"");
    for (++at_; at_ < text_.size() && text_[at_] != '"';) {
      if (copy_surrogate()) continue;
      const bool escape = text_[at_] == '\\' && at_ + 1 < text_.size() && !is_control(text_[at_ + 1]);
      if (escape) out_.push_back(text_[at_++]);
      copy_character();
      if (out_.size() > max_payload_bytes) return false;
    }
    if (at_ == text_.size()) return false;
    append("\"");
    ++at_;
    return true;
  }

  // The code unit of "\\uXXXX" here; 0: there is none.
  unsigned code_unit_at(std::size_t at) const noexcept {
    constexpr std::size_t digits = 4;
    const std::string_view escape = text_.substr(std::min(at, text_.size()), 2 + digits);
    if (escape.size() < 2 + digits || !escape.starts_with("\\u")) return 0;
    unsigned code = 0;
    const auto [end, error] = std::from_chars(escape.data() + 2, escape.data() + escape.size(), code, 16);
    return error == std::errc() && end == escape.data() + escape.size() ? code : 0;
  }

  // Half of a pair without the other, as of an emoji that was cut, is the replacement character. False: it is none.
  bool copy_surrogate() {
    constexpr std::size_t size = 6;
    const auto is_first = [](unsigned code) { return code >= 0xD800 && code < 0xDC00; };
    const auto is_second = [](unsigned code) { return code >= 0xDC00 && code < 0xE000; };
    const unsigned code = code_unit_at(at_);
    if (!is_first(code) && !is_second(code)) return false;
    if (is_first(code) && is_second(code_unit_at(at_ + size))) {
      append(text_.substr(at_, 2 * size));
      at_ += 2 * size;
    } else {
      replace("\\ufffd");
      at_ += size;
    }
    return true;
  }

  // One of a string: as it is if JSON may have it.
  void copy_character() {
    const char c = text_[at_];
    const std::size_t bytes = utf8_length(text_.substr(at_));
    if (bytes > 0 && !is_control(c)) {
      append(text_.substr(at_, bytes));
      at_ += bytes;
      return;
    }
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    replace("\\u00");
    out_.push_back(digits[byte >> 4]);
    out_.push_back(digits[byte & 15]);
    ++at_;
  }

  // Without quotes: a value, or what should have been one.
  bool copy_word() {
    const std::size_t start = at_;
    std::size_t end = at_;
    while (end < text_.size() && !is_structure(text_[end]) && text_[end] != '"' && !is_control(text_[end])) ++end;
    const std::string_view word = text_.substr(start, end - start);
    if (word == "true" || word == "false" || word == "null" || is_json_number(word)) {
      append(word);
      at_ = end;
      return true;
    }
    const std::size_t next = text_.find_first_not_of(" \t\r\n", end);
    const bool is_key = next != std::string_view::npos && text_[next] == ':';
    if (is_key || word.find('\\') != std::string_view::npos) return false;
    replace("\"\\u0001");
    while (at_ < end) copy_character();
    append("\"");
    return true;
  }

  std::string_view text_;
  std::vector<char>& out_;
  std::size_t at_ = 0;
  bool changed_ = false;
};

}  // namespace

bool repair_json(std::string_view text, std::vector<char>& out) {
  out.clear();
  return Repair(text, out).run();
}

}  // namespace edgetide
