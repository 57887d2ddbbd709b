// A broker, a source and the intake with its journal: what is acknowledged when the disk is slow.
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "daemon/decoders/number_decoder.h"
#include "daemon/intake/intake.h"
#include "daemon/sources/mqtt_source.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/mosquitto_server.h"
#include "tests/fakes/slow_file_system.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

template <typename Condition>
bool comes_true(Condition&& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// The intake, and how often the source has connected.
class WatchedIntake final : public SourceHost {
 public:
  explicit WatchedIntake(Intake& intake) : intake_(intake) {}
  Acceptance try_accept(SourceId source, const DecodedBatch& batch) noexcept override {
    return intake_.try_accept(source, batch);
  }
  void attach(SourceId source, SourceEvents& events) noexcept override { intake_.attach(source, events); }
  void detach(SourceId source) noexcept override { intake_.detach(source); }
  std::vector<StoredPosition> positions(SourceId source) const override { return intake_.positions(source); }
  bool begin_session(SourceId source, const SourceSession& session) noexcept override {
    return intake_.begin_session(source, session);
  }
  std::optional<std::string> session_notes(std::string_view session) const override {
    return intake_.session_notes(session);
  }
  void connected(SourceId source, std::string_view peer) noexcept override {
    intake_.connected(source, peer);
    ++connections;
  }
  void disconnected(SourceId source, std::string_view reason) noexcept override {
    intake_.disconnected(source, reason);
  }
  void impaired(SourceId source, std::string_view reason) noexcept override { intake_.impaired(source, reason); }
  void notice(SourceId source, std::string_view text) noexcept override { intake_.notice(source, text); }
  void turned_away(SourceId source, TurnedAway why) noexcept override { intake_.turned_away(source, why); }

  std::atomic<int> connections = 0;

 private:
  Intake& intake_;
};

// Syncs what a peer waits for, as the storage thread does.
class SyncingThread {
 public:
  explicit SyncingThread(Intake& intake)
      : thread_([this, &intake] {
          while (!stopping_) {
            if (intake.is_awaited()) static_cast<void>(intake.sync());
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          }
        }) {}
  ~SyncingThread() {
    stopping_ = true;
    thread_.join();
  }
  SyncingThread(const SyncingThread&) = delete;
  SyncingThread& operator=(const SyncingThread&) = delete;

 private:
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

class MqttIntake : public testing::Test {
 protected:
  explicit MqttIntake(Durability durability = Durability::power)
      : intake({.pipeline = pipeline,
                .clock = clock,
                .gate = gate,
                .journal = journal,
                .journal_options = {.durability = durability},
                .sources = {"test"}}) {}
  std::unique_ptr<Source> connect(int protocol) {
    MqttOptions options;
    options.name = "test";
    options.servers = {broker.uri()};
    options.protocol = protocol;
    options.client_id = "edgetide-test";
    options.keep_alive = Duration::seconds(1);
    RouteOptions route;
    route.topic = "sensors/{device}/{metric}";
    route.mapping.format = &number_format;
    options.routes = {route};
    auto source = make_mqtt_source(options, SourceId{0}, host);
    source->start();
    EXPECT_TRUE(comes_true([&] { return host.connections == 1; }));
    return source;
  }
  std::uint64_t taken() const {
    return intake.inspect([](const Pipeline& state) { return state.counters().received; });
  }
  bool broker_has_lost_us() const {
    std::stringstream log;
    log << std::ifstream(broker.folder() / "log").rdbuf();
    return log.str().find("exceeded timeout") != std::string::npos;
  }

  const MosquittoServer broker;
  MemoryFileSystem memory;
  SlowFileSystem disk{memory};
  ManualClock clock;
  Pipeline pipeline{one_window()};
  EpochGate gate;
  Journal journal{disk, "state", {}, 1, {}};
  Intake intake;
  WatchedIntake host{intake};
};

class MqttIntakeOf : public MqttIntake, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Protocol, MqttIntakeOf, testing::Values(3, 5));

// While the disk holds a sync, so is the library's thread held: it sends no pings, and the broker gives up on us.
TEST_P(MqttIntakeOf, fault_39_messages_held_longer_than_the_keep_alive_are_sent_again_and_counted_once) {
  const SyncingThread storage(intake);
  const auto source = connect(GetParam());
  disk.hold_syncs(true);
  for (const char* const value : {"1", "2", "3"}) ASSERT_TRUE(broker.publish("sensors/a/t", value));
  ASSERT_TRUE(comes_true([&] { return broker_has_lost_us(); }));
  disk.hold_syncs(false);
  ASSERT_TRUE(comes_true([&] { return host.connections == 2 && intake.resent_messages() > 0; }));
  ASSERT_TRUE(broker.publish("sensors/a/t", "4"));
  ASSERT_TRUE(comes_true([&] { return taken() >= 4; }));
  source->stop();
  EXPECT_EQ(taken(), 4U);
}

class MqttIntakeWithoutPowerCuts : public MqttIntake {
 protected:
  MqttIntakeWithoutPowerCuts() : MqttIntake(Durability::crash) {}
};

TEST_F(MqttIntakeWithoutPowerCuts, fault_22_slow_sync_holds_no_message_up_where_only_a_power_cut_needs_it) {
  const auto source = connect(5);
  ASSERT_TRUE(broker.publish("sensors/a/t", "1") && comes_true([&] { return taken() == 1; }));
  disk.hold_syncs(true);
  std::thread storage([&] { EXPECT_FALSE(intake.sync()); });
  ASSERT_TRUE(comes_true([&] { return disk.held() == 1; }));
  for (const char* const value : {"2", "3", "4"}) ASSERT_TRUE(broker.publish("sensors/a/t", value));
  EXPECT_TRUE(comes_true([&] { return taken() == 4; }));
  EXPECT_EQ(disk.held(), 1);
  disk.hold_syncs(false);
  storage.join();
  EXPECT_EQ(host.connections, 1);
  source->stop();
}

}  // namespace
}  // namespace edgetide::test
