#include "daemon/monitor/http_server.h"

#include <utility>

#include "daemon/service/host_check.h"
#include "daemon/service/secret.h"
#include "daemon/service/socket_address.h"

namespace edgetide {

class HttpServer::Answers final : public HttpService {
 public:
  Answers(const HttpServerOptions& options, HttpRoutes routes)
      : options_(options), address_(parse_inet(options.listen)), routes_(std::move(routes)) {}

  std::optional<HttpAnswer> begin(HttpRequest&) noexcept override { return std::nullopt; }

  std::optional<HttpAnswer> complete(HttpRequest& request) noexcept override {
    if (request.method != "GET" && request.method != "HEAD") {
      return HttpAnswer{.status = 405, .body = "GET and HEAD only\n", .headers = {{"Allow", "GET, HEAD"}}};
    }
    const auto host = request.header("Host");
    if (!options_.any_host && host && !answers_to_host(*host, address_, options_.hosts)) {
      return HttpAnswer{.status = 403, .body = "this name is not known here; [http] hosts lists those that are\n"};
    }
    if (!options_.token.empty() && !bears(request.header("Authorization").value_or(""), "bearer ", options_.token)) {
      return HttpAnswer{.status = 401, .body = "a token is needed\n", .headers = {{"WWW-Authenticate", "Bearer"}}};
    }
    return routes_(request.path);
  }

 private:
  const HttpServerOptions options_;
  const SocketAddress address_;
  const HttpRoutes routes_;
};

HttpServer::HttpServer(const HttpServerOptions& options, HttpRoutes routes)
    : answers_(std::make_unique<Answers>(options, std::move(routes))),
      listener_({options.name, options.listen, options.cert_file, options.key_file}, {}, *answers_) {}
HttpServer::~HttpServer() = default;

}  // namespace edgetide
