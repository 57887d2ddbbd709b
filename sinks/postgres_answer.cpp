#include "sinks/postgres_answer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include "pipeline/whole_number.h"

namespace edgetide {

namespace {

// Type oids of pg_type.dat, which never change.
constexpr std::array integer_types = {20U, 21U, 23U};  // bigint, smallint, integer
constexpr std::array text_types = {19U, 25U, 1043U};   // name, text, character varying

template <std::size_t count>
bool is_one_of(const std::array<unsigned, count>& types, unsigned type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

std::string of(std::size_t number, const char* things) {
  return std::to_string(number) + ' ' + things;
}

}  // namespace

PostgresAnswer::PostgresAnswer(pqxx::result result, const char* what, Shape shape)
    : result_(std::move(result)), what_(what), rows_(static_cast<std::size_t>(result_.size())) {
  if (rows_ < shape.least_rows) {
    throw WrongAnswer(what_, of(rows_, "rows, at least ") + std::to_string(shape.least_rows) + " were expected");
  }
  if (rows_ > shape.most_rows) {
    throw WrongAnswer(what_, of(rows_, "rows, at most ") + std::to_string(shape.most_rows) + " were expected");
  }
  const auto columns = static_cast<std::size_t>(result_.columns());
  if (rows_ > 0 && columns != shape.columns) {
    throw WrongAnswer(what_, of(columns, "columns, ") + std::to_string(shape.columns) + " were expected");
  }
}

pqxx::field PostgresAnswer::field(std::size_t row, std::size_t column) const {
  const auto value = result_[static_cast<pqxx::result::size_type>(row)][static_cast<pqxx::row::size_type>(column)];
  if (value.is_null()) fail(row, column, "is NULL");
  return value;
}

std::int64_t PostgresAnswer::number(std::size_t row, std::size_t column, std::int64_t least, std::int64_t most) const {
  const pqxx::field value = field(row, column);
  if (!is_one_of(integer_types, value.type())) fail(row, column, "is not of an integer type");
  const std::string_view digits(value.c_str(), value.size());
  std::int64_t number = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (end.ec == std::errc::result_out_of_range) fail(row, column, "is out of range");
  if (end.ec != std::errc() || end.ptr != digits.data() + digits.size()) fail(row, column, "is not a number");
  if (number < least || number > most) fail(row, column, "is out of range (" + std::to_string(number) + ')');
  return number;
}

double PostgresAnswer::real(std::size_t row, std::size_t column) const {
  constexpr std::size_t digits = 16;
  const std::string hex = text(row, column, digits);
  if (hex.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto bits = whole_number<std::uint64_t>(hex, 16);
  if (hex.size() != digits || !bits) fail(row, column, "is not the bytes of a double");
  return std::bit_cast<double>(*bits);
}

std::string PostgresAnswer::text(std::size_t row, std::size_t column, std::size_t max_bytes) const {
  const pqxx::field value = field(row, column);
  if (!is_one_of(text_types, value.type())) fail(row, column, "is not of a text type");
  if (value.size() > max_bytes) fail(row, column, "has " + of(value.size(), "bytes"));
  std::string text(value.c_str(), value.size());
  if (text.find('\0') != text.npos) fail(row, column, "has a NUL byte");
  return text;
}

void PostgresAnswer::fail(std::size_t row, std::size_t column, const std::string& reason) const {
  throw WrongAnswer(what_, "row " + std::to_string(row + 1) + ", column " + std::to_string(column + 1) + ' ' + reason);
}

std::size_t check_changed(const pqxx::result& result, const char* what, std::size_t least, std::size_t most) {
  const auto changed = static_cast<std::size_t>(result.affected_rows());
  if (changed >= least && changed <= most) return changed;
  throw WrongAnswer(what, of(changed, "rows changed, ") + std::to_string(least) +
                              (least == most ? std::string() : " to " + std::to_string(most)) + " were expected");
}

}  // namespace edgetide
