#include "daemon/sources/socket_intake.h"

#include <gmock/gmock.h>
#include <string>
#include <vector>

#include "daemon/decoders/influx_decoder.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using Answer = Acceptance::Answer;

// A host with a set answer, and sockets that say whether they are read.
struct SocketIntakeFixture {
  BoundSocket socket{[] {
    SocketInput input;
    input.options.listen = "127.0.0.1:0";
    input.options.route.mapping.format = &influx_format;
    return input;
  }()};
  Answer answer = Answer::taken;
  std::vector<std::string> taken;
  std::vector<std::string> events;
  SocketIntake intake{[this](SourceId, const DecodedBatch& batch) {
                        if (answer == Answer::taken) taken.emplace_back(batch.refusals.back().where);
                        return Acceptance{answer, 0};
                      },
                      [this](bool reading) { events.emplace_back(reading ? "read" : "do not read"); }};

  void offer(const std::string& what) {
    DecodedBatch& batch = intake.begin_batch();
    batch.refusals.push_back({Refusal::bad_syntax, batch.keep(what), 0});
    intake.offer(socket, [this](const Acceptance& acceptance) {
      events.emplace_back(acceptance.is_taken() ? "taken" : "not taken");
    });
  }
};

TEST(SocketIntake, answer_of_the_host_goes_to_the_one_who_offered) {
  SocketIntakeFixture fixture;
  fixture.offer("a");
  fixture.answer = Answer::closed;
  fixture.offer("b");
  EXPECT_THAT(fixture.taken, ElementsAre("a"));
  EXPECT_THAT(fixture.events, ElementsAre("taken", "not taken"));
}

TEST(SocketIntake, no_socket_is_read_while_a_batch_is_held_and_the_batch_is_offered_again) {
  SocketIntakeFixture fixture;
  fixture.answer = Answer::held;
  fixture.offer("a");
  EXPECT_TRUE(fixture.intake.is_holding());
  fixture.intake.offer_again();
  EXPECT_THAT(fixture.events, ElementsAre("do not read"));
  fixture.answer = Answer::taken;
  fixture.intake.offer_again();
  EXPECT_FALSE(fixture.intake.is_holding());
  EXPECT_THAT(fixture.taken, ElementsAre("a"));
  EXPECT_THAT(fixture.events, ElementsAre("do not read", "read", "taken"));
  fixture.intake.offer_again();
  EXPECT_EQ(fixture.taken.size(), 1U) << "taken once";
}

TEST(SocketIntake, held_batch_is_not_acknowledged_when_the_daemon_stops) {
  SocketIntakeFixture fixture;
  fixture.answer = Answer::held;
  fixture.offer("a");
  fixture.answer = Answer::closed;
  fixture.intake.offer_again();
  EXPECT_THAT(fixture.events, ElementsAre("do not read", "read", "not taken"));
}

TEST(SocketIntake, held_batch_of_a_socket_that_is_gone_is_not_offered_and_the_others_are_read_again) {
  SocketIntakeFixture fixture;
  fixture.answer = Answer::held;
  fixture.offer("a");
  fixture.intake.forget(fixture.socket);
  fixture.answer = Answer::taken;
  fixture.intake.offer_again();
  EXPECT_TRUE(fixture.taken.empty());
  EXPECT_THAT(fixture.events, ElementsAre("do not read", "read"));
}

}  // namespace
}  // namespace edgetide::test
