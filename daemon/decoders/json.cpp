#include "daemon/decoders/json.h"

#include <algorithm>
#include <simdjson.h>
#include <vector>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/json_repair.h"
#include "daemon/decoders/json_shape.h"
#include "daemon/decoders/payload_text.h"
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
  std::vector<char> repaired;
  JsonTape tape;
  JsonShapes shapes;
  bool has_long_integers = false;

  simdjson::error_code grow(std::size_t bytes) {
    std::size_t capacity = 1024;
    while (capacity < bytes) capacity *= 2;
    padded.resize(capacity + simdjson::SIMDJSON_PADDING);
    if (const auto error = parser.doc.allocate(capacity)) return error;
    return parser.allocate(capacity, max_json_depth + 1);
  }

  simdjson::error_code read(std::string_view text) {
    has_long_integers = false;
    if (text.size() > parser.capacity() || padded.empty()) {
      if (const auto error = grow(text.size())) return error;
    }
    std::copy(text.begin(), text.end(), padded.begin());
    std::fill_n(padded.begin() + static_cast<std::ptrdiff_t>(text.size()), simdjson::SIMDJSON_PADDING, '\0');
    const auto error = parse(text.size());
    if (error != simdjson::NUMBER_ERROR || !shorten_long_integers(padded.data(), text.size())) return error;
    has_long_integers = true;
    return parse(text.size());
  }

  simdjson::error_code parse(std::size_t size) { return parser.parse(padded.data(), size, false).error(); }
};

JsonParser::JsonParser() : simd_(std::make_unique<Simd>()) {}
JsonParser::~JsonParser() = default;

const JsonTape& JsonParser::tape() const noexcept {
  return simd_->tape;
}

bool JsonParser::parse_repaired(std::string_view text) {
  Simd& simd = *simd_;
  if (!repair_json(text, simd.repaired)) return false;
  return simd.read({simd.repaired.data(), simd.repaired.size()}) == simdjson::SUCCESS;
}

JsonParsed JsonParser::parse(std::string_view text) {
  Simd& simd = *simd_;
  text = text_of_payload(text);
  if (text.size() > max_payload_bytes) return {std::nullopt, Refusal::too_large};
  if (const JsonTape* const known = simd.shapes.read(text)) {
    simd.tape = *known;
    return {JsonValue(simd.tape, 1), {}, false, simd.shapes.number()};
  }
  const auto error = simd.read(text);
  if (error != simdjson::SUCCESS) [[unlikely]] {
    const Refusal refusal = refusal_of(error);
    const bool repairable = refusal == Refusal::bad_syntax || refusal == Refusal::bad_number;
    if (!repairable || !parse_repaired(text)) return {std::nullopt, refusal};
  }
  simd.tape = {simd.parser.doc.tape.get(), simd.parser.doc.string_buf.get()};
  const bool is_as_written = error == simdjson::SUCCESS && !simd.has_long_integers;
  const bool is_remembered = is_as_written && simd.shapes.remember(text, simd.tape);
  return {JsonValue(simd.tape, 1), {}, simd.has_long_integers, is_remembered ? simd.shapes.number() : 0};
}

}  // namespace edgetide
