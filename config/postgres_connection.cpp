#include "config/postgres_connection.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace edgetide {

namespace {

void take(PostgresConnection& connection, std::string_view key, std::string value) {
  if (key == "user") connection.user = std::move(value);
  if (key == "password" || key == "sslpassword") connection.has_password = true;
}

constexpr std::string_view blanks = " \t\r\n";

void skip_blanks(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
}

// A value, quoted or not, off the front; false for quotes that never close.
bool take_value(std::string_view& rest, std::string& value) {
  const bool quoted = rest.starts_with('\'');
  if (quoted) rest.remove_prefix(1);
  while (!rest.empty()) {
    char c = rest.front();
    if (quoted ? c == '\'' : blanks.find(c) != std::string_view::npos) break;
    if (c == '\\' && rest.size() > 1) {
      rest.remove_prefix(1);
      c = rest.front();
    }
    value += c;
    rest.remove_prefix(1);
  }
  if (quoted && rest.empty()) return false;
  if (quoted) rest.remove_prefix(1);
  return true;
}

std::optional<PostgresConnection> parse_keywords(std::string_view rest) {
  PostgresConnection connection;
  for (skip_blanks(rest); !rest.empty(); skip_blanks(rest)) {
    const std::size_t end = rest.find_first_of(" \t\r\n=");
    if (end == std::string_view::npos || end == 0) return std::nullopt;
    const std::string_view key = rest.substr(0, end);
    rest.remove_prefix(end);
    skip_blanks(rest);
    if (!rest.starts_with('=')) return std::nullopt;
    rest.remove_prefix(1);
    skip_blanks(rest);
    std::string value;
    if (!take_value(rest, value)) return std::nullopt;
    take(connection, key, std::move(value));
  }
  return connection;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const bool escape = text[i] == '%' && i + 2 < text.size() &&
                        std::from_chars(text.data() + i + 1, text.data() + i + 3, code, 16).ptr == text.data() + i + 3;
    out += escape ? static_cast<char>(code) : text[i];
    if (escape) i += 2;
  }
  return out;
}

PostgresConnection parse_uri(std::string_view rest) {
  PostgresConnection connection;
  const std::size_t question = rest.find('?');
  std::string_view query = question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
  const std::string_view authority = rest.substr(0, std::min(rest.find('/'), question));
  if (const std::size_t at = authority.find('@'); at != std::string_view::npos) {
    const std::string_view user_info = authority.substr(0, at);
    const std::size_t colon = user_info.find(':');
    connection.user = percent_decoded(user_info.substr(0, colon));
    connection.has_password = colon != std::string_view::npos;
  }
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos) {
      take(connection, pair.substr(0, equals), percent_decoded(pair.substr(equals + 1)));
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return connection;
}

}  // namespace

std::optional<PostgresConnection> parse_postgres_connection(std::string_view text) {
  for (const std::string_view scheme : {"postgresql://", "postgres://"}) {
    if (text.starts_with(scheme)) return parse_uri(text.substr(scheme.size()));
  }
  return parse_keywords(text);
}

}  // namespace edgetide
