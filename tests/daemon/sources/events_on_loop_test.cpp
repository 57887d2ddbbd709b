// A source that is not a socket, on the event loop of the sources: the example of config/ADDING_PARTS.md.
#include "daemon/sources/events_on_loop.h"

#include <atomic>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <optional>
#include <sys/epoll.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "daemon/service/descriptor.h"
#include "tests/fakes/recording_host.h"

namespace edgetide::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// The two ends of a pipe.
struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    out = Descriptor(ends[0]);
    in = Descriptor(ends[1]);
  }
  void send(std::string_view bytes) const {
    EXPECT_EQ(write(in.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  Descriptor out, in;
};

// Each byte that arrives is a reading, and so is each time of its timer. Reads nothing while one is held.
class ByteSource final : public Source, private EventsOnLoop {
 public:
  ByteSource(SourceId id, SourceHost& host, EventLoop& loop, int bytes)
      : EventsOnLoop(host, loop), id_(id), bytes_(bytes) {}
  ~ByteSource() override { stop(); }

  void start() override {
    use_.emplace(loop());
    host().attach(id_, *this);
    loop().call([this] {
      watch_.emplace(loop(), bytes_, EPOLLIN, [this](std::uint32_t) { read_one(); });
      timer_.emplace(loop(), [this] { take('t'); });
    });
    host().connected(id_, "a pipe");
  }
  void stop() noexcept override {
    if (!use_) return;
    host().detach(id_);
    loop().call([this] { watch_.reset(), timer_.reset(); });
    use_.reset();
    host().disconnected(id_, {});
  }

  using EventsOnLoop::set_blocking;
  void tick_at(EventLoop::Time at) {
    loop().call([this, at] { timer_->set(at); });
  }
  std::thread::id thread() const { return thread_; }
  std::vector<std::uint64_t> durable_records() {
    std::vector<std::uint64_t> records;
    loop().call([&] { records = durable_; });
    return records;
  }

 private:
  void read_one() {
    char byte = 0;
    if (read(bytes_, &byte, 1) == 1) take(byte);
  }
  void take(char byte) {
    thread_ = std::this_thread::get_id();
    held_ = byte;
    offer_again();
  }
  void offer_again() override {
    if (!held_) return;
    DecodedBatch batch;
    batch.readings.push_back({.sensor = "pipe", .metric = "byte", .unit = {}, .event_time = {}, .value = *held_ * 1.0});
    const bool waits = offer(id_, batch).answer == Acceptance::Answer::held;
    if (!waits) held_.reset();
    watch_->set_events(waits ? 0U : std::uint32_t{EPOLLIN});
  }
  void acknowledge(std::uint64_t through) override { durable_.push_back(through); }

  const SourceId id_;
  const int bytes_;
  // The loop's thread only.
  std::optional<EventLoop::Watch> watch_;
  std::optional<EventLoop::Timer> timer_;
  std::optional<char> held_;
  std::vector<std::uint64_t> durable_;
  std::atomic<std::thread::id> thread_{};

  std::optional<EventLoop::Use> use_;
};

std::vector<double> values(RecordingHost& host) {
  std::vector<double> values;
  for (const RecordedReading& reading : host.readings()) values.push_back(reading.value);
  return values;
}

struct EventsOnLoopTest : testing::Test {
  RecordingHost host;
  EventLoop loop{"sources"};
  Pipe first_pipe, second_pipe;
  ByteSource first{SourceId{0}, host, loop, first_pipe.out.get()};
  ByteSource second{SourceId{1}, host, loop, second_pipe.out.get()};
};

TEST_F(EventsOnLoopTest, sources_share_one_thread_that_runs_until_the_last_has_stopped) {
  first.start();
  second.start();
  first_pipe.send("a");
  second_pipe.send("b");
  ASSERT_TRUE(host.wait_for_readings(2));
  EXPECT_EQ(first.thread(), second.thread());
  EXPECT_NE(first.thread(), std::this_thread::get_id());
  first.stop();
  second_pipe.send("c");
  ASSERT_TRUE(host.wait_for_readings(3));
  second.stop();
  std::thread::id caller;
  loop.call([&] { caller = std::this_thread::get_id(); });
  EXPECT_EQ(caller, std::this_thread::get_id()) << "the loop does not run";
}

TEST_F(EventsOnLoopTest, stopped_source_can_be_started_again) {
  first.start();
  first.stop();
  first_pipe.send("a");
  first.start();
  ASSERT_TRUE(host.wait_for_readings(1));
}

TEST_F(EventsOnLoopTest, timer_of_a_source_is_called_beside_its_descriptors) {
  first.start();
  first.tick_at(std::chrono::steady_clock::now() + 5ms);
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_THAT(values(host), ElementsAre('t'));
}

TEST_F(EventsOnLoopTest, held_batch_is_offered_again_and_what_came_later_follows) {
  first.start();
  host.hold(true);
  first_pipe.send("ab");
  ASSERT_TRUE(host.wait_for_offers(1));
  host.hold(false);
  ASSERT_TRUE(host.wait_for_readings(2));
  EXPECT_THAT(values(host), ElementsAre('a', 'b'));
}

TEST_F(EventsOnLoopTest, held_batch_is_given_up_when_nothing_may_wait) {
  first.start();
  host.hold(true);
  first_pipe.send("a");
  ASSERT_TRUE(host.wait_for_offers(1));
  first.set_blocking(false);
  ASSERT_TRUE(host.wait_for_offers(2));
  first.set_blocking(true);
  host.hold(false);
  first_pipe.send("b");
  ASSERT_TRUE(host.wait_for_readings(1));
  EXPECT_THAT(values(host), ElementsAre('b'));
}

TEST_F(EventsOnLoopTest, durable_records_reach_the_source_in_their_order) {
  first.start();
  host.need_sync();
  first_pipe.send("a");
  ASSERT_TRUE(host.wait_for_readings(1));
  host.sync();
  first_pipe.send("b");
  ASSERT_TRUE(host.wait_for_readings(2));
  host.sync();
  EXPECT_THAT(first.durable_records(), ElementsAre(1, 2));
  EXPECT_THAT(second.durable_records(), IsEmpty()) << "of a source that was not started";
}

}  // namespace
}  // namespace edgetide::test
