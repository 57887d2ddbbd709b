// What comes back from a PostgreSQL server, checked before it is used. A server may say anything: rows and columns that
// were not asked for, another type, NULL, a number out of range, a text without end.
//
// Thread: the worker's thread of the sink.
// Fails: WrongAnswer, whose text says what was asked and what came; none of the answer has been used then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "sinks/pqxx_versions.h"

namespace edgetide {

struct WrongAnswer : std::runtime_error {
  // `what` was asked: "the series".
  WrongAnswer(const std::string& what, const std::string& reason)
      : runtime_error("the server's answer about " + what + " is wrong: " + reason) {}
};

class PostgresAnswer {
 public:
  struct Shape {
    std::size_t columns = 0;
    std::size_t least_rows = 0;
    std::size_t most_rows = 0;
  };

  // `what`: a literal. Fails if the shape is another.
  PostgresAnswer(pqxx::result result, const char* what, Shape shape);

  std::size_t rows() const noexcept { return rows_; }
  // Fails if the value is NULL, not of an integer type, or not from `least` to `most`.
  std::int64_t number(std::size_t row, std::size_t column, std::int64_t least, std::int64_t most) const;
  // A double as 16 hexadecimal digits; NaN where the text is empty. Fails for any other text.
  double real(std::size_t row, std::size_t column) const;
  // Fails if the value is NULL, not of a text type, longer than `max_bytes` or has a NUL.
  std::string text(std::size_t row, std::size_t column, std::size_t max_bytes) const;

 private:
  pqxx::field field(std::size_t row, std::size_t column) const;
  [[noreturn]] void fail(std::size_t row, std::size_t column, const std::string& reason) const;

  const pqxx::result result_;
  const char* const what_;
  const std::size_t rows_;
};

// How many rows a statement changed. Fails if they are fewer than `least` or more than `most`.
std::size_t check_changed(const pqxx::result& result, const char* what, std::size_t least, std::size_t most);

}  // namespace edgetide
