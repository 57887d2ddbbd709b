// The layout of a JSON document, remembered: all bytes but its values. Another document of this layout, as a device
// sends them one after the other, needs no parser: its values are put into the tape of the first.
//
// Exact:  the tape that simdjson makes of the document, or none. Values are taken if they are as usual (a number of few
//         digits, a string without escapes, true, false, null); all other bytes have to be the same.
// Owns:   a copy of the tape and of its strings, at most 20 KiB. Thread: one owner at a time. Fails: never.
// Limit:  max_text_bytes and max_values for what is remembered, four times the bytes for what is read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/json.h"

namespace edgetide {

class JsonShape {
 public:
  static constexpr std::size_t max_text_bytes = 1024;
  static constexpr std::size_t max_values = 64;

  // Requires: `tape` is that of `text`, all of which was read as it stands there. False: it is not remembered.
  bool remember(std::string_view text, const JsonTape& tape);

  enum class Answer {
    read,     // `tape` has it
    other,    // the layout is not this one
    unusual,  // it may be, but a value needs the parser
  };
  Answer read(std::string_view text);
  const JsonTape& tape() const noexcept { return tape_; }  // until the next `read` or `remember`

 private:
  struct Value {
    std::uint32_t before;  // bytes between the value before and this one
    std::uint32_t word;    // in the tape
    bool is_number;        // takes two words, others one
  };

  void make_room(std::size_t text_bytes);
  const char* read_number(const char* at, const char* end, std::uint64_t* words) const noexcept;
  const char* read_other(const char* at, const char* end, std::uint64_t* word) noexcept;
  const char* read_string(const char* at, const char* end, std::uint64_t* word) noexcept;

  std::vector<Value> values_;
  std::string between_;  // the bytes of all gaps, the last behind the last value
  std::vector<std::uint64_t> words_;
  std::vector<std::uint8_t> strings_;  // of keys; then room for those of values
  std::size_t key_bytes_ = 0;
  std::size_t used_ = 0;
  JsonTape tape_;
};

// The shapes of the documents that came last, a few of them. A new shape is remembered the less often, the less that
// has helped, and values that are unusual again and again are rarely tried: so documents for which this is of no use
// cost little more than without.
class JsonShapes {
 public:
  static constexpr std::size_t max_shapes = 8;

  // Nothing: it has to be parsed; then `remember` may be of use.
  const JsonTape* read(std::string_view text);
  // As JsonShape; after a `read` of it that gave nothing.
  bool remember(std::string_view text, const JsonTape& tape);
  // Of the shape of the text that was read or remembered: from 1, never given again. Of `max_shapes` numbers in a row
  // all may come again.
  std::uint64_t number() const noexcept { return numbers_[newest_]; }

 private:
  std::vector<JsonShape> shapes_;
  std::array<std::uint64_t, max_shapes> numbers_{};
  std::uint64_t last_number_ = 0;
  std::size_t newest_ = 0;       // the shape that read the text before
  bool is_known_ = false;        // the text's shape is remembered already
  std::uint32_t skip_ = 0;       // documents that are not remembered
  std::uint32_t next_skip_ = 1;  // and after the next one that is
  std::uint32_t pause_ = 0;      // documents that are not tried, as those before had unusual values
  std::uint32_t next_pause_ = 0;
};

}  // namespace edgetide
