#include "daemon/decoders/json.h"

#include <algorithm>
#include <simdjson.h>
#include <vector>

#include "daemon/decoders/decoder.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

// simdjson takes no integer beyond 64 bits. Its last two digits, far below what a double holds, become an exponent of
// the same width: 123456789012345678901 -> 1234567890123456789e2. True if there was such an integer.
bool shorten_long_integers(char* text, std::size_t size) noexcept {
  bool shortened = false;
  bool in_text = false;
  for (std::size_t i = 0; i < size; ++i) {
    if (in_text && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      in_text = !in_text;
    } else if (!in_text && is_digit(text[i])) {
      const std::size_t start = i;
      while (i < size && is_digit(text[i])) ++i;
      const bool integer = i == size || (text[i] != '.' && text[i] != 'e' && text[i] != 'E');
      const bool fraction = start > 0 && (text[start - 1] == '.' || text[start - 1] == 'e' || text[start - 1] == 'E');
      const std::size_t max_digits = start > 0 && text[start - 1] == '-' ? 18 : 19;
      if (integer && !fraction && i - start > max_digits) {
        text[i - 2] = 'e';
        text[i - 1] = '2';
        shortened = true;
      }
      --i;
    }
  }
  return shortened;
}

Refusal refusal_of(simdjson::error_code error) noexcept {
  switch (error) {
    case simdjson::DEPTH_ERROR:
      return Refusal::too_deep;
    case simdjson::NUMBER_ERROR:
      return Refusal::bad_number;
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
      return Refusal::too_large;
    default:
      return Refusal::bad_syntax;
  }
}

}  // namespace

struct JsonParser::Simd {
  simdjson::dom::parser parser{max_payload_bytes};
  std::vector<char> padded;
  JsonTape tape;

  simdjson::error_code grow(std::size_t bytes) {
    std::size_t capacity = 1024;
    while (capacity < bytes) capacity *= 2;
    padded.resize(capacity + simdjson::SIMDJSON_PADDING);
    if (const auto error = parser.doc.allocate(capacity)) return error;
    return parser.allocate(capacity, max_json_depth + 1);
  }

  simdjson::error_code parse(std::size_t size) { return parser.parse(padded.data(), size, false).error(); }
};

JsonParser::JsonParser() : simd_(std::make_unique<Simd>()) {}
JsonParser::~JsonParser() = default;

JsonParsed JsonParser::parse(std::string_view text) {
  Simd& simd = *simd_;
  if (text.size() > max_payload_bytes) return {std::nullopt, Refusal::too_large};
  if (text.size() > simd.parser.capacity() || simd.padded.empty()) {
    if (const auto error = simd.grow(text.size())) return {std::nullopt, refusal_of(error)};
  }
  std::copy(text.begin(), text.end(), simd.padded.begin());
  std::fill_n(simd.padded.begin() + static_cast<std::ptrdiff_t>(text.size()), simdjson::SIMDJSON_PADDING, '\0');
  auto error = simd.parse(text.size());
  if (error == simdjson::NUMBER_ERROR && shorten_long_integers(simd.padded.data(), text.size())) {
    error = simd.parse(text.size());
  }
  if (error != simdjson::SUCCESS) return {std::nullopt, refusal_of(error)};
  simd.tape = {simd.parser.doc.tape.get(), simd.parser.doc.string_buf.get()};
  return {JsonValue(simd.tape, 1), {}};
}

}  // namespace edgetide
