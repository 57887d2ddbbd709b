#include "daemon/decoders/cbor_json.h"

#include <algorithm>
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

constexpr std::int64_t max_exponent = 9999;  // of a fraction; a larger one is as far beyond what a double holds

constexpr unsigned char first_simple = 0xe0, last_simple = 0xf3, simple_in_next_byte = 0xf8;
constexpr unsigned char first_of_next_byte = 32;  // a lower one is not well-formed

// Writes the items of a payload as they come.
class CborWriter {
 public:
  explicit CborWriter(std::string& out) : out_(out) { out_.clear(); }

  std::optional<Refusal> refusal() const noexcept { return refusal_; }
  bool complete() const noexcept { return complete_; }

  void take_integer(bool negative, std::uint64_t magnitude);
  template <typename Float>
  void take_float(Float value);
  void take_word(std::string_view word, bool is_marked = false);
  void take_text(std::string_view text) { take_string(Chunks::text, text); }
  void take_bytes(std::string_view bytes) { take_string(Chunks::bytes, bytes); }
  void begin_text() { begin_chunks(Chunks::text); }
  void begin_bytes() { begin_chunks(Chunks::bytes); }
  void begin_container(bool is_map, std::optional<std::uint64_t> count);
  void take_tag(std::uint64_t tag);
  void take_break();

 private:
  struct Integer {
    bool negative = false;
    std::uint64_t magnitude = 0;  // of a negative one the value is -1 - magnitude
  };
  struct Container {
    bool is_map = false;
    bool is_key = false;                    // of the map around it
    std::uint64_t taken = 0;                // keys and values alike
    std::optional<std::uint64_t> count;     // none: up to a break
    std::optional<std::uint64_t> fraction;  // its tag: a number is written instead
    std::array<Integer, 2> parts = {};      // of the fraction: exponent and mantissa
    unsigned integers = 0;                  // of these
    std::size_t begin = 0;                  // of what is written for it
  };
  enum class Chunks { none, text, bytes };

  void refuse(Refusal reason) noexcept {
    if (!refusal_) refusal_ = reason;
  }
  bool at_key() const noexcept { return depth_ > 0 && open_[depth_ - 1].is_map && open_[depth_ - 1].taken % 2 == 0; }
  bool begin_item();
  void end_item();
  void close_container();
  void write_instead(const Container& container);
  void write(std::string_view word, bool is_key, bool is_marked = false);
  void begin_chunks(Chunks chunks);
  void end_chunks();
  void take_string(Chunks chunks, std::string_view string);
  void append_text(std::string_view text);
  void append_hexadecimal(std::string_view bytes);

  std::string& out_;
  std::array<Container, max_json_depth + 1> open_{};  // a fraction may be the deepest
  std::size_t depth_ = 0;
  Chunks chunks_ = Chunks::none;      // of the string that is open
  std::optional<std::uint64_t> tag_;  // of the next item
  std::optional<Refusal> refusal_;
  bool complete_ = false;
};

// Puts what stands between items. False: it may not stand here.
bool CborWriter::begin_item() {
  if (chunks_ != Chunks::none) refuse(Refusal::bad_syntax);
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
  const bool is_key = at_key();
  if (!begin_item()) return;
  const bool is_fraction = tag_ == decimal_fraction || tag_ == bigfloat;
  if (depth_ == max_json_depth + (is_fraction ? 1 : 0) || depth_ == open_.size()) return refuse(Refusal::too_deep);
  if (count > max_payload_bytes) return refuse(Refusal::bad_syntax);  // an item has a byte at least
  Container& container = open_[depth_++] = {};
  container.is_map = is_map;
  container.is_key = is_key;
  container.count = is_map && count ? *count * 2 : count;
  if (is_fraction) container.fraction = tag_;
  container.begin = out_.size();
  tag_.reset();
  out_ += is_map ? '{' : '[';
  if (count == 0U) close_container();
}

void CborWriter::close_container() {
  const Container& container = open_[--depth_];
  if (container.is_key || container.fraction) {
    write_instead(container);
  } else {
    out_ += container.is_map ? '}' : ']';
  }
  end_item();
}

std::string text_of_integer(bool negative, std::uint64_t magnitude) {
  if (!negative) return std::to_string(magnitude);
  return ++magnitude == 0 ? "-18446744073709551616" : '-' + std::to_string(magnitude);  // -2^64
}

// Nothing: it is infinite. Long integers in the text would be those of a sender that writes them so.
template <typename Float>
std::optional<std::string> text_of_float(Float value) {
  constexpr Float long_integer = static_cast<Float>(1e15);
  if (!std::isfinite(value)) return std::nullopt;
  std::array<char, 32> digits{};
  char* const begin = digits.data();
  char* const end = begin + digits.size();
  return std::string(begin, std::abs(value) < long_integer
                                ? std::to_chars(begin, end, value).ptr
                                : std::to_chars(begin, end, value, std::chars_format::scientific).ptr);
}

// In place of a container that cannot be what it is: a key is named after its kind.
void CborWriter::write_instead(const Container& container) {
  out_.resize(container.begin);
  if (!container.fraction) return write(container.is_map ? "{}" : "[]", true);
  const bool is_whole = !container.is_map && container.taken == 2 && container.integers == 2;
  if (!is_whole) return write("fraction", container.is_key, true);
  const auto& [power, mantissa] = container.parts;
  const auto limited = static_cast<std::int64_t>(std::min<std::uint64_t>(power.magnitude, max_exponent));
  const std::int64_t exponent = power.negative ? -1 - limited : limited;
  if (container.fraction == decimal_fraction) {
    const std::string digits = text_of_integer(mantissa.negative, mantissa.magnitude);
    return write(digits + 'e' + std::to_string(exponent), container.is_key);
  }
  const double magnitude = static_cast<double>(mantissa.magnitude);
  const double number = std::ldexp(mantissa.negative ? -1 - magnitude : magnitude, static_cast<int>(exponent));
  const auto text = text_of_float(number);
  write(text.value_or("Infinity"), container.is_key, !text);
}

// Keys are strings; what is marked is one too.
void CborWriter::write(std::string_view word, bool is_key, bool is_marked) {
  const bool is_string = is_key || is_marked;
  if (is_string) out_ += '"';
  if (is_marked && !is_key) out_ += "\\u0001";
  out_ += word;
  if (is_string) out_ += '"';
}

void CborWriter::take_break() {
  if (chunks_ != Chunks::none) return end_chunks();
  const bool ends = depth_ > 0 && !open_[depth_ - 1].count && (!open_[depth_ - 1].is_map || at_key());
  if (!ends || tag_) return refuse(Refusal::bad_syntax);
  close_container();
}

void CborWriter::take_tag(std::uint64_t tag) {
  if (chunks_ != Chunks::none) return refuse(Refusal::bad_syntax);
  tag_ = tag;
}

void CborWriter::take_integer(bool negative, std::uint64_t magnitude) {
  const bool is_key = at_key();
  if (!begin_item()) return;
  if (depth_ > 0 && open_[depth_ - 1].fraction && open_[depth_ - 1].taken < 2) {
    Container& fraction = open_[depth_ - 1];
    fraction.parts[fraction.taken] = {negative, magnitude};
    ++fraction.integers;
  }
  write(text_of_integer(negative, magnitude), is_key);
  end_item();
}

template <typename Float>
void CborWriter::take_float(Float value) {
  const auto text = text_of_float(value);
  take_word(text ? *text : std::isnan(value) ? "NaN" : "Infinity", !text);
}

void CborWriter::take_word(std::string_view word, bool is_marked) {
  const bool is_key = at_key();
  if (!begin_item()) return;
  write(word, is_key, is_marked);
  end_item();
}

void CborWriter::begin_chunks(Chunks chunks) {
  const bool is_key = at_key();
  if (!begin_item()) return;
  out_ += '"';
  const bool is_bignum = tag_ == positive_bignum || tag_ == negative_bignum;
  if (chunks == Chunks::bytes) out_ += is_bignum && !is_key ? "\\u00010x" : "0x";
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

namespace {

// Bytes of a simple value at the front that has no meaning, of which libcbor knows nothing; 0: there is none.
std::size_t length_of_simple(std::string_view bytes) noexcept {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  if (byte(0) >= first_simple && byte(0) <= last_simple) return 1;
  return byte(0) == simple_in_next_byte && bytes.size() > 1 && byte(1) >= first_of_next_byte ? 2 : 0;
}

}  // namespace

std::optional<CborRefusal> json_of_cbor(std::string_view payload, std::string& text) {
  CborWriter out(text);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(payload.data());
  std::size_t at = 0;
  while (at < payload.size() && !out.complete()) {
    std::size_t length = length_of_simple(payload.substr(at));
    if (length > 0) {
      out.take_word("simple", true);
    } else {
      const cbor_decoder_result item = cbor_stream_decode(bytes + at, payload.size() - at, &cbor_items, &out);
      if (item.status != CBOR_DECODER_FINISHED) return CborRefusal{Refusal::bad_syntax, at};
      length = item.read;
    }
    if (const auto refusal = out.refusal()) return CborRefusal{*refusal, at};
    at += length;
  }
  if (!out.complete() || at < payload.size()) return CborRefusal{Refusal::bad_syntax, at};
  return std::nullopt;
}

}  // namespace edgetide
