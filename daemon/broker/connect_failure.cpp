#include "daemon/broker/connect_failure.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <netdb.h>

namespace edgetide {

namespace {

struct AnswerToConnect {
  int code;
  std::string_view words;
  std::string_view advice;
};

constexpr std::string_view check_login = "check username, password and the access list of the broker";
constexpr std::string_view check_client_id = "set client_id";

constexpr std::array<AnswerToConnect, 5> refusals_of_3_1_1 = {{
    {1, "protocol version not supported", ""},
    {2, "client id refused", check_client_id},
    {3, "server unavailable", ""},
    {4, "bad user name or password", check_login},
    {5, "not authorized", check_login},
}};

constexpr std::array<AnswerToConnect, 21> refusals_of_5 = {{
    {128, "unspecified error", ""},
    {129, "malformed packet", ""},
    {130, "protocol error", ""},
    {131, "implementation specific error", ""},
    {132, "protocol version not supported", ""},
    {133, "client id refused", check_client_id},
    {134, "bad user name or password", check_login},
    {135, "not authorized", check_login},
    {136, "server unavailable", ""},
    {137, "server busy", ""},
    {138, "banned", ""},
    {140, "bad authentication method", ""},
    {144, "will topic invalid", ""},
    {149, "packet too large", ""},
    {151, "quota exceeded", ""},
    {153, "payload format invalid", ""},
    {154, "retain not supported", ""},
    {155, "QoS not supported", ""},
    {156, "use another server", ""},
    {157, "server moved", ""},
    {159, "connection rate exceeded", ""},
}};

constexpr std::string_view unresolved = "getaddrinfo failed for addr ", unresolved_code = " with rc ";
constexpr std::string_view other_name = "X509_check_host for hostname ", other_name_end = " failed, rc ";
constexpr std::string_view own_alert = "SSL alert write:fatal:", their_alert = "SSL alert read:fatal:";

// What stands behind `mark`, where the line has it.
std::string_view behind(std::string_view line, std::string_view mark) {
  const std::size_t at = line.find(mark);
  return at == line.npos ? std::string_view() : line.substr(at + mark.size());
}

std::string unknown_host(std::string_view rest) {
  const std::size_t end = rest.find(unresolved_code);
  if (end == rest.npos) return {};
  const std::string_view number = rest.substr(end + unresolved_code.size());
  int code = 0;
  std::from_chars(number.data(), number.data() + number.size(), code);
  return "unknown host " + std::string(rest.substr(0, end)) + " (" + gai_strerror(code) + ")";
}

// As OpenSSL names alerts.
std::string own_refusal(std::string_view alert) {
  const std::string words(alert);
  if (alert == "unknown CA") return "the server's certificate is not trusted (" + words + "); set ca in tls";
  if (alert == "certificate expired") return "the server's certificate has expired, by the clock here";
  if (alert.find("certificate") != alert.npos) return "the server's certificate is not accepted (" + words + ")";
  return "TLS failed (" + words + ")";
}

std::string their_refusal(std::string_view alert) {
  constexpr std::string_view unnamed = "unknown";  // OpenSSL 3.0 has no name for "certificate required" of TLS 1.3
  std::string words = "the server ends TLS (" + std::string(alert) + ")";
  if (alert == "no application protocol") return words + "; set alpn in tls";
  if (alert.find("certificate") != alert.npos || alert == "unknown CA" || alert == unnamed) {
    words += "; for a client certificate, set cert and key in tls";
  }
  return words;
}

}  // namespace

std::string refused_connect(int protocol, int code) {
  const AnswerToConnect* const begin = protocol == 5 ? refusals_of_5.data() : refusals_of_3_1_1.data();
  const AnswerToConnect* const end = begin + (protocol == 5 ? refusals_of_5.size() : refusals_of_3_1_1.size());
  const AnswerToConnect* const found =
      std::find_if(begin, end, [&](const AnswerToConnect& one) { return one.code == code; });
  if (found == end) return "code " + std::to_string(code);
  std::string words = std::string(found->words) + " (" + std::to_string(code) + ")";
  if (!found->advice.empty()) words += "; " + std::string(found->advice);
  return words;
}

std::string traced_failure(std::string_view line) {
  while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  if (const std::string_view rest = behind(line, unresolved); !rest.empty()) return unknown_host(rest);
  if (const std::string_view rest = behind(line, other_name); !rest.empty()) {
    return "the server's certificate is for another name than " +
           std::string(rest.substr(0, rest.find(other_name_end)));
  }
  if (const std::string_view alert = behind(line, own_alert); !alert.empty()) return own_refusal(alert);
  if (const std::string_view alert = behind(line, their_alert); !alert.empty()) return their_refusal(alert);
  return {};
}

std::string ended_without_answer(const ServerAddress& server, bool connect_was_sent) {
  const bool is_web = server.scheme.starts_with("ws");
  if (server.encrypted() && !connect_was_sent) {
    return std::string("the TLS handshake failed; a port without TLS is written ") + (is_web ? "ws" : "mqtt") + "://";
  }
  const std::string words = "the server closed the connection without an answer; ";
  if (server.encrypted()) return words + "if it wants a client certificate, set cert and key in tls";
  return words + "a port with TLS is written " + (is_web ? "wss" : "mqtts") + "://";
}

}  // namespace edgetide
