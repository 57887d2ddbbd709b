// Who may send readings over HTTP, and in what form: before a body is read.
//
// Thread: immutable after construction. Fails: construction, by std::invalid_argument for errors of the configuration.
#pragma once

#include <optional>
#include <string>
#include <sys/socket.h>
#include <vector>

#include "daemon/service/cidr.h"
#include "daemon/service/http_listener.h"
#include "daemon/service/socket_address.h"
#include "daemon/sources/http_answers.h"
#include "daemon/sources/http_source.h"

namespace edgetide {

class HttpAdmission {
 public:
  explicit HttpAdmission(const HttpSourceOptions& options);

  bool lets_in(const sockaddr_storage& peer) const noexcept;

  struct Refused {
    Refusal reason;
    HttpAnswer answer;
  };
  std::optional<Refused> refuse(const HttpRequest& request, HttpApi api) const;

 private:
  std::optional<Refused> refuse_sender(const HttpRequest& request, HttpApi api) const;

  const std::string token_;  // empty: none is needed
  const SocketAddress address_;
  const std::vector<Cidr> allow_;
};

// The body is gzip.
bool is_packed(const HttpRequest& request);

// What a client of InfluxDB asks before it writes; nothing for other paths than /ping and /health.
std::optional<HttpAnswer> answer_before_write(const HttpRequest& request);

}  // namespace edgetide
