#include "sinks/postgres_conninfo.h"

#include <algorithm>
#include <cstdlib>
#include <libpq-fe.h>
#include <memory>
#include <string_view>
#include <strings.h>
#include <utility>
#include <vector>

#include "daemon/service/host_port.h"
#include "daemon/service/regular_file.h"
#include "pipeline/whole_number.h"

namespace edgetide {

namespace {

void set_default(ConninfoKeywords& keywords, const char* keyword, std::string value) {
  if (!value.empty()) keywords.try_emplace(keyword, std::move(value));
}

// What is written, else what the environment says, as in libpq; nothing: neither.
struct Setting {
  std::string value;
  std::string name;  // of the keyword or variable
};
std::optional<Setting> setting(const ConninfoKeywords& keywords, const char* keyword, const char* variable) {
  if (const auto written = keywords.find(keyword); written != keywords.end()) return Setting{written->second, keyword};
  if (const char* value = std::getenv(variable)) return Setting{value, variable};
  return std::nullopt;
}

std::vector<std::string> parts_of(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// Empty: the socket's usual folder. '@' begins an abstract socket.
bool is_local(const std::string& host) {
  return host.empty() || host[0] == '/' || host[0] == '@' || is_loopback_host(host);
}

bool is_word(const std::string& value, const char* word) {
  return strcasecmp(value.c_str(), word) == 0;  // as libpq compares versions; its modes must be in small letters
}

// Also against what PGSSLMODE, PGSSLMINPROTOCOLVERSION and service files say. Kerberos, which libpq would prefer to
// TLS, vouches for another name than the host's.
void demand_tls(ConninfoKeywords& keywords) {
  keywords["sslmode"] = "verify-full";
  keywords["gssencmode"] = "disable";
  set_default(keywords, "ssl_min_protocol_version", "TLSv1.2");
}

constexpr std::int64_t least_connect_seconds = 2;  // libpq's own

std::int64_t seconds_of(Duration duration) {
  return std::max(duration.count() / 1'000'000, least_connect_seconds);
}

// libpq waits without end where the text says 0, or less.
void bound_connect(ConninfoKeywords& keywords, Duration longest) {
  std::string& written = keywords["connect_timeout"];
  const auto seconds = whole_number<std::int64_t>(written);
  if (!seconds || *seconds <= 0 || *seconds > seconds_of(longest)) written = std::to_string(seconds_of(longest));
}

void add_ours(ConninfoKeywords& keywords, const PostgresOptions& options) {
  if (!options.allow_plaintext && remote_end(keywords)) demand_tls(keywords);
  set_default(keywords, "user", options.user);  // under DynamicUser= libpq cannot find out who it runs as
  set_default(keywords, "application_name", "edgetide");
  keywords["target_session_attrs"] = "any";  // the caller asks
  set_default(keywords, "connect_timeout", std::to_string(seconds_of(options.connect_timeout)));
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

std::string text_of(const ConninfoKeywords& keywords) {
  std::string text;
  for (const auto& [keyword, value] : keywords) text += keyword + '=' + quoted(value) + ' ';
  return text;
}

ConninfoKeywords given(const PQconninfoOption* options) {
  ConninfoKeywords keywords;
  for (const PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val != nullptr) keywords[option->keyword] = option->val;
  }
  return keywords;
}

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

// With what the environment and a service file add. libpq says that of a connection only; this one it refuses to begin,
// for its last keyword.
ConninfoKeywords completed(ConninfoKeywords keywords) {
  keywords["target_session_attrs"] = "none such";
  const std::unique_ptr<PGconn, decltype(&PQfinish)> refused(PQconnectStart(text_of(keywords).c_str()), &PQfinish);
  return given(Options(PQconninfo(refused.get()), &PQconninfoFree).get());
}

std::optional<WantedServer> wanted_server(const ConninfoKeywords& keywords) {
  static constexpr std::pair<std::string_view, WantedServer> words[] = {{"any", WantedServer::any},
                                                                        {"read-write", WantedServer::read_write},
                                                                        {"read-only", WantedServer::read_only},
                                                                        {"primary", WantedServer::primary},
                                                                        {"standby", WantedServer::standby},
                                                                        {"prefer-standby", WantedServer::any}};
  const auto written = keywords.find("target_session_attrs");
  if (written == keywords.end()) return WantedServer::read_write;
  for (const auto& [word, wanted] : words) {
    if (word == written->second) return wanted;
  }
  return std::nullopt;
}

// As libpq takes a list apart: one of each for each host, or one port for all. A list that does not fit stays whole,
// and libpq says so.
std::vector<PostgresHost> single_hosts(const ConninfoKeywords& keywords) {
  const ConninfoKeywords all = completed(keywords);
  const auto list = [&all](const char* keyword) {
    const auto found = all.find(keyword);
    return found == all.end() || found->second.empty() ? std::vector<std::string>() : parts_of(found->second);
  };
  const auto names = list("host"), numbers = list("hostaddr"), ports = list("port");
  const std::size_t count = std::max(names.size(), numbers.size());
  const auto fits = [count](const std::vector<std::string>& parts) { return parts.empty() || parts.size() == count; };
  if (count < 2 || !fits(names) || !fits(numbers) || (ports.size() != 1 && !fits(ports))) {
    return {{"the server", text_of(keywords)}};
  }
  std::vector<PostgresHost> hosts;
  for (std::size_t i = 0; i < count; ++i) {
    ConninfoKeywords one = keywords;
    const auto part = [i](const std::vector<std::string>& parts) { return parts.empty() ? "" : parts[i]; };
    one["host"] = part(names);
    one["hostaddr"] = part(numbers);
    one["port"] = ports.size() == 1 ? ports[0] : part(ports);
    const std::string& name = one["host"].empty() ? one["hostaddr"] : one["host"];
    hosts.push_back({name + (one["port"].empty() ? "" : ':' + one["port"]), text_of(one)});
  }
  return hosts;
}

}  // namespace

std::variant<ConninfoKeywords, ConninfoError> parse_conninfo(const std::string& text) {
  char* error = nullptr;
  const Options parsed(PQconninfoParse(text.c_str(), &error), &PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> reason(error, &PQfreemem);
  if (!parsed) {
    const std::string_view why = reason ? reason.get() : "out of memory";
    return ConninfoError{std::string(why.substr(0, why.find('\n')))};
  }
  return given(parsed.get());
}

std::optional<std::string> remote_end(const ConninfoKeywords& keywords) {
  const auto addresses = setting(keywords, "hostaddr", "PGHOSTADDR");
  const auto hosts = setting(keywords, "host", "PGHOST");
  const auto service = setting(keywords, "service", "PGSERVICE");
  // A service fills in what is not written, before the environment does.
  const bool service_decides =
      service && !service->value.empty() && (!keywords.contains("hostaddr") || keywords.at("hostaddr").empty());
  if (service_decides) return "service " + service->value;
  const std::vector<std::string> names = hosts ? parts_of(hosts->value) : std::vector<std::string>(1);
  const std::vector<std::string> numbers =
      addresses && !addresses->value.empty() ? parts_of(addresses->value) : std::vector<std::string>(names.size());
  for (std::size_t i = 0; i < std::max(names.size(), numbers.size()); ++i) {
    const bool has_number = i < numbers.size() && !numbers[i].empty();
    const std::string end = has_number ? numbers[i] : i < names.size() ? names[i] : std::string();
    if (is_local(end)) continue;
    const std::string& name = has_number ? addresses->name : hosts->name;
    return (name.starts_with("PG") ? "host " + end + " of " + name : "host " + end);
  }
  return std::nullopt;
}

std::optional<TlsRefusal> tls_refusal(const ConninfoKeywords& keywords, bool allow_plaintext) {
  if (allow_plaintext) return std::nullopt;
  const auto end = remote_end(keywords);
  if (!end) return std::nullopt;
  const auto mode = keywords.find("sslmode");
  if (mode != keywords.end() && mode->second != "verify-full") {
    return TlsRefusal{"sslmode=" + mode->second + " does not check who answers at " + *end +
                          ", who would get the password and the rows",
                      "write sslmode=verify-full, or set allow_plaintext = true"};
  }
  const auto version = keywords.find("ssl_min_protocol_version");
  if (version == keywords.end() || is_word(version->second, "TLSv1.2") || is_word(version->second, "TLSv1.3")) {
    return std::nullopt;
  }
  return TlsRefusal{"ssl_min_protocol_version=" + version->second + " is less than TLSv1.2 for " + *end,
                    "write TLSv1.2 or TLSv1.3, or leave it out"};
}

std::optional<std::string> unfit_file(const ConninfoKeywords& keywords) {
  for (const auto& [keyword, variable] : {std::pair{"sslrootcert", "PGSSLROOTCERT"},
                                          {"sslcert", "PGSSLCERT"},
                                          {"sslkey", "PGSSLKEY"},
                                          {"sslcrl", "PGSSLCRL"},
                                          {"passfile", "PGPASSFILE"},
                                          {"servicefile", "PGSERVICEFILE"}}) {
    const auto file = setting(keywords, keyword, variable);
    if (!file || file->value.empty()) continue;
    if (const std::string error = unfit_for_reading(file->value); !error.empty()) {
      return file->name + ": " + file->value + ' ' + error;
    }
  }
  return std::nullopt;
}

std::variant<PostgresHosts, ConninfoError> postgres_hosts(const PostgresOptions& options, Duration longest_connect) {
  auto parsed = parse_conninfo(options.connection);
  if (auto* const error = std::get_if<ConninfoError>(&parsed)) return std::move(*error);
  auto& keywords = std::get<ConninfoKeywords>(parsed);
  if (const auto refusal = tls_refusal(keywords, options.allow_plaintext)) {
    return ConninfoError{refusal->reason + "; " + refusal->remedy};
  }
  if (const auto unfit = unfit_file(keywords)) return ConninfoError{*unfit};
  const auto wanted = wanted_server(keywords);
  if (!wanted) return ConninfoError{"target_session_attrs=" + keywords["target_session_attrs"] + " is none of libpq's"};
  add_ours(keywords, options);
  if (longest_connect != Duration::unlimited()) bound_connect(keywords, longest_connect);
  return PostgresHosts{single_hosts(keywords), *wanted};
}

std::string transaction_refusal(const std::string& conninfo) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(conninfo.c_str()), &PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) return {};
  const std::unique_ptr<PGresult, decltype(&PQclear)> begun(PQexec(connection.get(), "BEGIN"), &PQclear);
  if (PQresultStatus(begun.get()) == PGRES_COMMAND_OK) return {};
  return PQerrorMessage(connection.get());  // all of it; the result has the end of the connection only
}

}  // namespace edgetide
