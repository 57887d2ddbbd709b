#include "daemon/monitor/web_routes.h"

#include <array>
#include <exception>
#include <random>
#include <utility>

#include "daemon/monitor/prometheus_text.h"
#include "daemon/monitor/readiness.h"
#include "daemon/monitor/status_json.h"
#include "daemon/monitor/status_page.h"

namespace edgetide {

namespace {

constexpr std::string_view nonce_mark = "@NONCE@";

// Unpredictable, so that nothing but the page's own script and style is ever run.
std::string fresh_nonce() {
  constexpr std::string_view hex = "0123456789abcdef";
  std::random_device random;
  std::string nonce;
  for (int i = 0; i < 4; ++i) {
    for (unsigned bits = random(), digit = 0; digit < 8; ++digit, bits >>= 4) nonce += hex[bits & 15];
  }
  return nonce;
}

HttpAnswer page() {
  const std::string nonce = fresh_nonce();
  std::string text;
  std::string_view rest = status_page();
  for (std::size_t mark; (mark = rest.find(nonce_mark)) != rest.npos; rest.remove_prefix(mark + nonce_mark.size())) {
    (text += rest.substr(0, mark)) += nonce;
  }
  text += rest;
  return {.type = "text/html; charset=utf-8",
          .body = std::move(text),
          .content_policy = "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce +
                            "'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
                            "frame-ancestors 'none'"};
}

// 200 and "ok", or 503 and the reason.
HttpAnswer verdict(const std::string& reason) {
  return {.status = reason.empty() ? 200U : 503U, .body = (reason.empty() ? "ok" : reason) + '\n'};
}

HttpAnswer answer(const MonitorHooks& hooks, std::string_view path) {
  if (path == "/") return page();
  if (path == "/status.json") {
    return {.type = "application/json", .body = status_json(hooks.status(StatusDetail::sensors))};
  }
  if (path == "/metrics") {
    return {.type = "text/plain; version=0.0.4; charset=utf-8",
            .body = prometheus_text(hooks.status(StatusDetail::numbers))};
  }
  if (path == "/healthz") return verdict(why_not_alive(hooks.status(StatusDetail::numbers)));
  if (path == "/readyz") return verdict(why_not_ready(hooks.status(StatusDetail::numbers)));
  return {.status = 404, .body = "/ /status.json /metrics /healthz /readyz\n"};
}

}  // namespace

HttpRoutes web_routes(MonitorHooks hooks) {
  return [hooks = std::move(hooks)](std::string_view path) -> HttpAnswer {
    try {
      return answer(hooks, path);
    } catch (const std::exception& error) {
      return {.status = 500, .body = std::string(error.what()) + '\n'};
    }
  };
}

}  // namespace edgetide
