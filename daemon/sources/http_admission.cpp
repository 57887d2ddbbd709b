#include "daemon/sources/http_admission.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "daemon/service/host_check.h"
#include "daemon/service/secret.h"
#include "pipeline/characters.h"

namespace edgetide {

namespace {

std::vector<Cidr> ranges_of(const std::vector<std::string>& allow) {
  std::vector<Cidr> ranges;
  for (const std::string& text : allow) {
    const std::optional<Cidr> range = Cidr::parse(text);
    if (!range) throw std::invalid_argument("allow: '" + text + "' is not an address range; write 10.20.0.0/16");
    ranges.push_back(*range);
  }
  return ranges;
}

void check(const HttpSourceOptions& options, const SocketAddress& address) {
  if (is_loopback(address.storage)) return;
  if (options.allow.empty() && options.token.empty()) {
    throw std::invalid_argument("'" + options.listen + "' is not loopback: `token` or `allow` must say who may send");
  }
  if (options.cert_file.empty() && !(options.allow_plaintext && !options.allow.empty())) {
    throw std::invalid_argument("'" + options.listen +
                                "' is not loopback: set cert_file and key_file, or allow_plaintext with `allow`");
  }
}

bool is_remote_write(const HttpRequest& request) {
  return request.header("X-Prometheus-Remote-Write-Version").has_value() ||
         request.header("Content-Type").value_or("").starts_with("application/x-protobuf");
}

}  // namespace

HttpAdmission::HttpAdmission(const HttpSourceOptions& options)
    : token_(options.token), address_(parse_inet(options.listen)), allow_(ranges_of(options.allow)) {
  check(options, address_);
}

bool HttpAdmission::lets_in(const sockaddr_storage& peer) const noexcept {
  return allow_.empty() || is_loopback(peer) ||
         std::any_of(allow_.begin(), allow_.end(), [&](const Cidr& range) { return range.contains(peer); });
}

// Without a token, a page in a browser of this machine could send too: as a form, or by a name that it points here.
std::optional<HttpAdmission::Refused> HttpAdmission::refuse_sender(const HttpRequest& request, HttpApi api) const {
  if (!token_.empty()) {
    const std::string_view authorization = request.header("Authorization").value_or("");
    if (bears(authorization, "bearer ", token_) || bears(authorization, "token ", token_)) return std::nullopt;
    HttpAnswer answer = error_answer(api, 401, "a token is needed");
    answer.headers.emplace_back("WWW-Authenticate", "Bearer");
    return Refused{Refusal::unauthorised, std::move(answer)};
  }
  if (request.header("Origin")) {
    return Refused{Refusal::unauthorised, error_answer(api, 403, "web pages may not send here without a token")};
  }
  const auto host = request.header("Host");
  if (host && is_loopback(address_.storage) && !answers_to_host(*host, address_, {})) {
    return Refused{Refusal::unauthorised, error_answer(api, 403, "this name is not known here")};
  }
  return std::nullopt;
}

std::optional<HttpAdmission::Refused> HttpAdmission::refuse(const HttpRequest& request, HttpApi api) const {
  if (auto refused = refuse_sender(request, api)) return refused;
  if (is_remote_write(request)) {
    return Refused{Refusal::unsupported,
                   error_answer(api, 415,
                                "Prometheus remote-write is not understood here; let Telegraf scrape, and "
                                "send InfluxDB line protocol")};
  }
  if (is_packed(request) || equal_but_for_case(request.header("Content-Encoding").value_or("identity"), "identity")) {
    return std::nullopt;
  }
  HttpAnswer answer = error_answer(api, 415, "a body is sent as it is or with gzip");
  answer.headers.emplace_back("Accept-Encoding", "gzip, identity");
  return Refused{Refusal::unsupported, std::move(answer)};
}

bool is_packed(const HttpRequest& request) {
  return equal_but_for_case(request.header("Content-Encoding").value_or(""), "gzip");
}

// Nothing here is secret, so it needs no token.
std::optional<HttpAnswer> answer_before_write(const HttpRequest& request) {
  if (request.path != "/ping" && request.path != "/health") return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    HttpAnswer answer = error_answer(HttpApi::influx_2, 405, "GET and HEAD only");
    answer.headers.emplace_back("Allow", "GET, HEAD");
    return answer;
  }
  HttpAnswer answer{.status = 204,
                    .headers = {{"X-Influxdb-Version", "v2.0-edgetide"}, {"X-Influxdb-Build", "edgetide"}}};
  if (request.path == "/ping") return answer;
  answer.status = 200;
  answer.type = "application/json";
  answer.body =
      "{\"name\":\"edgetide\",\"message\":\"ready for writes\",\"status\":\"pass\",\"checks\":[],"
      "\"version\":\"v2.0-edgetide\"}\n";
  return answer;
}

}  // namespace edgetide
