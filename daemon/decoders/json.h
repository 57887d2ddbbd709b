// Parses JSON text into values that can be walked: the only user of simdjson, for the JSON decoder and `replay`.
//
// JsonValue  a position in the parsed document: 16 bytes, copied freely, valid until the parser's next `parse`.
//            Its accessors are inline over simdjson's tape (64-bit words; kind in the top byte, see doc/tape.md there).
// JsonParser parses one text at a time into buffers it keeps; nothing is allocated once they have grown.
//
// Owns:   the parser owns all strings; keep copies of what must outlive the next `parse`.
// Thread: one at a time per parser.
// Repairs: a text that is refused at first is parsed again as json_repair.h makes it. A value without quotes that JSON
//         does not know (NaN, 012, 1e999) is then a string that begins with bare_mark. What text_of_payload takes off
//         is not part of the text.
// Fails:  a refusal as a value. Integers beyond 64 bits are read as doubles. `find` returns the first of repeated keys.
//         Lone surrogates are bad_syntax.
// Limit:  max_payload_bytes, max_json_depth (decoder.h).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "daemon/decoders/number_text.h"
#include "pipeline/refusal.h"

namespace edgetide {

enum class JsonKind : std::uint8_t { null, boolean, number, text, array, object };

// In front of a string that stood there without quotes.
inline constexpr char bare_mark = '\x01';
inline bool is_bare(std::string_view text) noexcept {
  return text.starts_with(bare_mark);
}
inline std::string_view without_mark(std::string_view text) noexcept {
  return is_bare(text) ? text.substr(1) : text;
}

struct JsonTape {
  const std::uint64_t* words = nullptr;
  const std::uint8_t* texts = nullptr;
};

class JsonElements;
class JsonMembers;

class JsonValue {
 public:
  JsonValue(const JsonTape& tape, std::size_t index) noexcept : tape_(&tape), index_(index) {}

  JsonKind kind() const noexcept;
  bool is(JsonKind wanted) const noexcept { return kind() == wanted; }

  // Requires: the kind. `integer` is the exact value of a number that is written as one and fits.
  bool boolean() const noexcept { return type() == 't'; }
  double number() const noexcept;
  std::optional<std::int64_t> integer() const noexcept;
  bool inexact() const noexcept;  // of a number: an integer of up to 64 bits that a double does not hold
  std::string_view text() const noexcept;

  // The member of an object; nothing if there is none, or this is not an object.
  std::optional<JsonValue> find(std::string_view key) const noexcept;

  // Empty for other kinds.
  JsonElements elements() const noexcept;
  JsonMembers members() const noexcept;

  std::size_t index() const noexcept { return index_; }
  JsonValue at(std::size_t index) const noexcept { return {*tape_, index}; }  // of the same document

  // The same place of the same document.
  bool operator==(const JsonValue&) const noexcept = default;

 private:
  friend class JsonElements;
  friend class JsonMembers;

  std::uint64_t word(std::size_t index) const noexcept { return tape_->words[index]; }
  char type() const noexcept { return static_cast<char>(word(index_) >> 56); }
  std::size_t after() const noexcept;  // index behind this value

  const JsonTape* tape_;
  std::size_t index_;
};

// for (JsonValue element : array.elements())
class JsonElements {
 public:
  class Iterator {
   public:
    explicit Iterator(JsonValue at) noexcept : at_(at) {}
    JsonValue operator*() const noexcept { return at_; }
    Iterator& operator++() noexcept {
      at_.index_ = at_.after();
      return *this;
    }
    bool operator==(const Iterator&) const noexcept = default;

   private:
    JsonValue at_;
  };

  JsonElements(JsonValue first, std::size_t end) noexcept : first_(first), end_(end) {}
  Iterator begin() const noexcept { return Iterator(first_); }
  Iterator end() const noexcept { return Iterator(JsonValue(*first_.tape_, end_)); }

 private:
  JsonValue first_;
  std::size_t end_;
};

struct JsonMember {
  std::string_view key;
  JsonValue value;
};

// for (auto [key, value] : object.members())
class JsonMembers {
 public:
  class Iterator {
   public:
    explicit Iterator(JsonValue key) noexcept : key_(key) {}
    JsonMember operator*() const noexcept { return {key_.text(), value()}; }
    Iterator& operator++() noexcept {
      key_.index_ = value().after();
      return *this;
    }
    bool operator==(const Iterator&) const noexcept = default;

   private:
    JsonValue value() const noexcept { return {*key_.tape_, key_.index_ + 1}; }
    JsonValue key_;
  };

  JsonMembers(JsonValue first, std::size_t end) noexcept : first_(first), end_(end) {}
  Iterator begin() const noexcept { return Iterator(first_); }
  Iterator end() const noexcept { return Iterator(JsonValue(*first_.tape_, end_)); }

 private:
  JsonValue first_;
  std::size_t end_;
};

struct JsonParsed {
  std::optional<JsonValue> root;  // nothing: refused, because of
  Refusal refusal = Refusal::bad_syntax;
  bool has_long_integers = false;  // beyond 64 bits, read as doubles
  // 0, or the number of its shape (json_shape.h): another document of this number differs only in its values, and
  // scalars stand at the same index.
  std::uint64_t shape = 0;
};

class JsonParser {
 public:
  JsonParser();
  ~JsonParser();
  JsonParser(const JsonParser&) = delete;
  JsonParser& operator=(const JsonParser&) = delete;

  JsonParsed parse(std::string_view text);
  const JsonTape& tape() const noexcept;  // of what was parsed last

 private:
  struct Simd;
  bool parse_repaired(std::string_view text);
  std::unique_ptr<Simd> simd_;
};

inline JsonKind JsonValue::kind() const noexcept {
  switch (type()) {
    case '{':
      return JsonKind::object;
    case '[':
      return JsonKind::array;
    case '"':
      return JsonKind::text;
    case 't':
    case 'f':
      return JsonKind::boolean;
    case 'n':
      return JsonKind::null;
    default:
      return JsonKind::number;
  }
}

inline double JsonValue::number() const noexcept {
  const std::uint64_t bits = word(index_ + 1);
  if (type() == 'd') return std::bit_cast<double>(bits);
  return type() == 'u' ? static_cast<double>(bits) : static_cast<double>(static_cast<std::int64_t>(bits));
}

inline std::optional<std::int64_t> JsonValue::integer() const noexcept {
  if (type() != 'l') return std::nullopt;
  return static_cast<std::int64_t>(word(index_ + 1));
}

inline bool JsonValue::inexact() const noexcept {
  if (type() == 'd') return false;
  const std::uint64_t bits = word(index_ + 1);
  return type() == 'u' ? is_inexact(bits) : is_inexact(static_cast<std::int64_t>(bits));
}

inline std::string_view JsonValue::text() const noexcept {
  const std::uint8_t* const at = tape_->texts + (word(index_) & 0x00FF'FFFF'FFFF'FFFF);
  std::uint32_t length = 0;
  std::memcpy(&length, at, sizeof length);
  return {reinterpret_cast<const char*>(at) + sizeof length, length};
}

inline std::size_t JsonValue::after() const noexcept {
  switch (type()) {
    case '{':
    case '[':
      return static_cast<std::uint32_t>(word(index_));
    case 'l':
    case 'u':
    case 'd':
      return index_ + 2;
    default:
      return index_ + 1;
  }
}

inline JsonElements JsonValue::elements() const noexcept {
  if (!is(JsonKind::array)) return {*this, index_};
  return {JsonValue(*tape_, index_ + 1), after() - 1};
}

inline JsonMembers JsonValue::members() const noexcept {
  if (!is(JsonKind::object)) return {*this, index_};
  return {JsonValue(*tape_, index_ + 1), after() - 1};
}

inline std::optional<JsonValue> JsonValue::find(std::string_view key) const noexcept {
  for (const JsonMember member : members()) {
    if (member.key == key) return member.value;
  }
  return std::nullopt;
}

}  // namespace edgetide
