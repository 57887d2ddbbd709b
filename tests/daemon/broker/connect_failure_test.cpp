#include "daemon/broker/connect_failure.h"

#include <gtest/gtest.h>

namespace edgetide::test {
namespace {

TEST(ConnectFailure, each_code_of_a_refused_connect_has_words) {
  struct Case {
    int protocol, code;
    std::string_view words;
  };
  const Case cases[] = {
      {3, 1, "protocol version not supported (1)"},
      {3, 2, "client id refused (2); set client_id"},
      {3, 3, "server unavailable (3)"},
      {3, 4, "bad user name or password (4); check username, password and the access list of the broker"},
      {3, 5, "not authorized (5); check username, password and the access list of the broker"},
      {3, 6, "code 6"},
      {3, 135, "code 135"},
      {5, 5, "code 5"},
      {5, 128, "unspecified error (128)"},
      {5, 133, "client id refused (133); set client_id"},
      {5, 135, "not authorized (135); check username, password and the access list of the broker"},
      {5, 137, "server busy (137)"},
      {5, 159, "connection rate exceeded (159)"},
      {5, 255, "code 255"},
  };
  for (const Case& c : cases) EXPECT_EQ(refused_connect(c.protocol, c.code), c.words) << c.protocol << ' ' << c.code;
}

TEST(ConnectFailure, lines_of_the_trace_that_say_why) {
  constexpr std::pair<std::string_view, std::string_view> cases[] = {
      {"20261129 195746.945 getaddrinfo failed for addr nosuch.invalid with rc -2",
       "unknown host nosuch.invalid (Name or service not known)"},
      {"20261129 195801.890 SSL alert write:fatal:unknown CA",
       "the server's certificate is not trusted (unknown CA); set ca in tls"},
      {"20261129 195801.890 SSL alert write:fatal:unknown CA\n",
       "the server's certificate is not trusted (unknown CA); set ca in tls"},
      {"x y SSL alert write:fatal:certificate expired", "the server's certificate has expired, by the clock here"},
      {"x y SSL alert write:fatal:bad certificate", "the server's certificate is not accepted (bad certificate)"},
      {"x y SSL alert write:fatal:protocol version", "TLS failed (protocol version)"},
      {"x y SSL alert read:fatal:no application protocol",
       "the server ends TLS (no application protocol); set alpn in tls"},
      {"x y SSL alert read:fatal:handshake failure", "the server ends TLS (handshake failure)"},
      {"x y SSL alert read:fatal:certificate required",
       "the server ends TLS (certificate required); for a client certificate, set cert and key in tls"},
      {"x y SSL alert read:fatal:unknown",
       "the server ends TLS (unknown); for a client certificate, set cert and key in tls"},
      {"x y X509_check_host for hostname 127.0.0.2 failed, rc 0",
       "the server's certificate is for another name than 127.0.0.2"},
      {"x y SSL alert write:warning:close notify", ""},
      {"x y SSL connect:error", ""},
      {"x y 7 client -> CONNECT version 5 clean: 0 (0)", ""},
      {"getaddrinfo failed for addr ", ""},
      {"", ""},
  };
  for (const auto& [line, words] : cases) EXPECT_EQ(traced_failure(line), words) << line;
}

TEST(ConnectFailure, an_end_without_an_answer_names_the_other_kind_of_port) {
  struct Case {
    const char* scheme;
    bool connect_was_sent;
    const char* words;
  };
  const Case cases[] = {
      {"mqtt", true, "the server closed the connection without an answer; a port with TLS is written mqtts://"},
      {"ws", false, "the server closed the connection without an answer; a port with TLS is written wss://"},
      {"mqtts", false, "the TLS handshake failed; a port without TLS is written mqtt://"},
      {"wss", false, "the TLS handshake failed; a port without TLS is written ws://"},
      {"mqtts", true,
       "the server closed the connection without an answer; if it wants a client certificate, set cert and key in tls"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(ended_without_answer({.scheme = c.scheme, .host = "h", .port = 1, .path = {}}, c.connect_was_sent),
              c.words);
  }
}

}  // namespace
}  // namespace edgetide::test
