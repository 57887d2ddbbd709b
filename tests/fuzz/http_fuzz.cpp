// The first byte chooses one of two servers, the status page or the metrics with a token; the rest is a request.
#include <poll.h>

#include "daemon/monitor/http_server.h"
#include "daemon/monitor/web_routes.h"
#include "daemon/service/socket_address.h"
#include "tests/daemon/monitor/monitor_fixture.h"
#include "tests/fakes/mosquitto_server.h"
#include "tests/fuzz/socket_peer.h"

namespace edgetide {
namespace {

constexpr const char* token = "s3cret";

struct Served {
  explicit Served(bool metrics)
      : port(test::free_port()),
        listen(std::string("127.0.0.1:").append(std::to_string(port))),
        server({.listen = listen, .token = metrics ? token : ""},
               metrics ? metrics_routes(hooks()) : web_routes(hooks())) {}

  static MonitorHooks hooks() {
    MonitorHooks hooks;
    hooks.status = [](StatusDetail) { return healthy_status(); };
    return hooks;
  }

  int port;
  std::string listen;
  HttpServer server;
};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static edgetide::Served page(false), metrics(true);
  std::string_view bytes = edgetide::text_of(data, size);
  if (bytes.empty()) return 0;
  const bool is_page = bytes[0] % 2 == 0;
  bytes.remove_prefix(1);
  edgetide::Served& served = is_page ? page : metrics;
  const edgetide::SocketAddress address = edgetide::parse_inet(served.listen);
  std::string answer;
  {
    edgetide::SocketPeer peer(AF_INET, address.get(), address.length);
    answer = peer.ask(bytes, [&] { served.server.serve(); });
  }
  served.server.serve();
  const bool shows = edgetide::has(answer, " 200 OK") && !edgetide::has(answer, "Content-Length: 3\r\n");
  if (!is_page && shows) {
    edgetide::require(edgetide::has(bytes, edgetide::token), "nothing is shown without the token");
    edgetide::require(!edgetide::has(answer, "kitchen"), "metrics name no sensor");
  }
  return 0;
}
