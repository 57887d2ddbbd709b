// Requests to a source of readings. The first byte chooses one of two sources, one with a token; its bits say whether
// the host holds intake back, and whether what it takes is durable. The rest is what a peer sends.
#include <memory>
#include <string>

#include "daemon/decoders/influx_decoder.h"
#include "daemon/service/http_listener.h"
#include "daemon/service/socket_address.h"
#include "daemon/sources/http_intake.h"
#include "tests/fakes/mosquitto_server.h"
#include "tests/fuzz/decoded_promises.h"
#include "tests/fuzz/socket_peer.h"

namespace edgetide {
namespace {

constexpr const char* token = "s3cret";
constexpr std::size_t max_body = 2048;

// Takes what it is given, and keeps the promises of batches.
class CheckingHost final : public SourceHost {
 public:
  bool holds = false, syncs = false;
  std::uint64_t readings = 0, record = 0;

  Acceptance try_accept(SourceId, const DecodedBatch& batch) noexcept override {
    if (!batch.readings.empty()) check_promises(batch, max_body);  // without one, the path may be any bytes
    for (const DecodedMessage& message : batch.messages) {
      require(message.position && message.position->partition.starts_with(message_key_mark), "a key is a position");
    }
    if (holds) return {Acceptance::Answer::held, 0};
    readings += batch.readings.size();
    return {Acceptance::Answer::taken, syncs ? ++record : 0};
  }
  void attach(SourceId, SourceEvents&) noexcept override {}
  void detach(SourceId) noexcept override {}
  std::vector<StoredPosition> positions(SourceId) const override { return {}; }
  bool begin_session(SourceId, const SourceSession&) noexcept override { return true; }
  std::optional<std::string> session_notes(std::string_view) const override { return std::nullopt; }
  void connected(SourceId, std::string_view) noexcept override {}
  void disconnected(SourceId, std::string_view) noexcept override {}
  void impaired(SourceId, std::string_view) noexcept override {}
  void notice(SourceId, std::string_view) noexcept override {}
  void turned_away(SourceId, TurnedAway) noexcept override {}
};

struct Pushed {
  explicit Pushed(const char* secret) {
    options.name = "fuzz";
    options.listen = "127.0.0.1:" + std::to_string(test::free_port());
    options.token = secret;
    options.influx = true;
    options.max_body_bytes = max_body;
    options.routes = {{.topic = "/i/{device}", .mapping = {}}};
    intake = std::make_unique<HttpIntake>(options, SourceId{0}, host,
                                          [this](const DecodedBatch& batch) { return host.try_accept({}, batch); });
    listener = std::make_unique<HttpListener>(HttpAddress{.listen = options.listen},
                                              HttpLimits{.max_body_bytes = max_body, .keeps_alive = true}, *intake);
    intake->answer_through(*listener);
  }
  void serve() {
    listener->serve();
    intake->check_deadlines(std::chrono::steady_clock::now());
    listener->serve();
  }

  HttpSourceOptions options;
  CheckingHost host;
  std::unique_ptr<HttpIntake> intake;
  std::unique_ptr<HttpListener> listener;
};

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static edgetide::Pushed open(""), secured(edgetide::token);
  std::string_view bytes = edgetide::text_of(data, size);
  if (bytes.empty()) return 0;
  const auto choice = static_cast<unsigned char>(bytes[0]);
  bytes.remove_prefix(1);
  const bool is_open = choice % 2 == 0;
  edgetide::Pushed& pushed = is_open ? open : secured;
  pushed.host.holds = (choice & 2) != 0;
  pushed.host.syncs = (choice & 4) != 0;
  const std::uint64_t before = pushed.host.readings;
  const edgetide::SocketAddress address = edgetide::parse_inet(pushed.options.listen);
  {
    edgetide::SocketPeer peer(AF_INET, address.get(), address.length);
    peer.ask(bytes, [&] { pushed.serve(); });
    pushed.host.holds = false;
    pushed.intake->offer_again();
    pushed.serve();
    pushed.intake->durable(pushed.host.record);
    pushed.serve();
  }
  pushed.serve();
  if (!is_open && pushed.host.readings > before) {
    edgetide::require(bytes.find(edgetide::token) != bytes.npos, "nothing is taken without the token");
  }
  return 0;
}
