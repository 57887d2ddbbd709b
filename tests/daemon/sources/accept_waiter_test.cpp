#include "daemon/sources/accept_waiter.h"

#include <future>
#include <gtest/gtest.h>

#include "tests/fakes/recording_host.h"

namespace edgetide::test {
namespace {

struct Fixture {
  Fixture() {
    waiter.start();
    batch.readings.push_back({"a", "t", "", std::nullopt, 1, 0, 0});
  }
  std::future<bool> accept() {
    auto answer = std::async(std::launch::async, [this] { return waiter.accept(batch); });
    EXPECT_TRUE(host.wait_for_offers(1));
    return answer;
  }
  RecordingHost host;
  AcceptWaiter waiter{host, SourceId{0}};
  DecodedBatch batch;
};

TEST(AcceptWaiter, held_batch_is_offered_again_when_there_is_room) {
  Fixture fixture;
  fixture.host.hold(true);
  auto answer = fixture.accept();
  fixture.host.hold(false);
  EXPECT_TRUE(answer.get());
  EXPECT_EQ(fixture.host.readings().size(), 1U);
}

TEST(AcceptWaiter, batch_is_acknowledged_when_it_is_durable_and_not_before) {
  Fixture fixture;
  fixture.host.need_sync();
  auto answer = fixture.accept();
  ASSERT_TRUE(fixture.host.wait_for_readings(1));
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(1)), std::future_status::timeout);
  fixture.host.sync();
  EXPECT_TRUE(answer.get());
}

TEST(AcceptWaiter, batch_that_waits_is_not_acknowledged_when_it_may_wait_no_more) {
  const auto stops = {+[](AcceptWaiter& waiter) { waiter.stop(); },
                      +[](AcceptWaiter& waiter) { waiter.set_blocking(false); }};
  for (const auto stop : stops) {
    for (const bool for_room : {true, false}) {
      Fixture fixture;
      for_room ? fixture.host.hold(true) : fixture.host.need_sync();
      auto answer = fixture.accept();
      stop(fixture.waiter);
      EXPECT_FALSE(answer.get()) << (for_room ? "room" : "disk");
    }
  }
}

TEST(AcceptWaiter, batch_that_may_wait_no_longer_is_not_acknowledged) {
  for (const bool for_room : {true, false}) {
    RecordingHost host;
    for_room ? host.hold(true) : host.need_sync();
    AcceptWaiter waiter(
        host, SourceId{0}, [] { return std::nullopt; },
        [](AcceptWaiter::Waited waited) { return waited < std::chrono::milliseconds(1); });
    waiter.start();
    DecodedBatch batch;
    batch.readings.push_back({"a", "t", "", std::nullopt, 1, 0, 0});
    EXPECT_FALSE(waiter.accept(batch)) << (for_room ? "room" : "disk");
  }
}

}  // namespace
}  // namespace edgetide::test
