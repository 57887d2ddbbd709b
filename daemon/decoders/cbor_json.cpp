#include "daemon/decoders/cbor_json.h"

#include <array>
#include <cbor/streaming.h>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "daemon/decoders/decoder.h"
#include "daemon/decoders/json.h"

namespace edgetide {

namespace {

enum CborTag : std::uint64_t { positive_bignum = 2, negative_bignum = 3, decimal_fraction = 4, bigfloat = 5 };

constexpr std::uint64_t max_exponent = 9999;  // of a decimal fraction; beyond what a double holds

// Writes the items of a payload as they come.
class CborWriter {
 public:
  explicit CborWriter(std::string& out) : out_(out) { out_.clear(); }

  std::optional<Refusal> refusal() const noexcept { return refusal_; }
  bool complete() const noexcept { return complete_; }

  void take_integer(bool negative, std::uint64_t magnitude);
  template <typename Float>
  void take_float(Float value);
  void take_word(std::string_view word);
  void take_text(std::string_view text) { take_string(Chunks::text, text); }
  void take_bytes(std::string_view bytes) { take_string(Chunks::bytes, bytes); }
  void begin_text() { begin_chunks(Chunks::text); }
  void begin_bytes() { begin_chunks(Chunks::bytes); }
  void begin_container(bool is_map, std::optional<std::uint64_t> count);
  void take_tag(std::uint64_t tag);
  void take_break();

 private:
  struct Container {
    bool is_map = false;
    std::uint64_t taken = 0;             // keys and values alike
    std::optional<std::uint64_t> count;  // none: up to a break
  };
  enum class Chunks { none, text, bytes };
  enum class Part { none, exponent, mantissa };

  void refuse(Refusal reason) noexcept {
    if (!refusal_) refusal_ = reason;
  }
  bool at_key() const noexcept { return depth_ > 0 && open_[depth_ - 1].is_map && open_[depth_ - 1].taken % 2 == 0; }
  bool begin_item(bool may_be_key = false);
  void end_item();
  void close_container();
  void begin_chunks(Chunks chunks);
  void end_chunks();
  void take_string(Chunks chunks, std::string_view string);
  void take_part(bool negative, std::uint64_t magnitude);
  void append_integer(bool negative, std::uint64_t magnitude);
  void append_text(std::string_view text);
  void append_hexadecimal(std::string_view bytes);

  std::string& out_;
  std::array<Container, max_json_depth> open_{};
  std::size_t depth_ = 0;
  Chunks chunks_ = Chunks::none;      // of the string that is open
  std::optional<std::uint64_t> tag_;  // of the next item
  Part part_ = Part::none;            // of a decimal fraction, that comes next
  std::int64_t exponent_ = 0;
  std::optional<Refusal> refusal_;
  bool complete_ = false;
};

// Puts what stands between items. False: it may not stand here.
bool CborWriter::begin_item(bool may_be_key) {
  if (chunks_ != Chunks::none || (at_key() && !may_be_key)) refuse(Refusal::bad_syntax);
  if (part_ != Part::none || tag_ == bigfloat) refuse(Refusal::unsupported);
  if (refusal_) return false;
  if (depth_ == 0) return true;
  const Container& around = open_[depth_ - 1];
  if (around.is_map && around.taken % 2 == 1) {
    out_ += ':';
  } else if (around.taken > 0) {
    out_ += ',';
  }
  return true;
}

void CborWriter::end_item() {
  tag_.reset();
  if (out_.size() > max_payload_bytes) refuse(Refusal::too_large);
  if (depth_ == 0) {
    complete_ = true;
  } else if (Container& around = open_[depth_ - 1]; ++around.taken == around.count) {
    close_container();
  }
}

void CborWriter::begin_container(bool is_map, std::optional<std::uint64_t> count) {
  if (!begin_item()) return;
  if (tag_ == decimal_fraction) {
    if (is_map || count != 2U) return refuse(Refusal::unsupported);
    part_ = Part::exponent;
    return;
  }
  if (depth_ == open_.size()) return refuse(Refusal::too_deep);
  if (count > max_payload_bytes) return refuse(Refusal::bad_syntax);  // an item has a byte at least
  tag_.reset();
  out_ += is_map ? '{' : '[';
  open_[depth_++] = {is_map, 0, is_map && count ? *count * 2 : count};
  if (count == 0U) close_container();
}

void CborWriter::close_container() {
  out_ += open_[--depth_].is_map ? '}' : ']';
  end_item();
}

void CborWriter::take_break() {
  if (chunks_ != Chunks::none) return end_chunks();
  const bool ends = depth_ > 0 && !open_[depth_ - 1].count && (!open_[depth_ - 1].is_map || at_key());
  if (!ends || tag_ || part_ != Part::none) return refuse(Refusal::bad_syntax);
  close_container();
}

void CborWriter::take_tag(std::uint64_t tag) {
  if (chunks_ != Chunks::none || at_key()) return refuse(Refusal::bad_syntax);
  if (part_ != Part::none) return refuse(Refusal::unsupported);
  tag_ = tag;
}

// Of a negative one the value is -1 - magnitude.
void CborWriter::take_integer(bool negative, std::uint64_t magnitude) {
  if (part_ != Part::none) return take_part(negative, magnitude);
  const bool is_key = at_key();
  if (!begin_item(true)) return;
  if (is_key) out_ += '"';
  append_integer(negative, magnitude);
  if (is_key) out_ += '"';
  end_item();
}

void CborWriter::append_integer(bool negative, std::uint64_t magnitude) {
  if (negative) out_ += '-';
  if (negative && ++magnitude == 0) {
    out_ += "18446744073709551616";  // 2^64
    return;
  }
  std::array<char, 24> digits{};
  out_.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), magnitude).ptr);
}

void CborWriter::take_part(bool negative, std::uint64_t magnitude) {
  if (part_ == Part::exponent) {
    if (magnitude > max_exponent) return refuse(Refusal::unsupported);
    exponent_ = negative ? -1 - static_cast<std::int64_t>(magnitude) : static_cast<std::int64_t>(magnitude);
    part_ = Part::mantissa;
    return;
  }
  part_ = Part::none;
  append_integer(negative, magnitude);
  out_ += 'e';
  append_integer(exponent_ < 0, static_cast<std::uint64_t>(exponent_ < 0 ? -1 - exponent_ : exponent_));
  end_item();
}

// Long integers in the text would be those of a sender that writes them so.
template <typename Float>
void CborWriter::take_float(Float value) {
  constexpr Float long_integer = static_cast<Float>(1e15);
  if (!std::isfinite(value)) return take_word(std::isnan(value) ? "\"\\u0001NaN\"" : "\"\\u0001Infinity\"");
  if (!begin_item()) return;
  std::array<char, 32> digits{};
  char* const begin = digits.data();
  char* const end = begin + digits.size();
  out_.append(begin, std::abs(value) < long_integer
                         ? std::to_chars(begin, end, value).ptr
                         : std::to_chars(begin, end, value, std::chars_format::scientific).ptr);
  end_item();
}

void CborWriter::take_word(std::string_view word) {
  if (!begin_item()) return;
  out_ += word;
  end_item();
}

void CborWriter::begin_chunks(Chunks chunks) {
  if (!begin_item(chunks == Chunks::text)) return;
  out_ += '"';
  if (chunks == Chunks::bytes) out_ += tag_ == positive_bignum || tag_ == negative_bignum ? "\\u00010x" : "0x";
  chunks_ = chunks;
}

void CborWriter::end_chunks() {
  chunks_ = Chunks::none;
  out_ += '"';
  end_item();
}

// A whole string, or a chunk of one.
void CborWriter::take_string(Chunks chunks, std::string_view string) {
  const bool is_whole = chunks_ == Chunks::none;
  if (is_whole) begin_chunks(chunks);
  if (chunks_ != chunks) return refuse(Refusal::bad_syntax);
  chunks == Chunks::text ? append_text(string) : append_hexadecimal(string);
  if (is_whole) end_chunks();
}

void CborWriter::append_text(std::string_view text) {
  constexpr std::string_view hexadecimal = "0123456789abcdef";
  for (const char c : text) {
    if (out_.size() > max_payload_bytes) return refuse(Refusal::too_large);
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out_ += "\\u00";
      out_ += hexadecimal[byte >> 4];
      out_ += hexadecimal[byte & 15];
      continue;
    }
    if (c == '"' || c == '\\') out_ += '\\';
    out_ += c;
  }
}

void CborWriter::append_hexadecimal(std::string_view bytes) {
  constexpr std::string_view hexadecimal = "0123456789abcdef";
  for (const char c : bytes) {
    if (out_.size() > max_payload_bytes) return refuse(Refusal::too_large);
    const auto byte = static_cast<unsigned char>(c);
    out_ += hexadecimal[byte >> 4];
    out_ += hexadecimal[byte & 15];
  }
}

CborWriter& writer(void* context) noexcept {
  return *static_cast<CborWriter*>(context);
}

template <typename Size>
std::string_view view(cbor_data data, Size size) noexcept {
  return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(size)};
}

// The types of sizes differ between versions of libcbor.
constexpr cbor_callbacks cbor_items = {
    .uint8 = [](void* to, auto value) { writer(to).take_integer(false, value); },
    .uint16 = [](void* to, auto value) { writer(to).take_integer(false, value); },
    .uint32 = [](void* to, auto value) { writer(to).take_integer(false, value); },
    .uint64 = [](void* to, auto value) { writer(to).take_integer(false, value); },
    .negint64 = [](void* to, auto value) { writer(to).take_integer(true, value); },
    .negint32 = [](void* to, auto value) { writer(to).take_integer(true, value); },
    .negint16 = [](void* to, auto value) { writer(to).take_integer(true, value); },
    .negint8 = [](void* to, auto value) { writer(to).take_integer(true, value); },
    .byte_string_start = [](void* to) { writer(to).begin_bytes(); },
    .byte_string = [](void* to, cbor_data data, auto size) { writer(to).take_bytes(view(data, size)); },
    .string = [](void* to, cbor_data data, auto size) { writer(to).take_text(view(data, size)); },
    .string_start = [](void* to) { writer(to).begin_text(); },
    .indef_array_start = [](void* to) { writer(to).begin_container(false, {}); },
    .array_start = [](void* to, auto size) { writer(to).begin_container(false, size); },
    .indef_map_start = [](void* to) { writer(to).begin_container(true, {}); },
    .map_start = [](void* to, auto size) { writer(to).begin_container(true, size); },
    .tag = [](void* to, auto value) { writer(to).take_tag(value); },
    .float2 = [](void* to, float value) { writer(to).take_float(value); },
    .float4 = [](void* to, float value) { writer(to).take_float(value); },
    .float8 = [](void* to, double value) { writer(to).take_float(value); },
    .undefined = [](void* to) { writer(to).take_word("null"); },
    .null = [](void* to) { writer(to).take_word("null"); },
    .boolean = [](void* to, bool value) { writer(to).take_word(value ? "true" : "false"); },
    .indef_break = [](void* to) { writer(to).take_break(); },
};

}  // namespace

std::optional<CborRefusal> json_of_cbor(std::string_view payload, std::string& text) {
  CborWriter out(text);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(payload.data());
  std::size_t at = 0;
  while (at < payload.size() && !out.complete()) {
    const cbor_decoder_result item = cbor_stream_decode(bytes + at, payload.size() - at, &cbor_items, &out);
    if (item.status != CBOR_DECODER_FINISHED) return CborRefusal{Refusal::bad_syntax, at};
    if (const auto refusal = out.refusal()) return CborRefusal{*refusal, at};
    at += item.read;
  }
  if (!out.complete() || at < payload.size()) return CborRefusal{Refusal::bad_syntax, at};
  return std::nullopt;
}

}  // namespace edgetide
