#include "daemon/monitor/web_routes.h"

#include <array>
#include <chrono>
#include <exception>
#include <optional>
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

// An answer that is made at most once a second.
class SharedAnswer {
 public:
  template <typename Make>
  const HttpAnswer& get(Make&& make) {
    const auto now = std::chrono::steady_clock::now();
    if (!made_at_ || now - *made_at_ >= std::chrono::seconds(1)) {
      answer_ = make();
      made_at_ = now;
    }
    return answer_;
  }

 private:
  HttpAnswer answer_;
  std::optional<std::chrono::steady_clock::time_point> made_at_;
};

HttpAnswer status_answer(const MonitorHooks& hooks) {
  return {.type = "application/json", .body = status_json(hooks.status(StatusDetail::sensors))};
}

HttpAnswer metrics(const MonitorHooks& hooks) {
  return {.type = "text/plain; version=0.0.4; charset=utf-8",
          .body = prometheus_text(hooks.status(StatusDetail::numbers))};
}

HttpAnswer health(const MonitorHooks& hooks) {
  return verdict(why_not_alive(hooks.status(StatusDetail::numbers)));
}

// What goes wrong is an answer too.
template <typename Answer>
HttpRoutes catching(Answer answer) {
  return [answer = std::move(answer)](std::string_view path) mutable -> HttpAnswer {
    try {
      return answer(path);
    } catch (const std::exception& error) {
      return {.status = 500, .body = std::string(error.what()) + '\n'};
    }
  };
}

}  // namespace

HttpRoutes web_routes(MonitorHooks hooks) {
  return catching([hooks = std::move(hooks), status = SharedAnswer()](std::string_view path) mutable -> HttpAnswer {
    if (path == "/") return page();
    if (path == "/status.json") return status.get([&] { return status_answer(hooks); });
    if (path == "/metrics") return metrics(hooks);
    if (path == "/healthz") return health(hooks);
    if (path == "/readyz") return verdict(why_not_ready(hooks.status(StatusDetail::numbers)));
    return {.status = 404, .body = "/ /status.json /metrics /healthz /readyz\n"};
  });
}

HttpRoutes metrics_routes(MonitorHooks hooks) {
  return catching([hooks = std::move(hooks), numbers = SharedAnswer(),
                   alive = SharedAnswer()](std::string_view path) mutable -> HttpAnswer {
    if (path == "/metrics") return numbers.get([&] { return metrics(hooks); });
    if (path == "/healthz") return alive.get([&] { return health(hooks); });
    return {.status = 404, .body = "/metrics /healthz\n"};
  });
}

}  // namespace edgetide
