#include "sinks/postgres_conninfo.h"

#include <algorithm>
#include <libpq-fe.h>
#include <memory>
#include <string_view>

namespace edgetide {

namespace {

void set_default(ConninfoKeywords& keywords, const char* keyword, std::string value) {
  if (!value.empty()) keywords.try_emplace(keyword, std::move(value));
}

void add_ours(ConninfoKeywords& keywords, const PostgresOptions& options) {
  const std::int64_t connect_seconds = std::max<std::int64_t>(options.connect_timeout.count() / 1'000'000, 2);
  set_default(keywords, "user", options.user);  // under DynamicUser= libpq cannot find out who it runs as
  set_default(keywords, "application_name", "edgetide");
  set_default(keywords, "target_session_attrs", "read-write");
  set_default(keywords, "connect_timeout", std::to_string(connect_seconds));
  set_default(keywords, "tcp_user_timeout", std::to_string(options.statement_timeout.count() / 1'000));
  set_default(keywords, "keepalives_idle", "30");
  set_default(keywords, "keepalives_interval", "10");
  set_default(keywords, "keepalives_count", "3");
  if (!options.password.empty()) keywords["password"] = options.password;
  keywords["client_encoding"] = "UTF8";
}

std::string quoted(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + '\'';
}

}  // namespace

std::variant<ConninfoKeywords, ConninfoError> parse_conninfo(const std::string& text) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(PQconninfoParse(text.c_str(), &error),
                                                                            &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> reason(error, &PQfreemem);
  if (!parsed) {
    const std::string_view why = reason ? reason.get() : "out of memory";
    return ConninfoError{std::string(why.substr(0, why.find('\n')))};
  }
  ConninfoKeywords keywords;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) keywords[option->keyword] = option->val;
  }
  return keywords;
}

std::variant<std::string, ConninfoError> postgres_conninfo(const PostgresOptions& options) {
  auto parsed = parse_conninfo(options.connection);
  if (auto* const error = std::get_if<ConninfoError>(&parsed)) return std::move(*error);
  auto& keywords = std::get<ConninfoKeywords>(parsed);
  add_ours(keywords, options);
  std::string text;
  for (const auto& [keyword, value] : keywords) text += keyword + '=' + quoted(value) + ' ';
  return text;
}

}  // namespace edgetide
