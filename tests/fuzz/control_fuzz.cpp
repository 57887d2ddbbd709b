// The bytes are a request to the control socket, of a peer that sends it in two parts and reads what comes.
#include <cstring>
#include <sys/un.h>

#include "daemon/monitor/control_commands.h"
#include "daemon/monitor/control_server.h"
#include "tests/daemon/monitor/monitor_fixture.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fuzz/socket_peer.h"

namespace edgetide {
namespace {

// With two readings in it, as often as it is asked for.
std::shared_ptr<Tap> fed_tap() {
  static const auto tap = std::make_shared<Tap>(SourceId{0});
  const auto series = std::make_shared<const Series>(Series{"kitchen", "t", "C", {}});
  for (const double value : {1.5, -2.0}) tap->offer(TappedReading{series, Timestamp(), Timestamp(), value});
  return tap;
}

MonitorHooks hooks() {
  MonitorHooks hooks;
  hooks.status = [](StatusDetail) { return healthy_status(); };
  hooks.sensors = [](SensorChoice) { return healthy_status().newest_sensors; };
  hooks.explain = [](std::string_view window, std::string_view sensor) {
    WindowExplanation explanation;
    if (window != "minute") explanation.error = "there is no window " + std::string(window);
    ExplainedKey& key = explanation.keys.emplace_back();
    key.sensor = sensor;
    key.windows.emplace_back();
    return explanation;
  };
  hooks.tap = [](std::string_view name) { return name == "plant" ? fed_tap() : nullptr; };
  hooks.take_sink = [](std::string_view name) -> std::variant<std::size_t, std::string> {
    if (name == "store") return std::size_t{2};
    return "there is no sink " + std::string(name);
  };
  hooks.add_late = [](const LateChoice& choice, std::uint64_t& next) {
    next = 0;
    LateAddition done;
    if (choice.since) done.error = "the clock is not set";
    done.windows["minute"] = {2, 1, {{"its window is not final", 3}}};
    return done;
  };
  return hooks;
}

struct Served {
  test::TemporaryFolder folder;
  const std::string path = folder / "control.sock";
  ControlServer server{path, control_commands(hooks())};
};

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static edgetide::Served served;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, served.path.c_str(), sizeof address.sun_path - 1);
  std::string answer;
  {
    edgetide::SocketPeer peer(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    answer = peer.ask(edgetide::text_of(data, size), [] { served.server.serve(); });
  }
  served.server.serve();  // sees that the peer is gone
  edgetide::require(answer.empty() || answer.back() == '\n' || answer.back() == edgetide::frame_end,
                    "an answer ends with its line");
  return 0;
}
