// Rows of comma-separated values, field by field. Quoted fields may hold delimiters, newlines and doubled quotes;
// blanks around other fields are dropped; empty lines are skipped.
//
// See:    RFC 4180.
// Owns:   nothing: fields point into the text, or into the batch that keeps what had doubled quotes.
// Thread: one owner at a time.
// Fails:  `read` says so, with `at` near the fault; the next one goes on with the line behind.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/decoders/decoded_batch.h"

namespace edgetide {

class CsvReader {
 public:
  struct Field {
    std::string_view text;
    std::size_t offset = 0;  // in the text
  };
  enum class Answer { row, fault, end };

  explicit CsvReader(char delimiter = ',') noexcept;

  // A byte order mark in front is skipped.
  void begin(std::string_view text) noexcept;
  Answer read(DecodedBatch& keep);
  std::size_t next() const noexcept { return next_; }  // where the next `read` begins
  void skip_to(std::size_t next) noexcept { next_ = next; }

  const std::vector<Field>& fields() const noexcept { return fields_; }  // of the row
  std::size_t row_offset() const noexcept { return row_offset_; }
  std::size_t at() const noexcept { return at_; }

 private:
  bool read_row(DecodedBatch& keep);
  bool read_field(DecodedBatch& keep);
  bool read_quoted(DecodedBatch& keep);

  char delimiter_;
  std::array<bool, 256> stops_{};  // by byte: in a field without quotes it is looked at
  std::string_view text_;
  std::size_t next_ = 0;  // line, or end
  std::size_t at_ = 0;
  std::size_t row_offset_ = 0;
  std::vector<Field> fields_;  // reused
  std::string scratch_;
};

}  // namespace edgetide
