#include "daemon/service/event_loop.h"

#include <fcntl.h>
#include <future>
#include <gmock/gmock.h>
#include <optional>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

#include "tests/fakes/temporary_folder.h"

namespace edgetide::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// Two ends of a stream, each of which the other can make readable.
struct Pair {
  Pair() {
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
    ours = Descriptor(ends[0]);
    theirs = Descriptor(ends[1]);
  }
  void send() const { [[maybe_unused]] const ssize_t sent = write(theirs.get(), "x", 1); }
  char receive() const {
    char byte = 0;
    return read(ours.get(), &byte, 1) == 1 ? byte : '\0';
  }
  Descriptor ours, theirs;
};

void wait_for(std::promise<void>& done) {
  ASSERT_EQ(done.get_future().wait_for(60s), std::future_status::ready);
}

// Other threads' tasks come last in a turn: when one has run, the turn before it has ended.
void wait_for_turn(EventLoop& loop) {
  loop.call([] {});
}

TEST(EventLoop, timers_are_called_in_the_order_of_their_times_and_then_of_setting) {
  EventLoop loop("test");
  std::vector<int> order;
  std::promise<void> done;
  EventLoop::Timer last(loop, [&] { done.set_value(); });
  EventLoop::Timer third(loop, [&] { order.push_back(3); });
  EventLoop::Timer first(loop, [&] { order.push_back(1); });
  EventLoop::Timer second(loop, [&] { order.push_back(2); });
  const auto now = std::chrono::steady_clock::now();
  last.set(now + 30ms);
  third.set(now + 20ms);
  first.set(now + 10ms);
  second.set(now + 10ms);
  loop.start();
  wait_for(done);
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(EventLoop, timer_is_never_called_before_its_time_and_only_once) {
  EventLoop loop("test");
  int calls = 0;
  std::promise<EventLoop::Time> called;
  EventLoop::Timer timer(loop, [&] {
    if (++calls == 1) called.set_value(std::chrono::steady_clock::now());
  });
  const auto at = std::chrono::steady_clock::now() + 5ms;
  timer.set(at + 10s);
  timer.set(at);
  loop.start();
  EXPECT_GE(called.get_future().get(), at);
  wait_for_turn(loop);
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(timer.is_set());
}

TEST(EventLoop, cancelled_timer_is_not_called) {
  EventLoop loop("test");
  bool called = false;
  std::promise<void> done;
  EventLoop::Timer cancelled(loop, [&] { called = true; });
  EventLoop::Timer canceller(loop, [&] { cancelled.cancel(); });
  EventLoop::Timer last(loop, [&] { done.set_value(); });
  const auto now = std::chrono::steady_clock::now();
  canceller.set(now);
  cancelled.set(now + 1us);
  last.set(now + 2us);
  loop.start();
  wait_for(done);
  EXPECT_FALSE(called);
}

TEST(EventLoop, timer_that_sets_itself_to_the_past_leaves_the_others_their_turn) {
  EventLoop loop("test");
  int calls = 0;
  std::optional<EventLoop::Timer> restless;
  restless.emplace(loop, [&] {
    ++calls;
    restless->set({});
  });
  restless->set({});
  loop.start();
  wait_for_turn(loop);
  loop.call([&] { restless.reset(); });
  EXPECT_GE(calls, 1);
}

TEST(EventLoop, tasks_of_other_threads_run_on_the_loops_thread_in_their_order) {
  EventLoop loop("test");
  loop.start();
  std::vector<int> order;
  std::thread::id ran_on;
  for (int i = 0; i < 3; ++i) loop.post([&, i] { order.push_back(i); });
  loop.call([&] { ran_on = std::this_thread::get_id(); });
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
  EXPECT_NE(ran_on, std::this_thread::get_id());
  EXPECT_NE(ran_on, std::thread::id());
}

TEST(EventLoop, post_wakes_a_loop_that_has_nothing_to_wait_for) {
  EventLoop loop("test");
  loop.start();
  wait_for_turn(loop);
  std::promise<void> done;
  std::thread([&] { loop.post([&] { done.set_value(); }); }).join();
  wait_for(done);
}

TEST(EventLoop, exception_of_a_called_task_goes_to_the_caller) {
  EventLoop loop("test");
  loop.start();
  EXPECT_THROW(loop.call([] { throw std::runtime_error("no"); }), std::runtime_error);
  wait_for_turn(loop);
}

TEST(EventLoop, task_that_is_called_while_the_loop_does_not_run_runs_at_once) {
  EventLoop loop("test");
  bool ran = false;
  loop.call([&] { ran = true; });
  EXPECT_TRUE(ran);
  loop.start();
  loop.stop();
  loop.call([&] { ran = false; });
  EXPECT_FALSE(ran);
}

TEST(EventLoop, ready_descriptor_is_served_until_what_is_there_is_used) {
  const Pair pair;
  EventLoop loop("test");
  int bytes = 0;
  std::promise<void> done;
  EventLoop::Watch watch(loop, pair.ours.get(), EPOLLIN, [&](std::uint32_t) {
    if (pair.receive() == 'x' && ++bytes == 3) done.set_value();
  });
  for (int i = 0; i < 3; ++i) pair.send();
  loop.start();
  wait_for(done);
  loop.stop();
}

TEST(EventLoop, watch_without_events_is_not_called_even_when_the_peer_is_gone) {
  Pair pair;
  EventLoop loop("test");
  int calls = 0;
  std::promise<void> done;
  EventLoop::Watch watch(loop, pair.ours.get(), EPOLLIN, [&](std::uint32_t events) {
    ++calls;
    EXPECT_NE(events & EPOLLHUP, 0U);
    watch.set_events(0);
    done.set_value();
  });
  EXPECT_TRUE(watch.set_events(0));
  pair.theirs = Descriptor();
  loop.start();
  wait_for_turn(loop);
  wait_for_turn(loop);
  EXPECT_EQ(calls, 0);
  loop.call([&] { watch.set_events(EPOLLIN); });
  wait_for(done);
  wait_for_turn(loop);
  EXPECT_EQ(calls, 1);
  loop.stop();
}

TEST(EventLoop, watch_may_destroy_itself_while_it_is_served) {
  const Pair pair;
  EventLoop loop("test");
  std::promise<void> done;
  std::optional<EventLoop::Watch> watch;
  watch.emplace(loop, pair.ours.get(), EPOLLIN, [&](std::uint32_t) {
    watch.reset();
    done.set_value();
  });
  pair.send();
  loop.start();
  wait_for(done);
  wait_for_turn(loop);
}

TEST(EventLoop, watch_that_another_has_destroyed_in_this_turn_is_not_served) {
  const Pair pairs[2];
  EventLoop loop("test");
  int calls = 0;
  std::promise<void> done;
  std::optional<EventLoop::Watch> watches[2];
  for (int i = 0; i < 2; ++i) {
    watches[i].emplace(loop, pairs[i].ours.get(), EPOLLIN, [&, i](std::uint32_t) {
      ++calls;
      watches[1 - i].reset();
      pairs[i].receive();
      done.set_value();
    });
    pairs[i].send();
  }
  loop.start();
  wait_for(done);
  loop.stop();
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, new_watch_of_a_reused_number_does_not_get_the_events_of_the_old) {
  Pair old[2];
  EventLoop loop("test");
  bool stale = false;
  std::promise<void> done;
  std::optional<Pair> reused;
  std::optional<EventLoop::Watch> watches[2], fresh;
  for (int i = 0; i < 2; ++i) {
    watches[i].emplace(loop, old[i].ours.get(), EPOLLIN, [&, i](std::uint32_t) {
      old[i].receive();
      watches[1 - i].reset();
      old[1 - i] = {};  // closes both ends; the new pair takes their numbers
      reused.emplace();
      fresh.emplace(loop, reused->ours.get(), EPOLLIN, [&](std::uint32_t) { stale = true; });
      done.set_value();
    });
    old[i].send();
  }
  loop.start();
  wait_for(done);
  wait_for_turn(loop);
  loop.stop();
  EXPECT_FALSE(stale);
}

TEST(EventLoop, kernel_that_gives_no_descriptor_is_an_error_of_start) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  EventLoop loop("test");
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_THROW(loop.start(), std::system_error);
}

TEST(EventLoop, descriptor_that_cannot_be_watched_is_an_error_of_the_watch) {
  const TemporaryFolder folder;
  EventLoop loop("test");
  const Descriptor file(open((folder / "file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  for (const int descriptor : {file.get(), -1}) {
    EXPECT_THROW(EventLoop::Watch(loop, descriptor, EPOLLIN, [](std::uint32_t) {}), std::system_error);
  }
}

TEST(EventLoop, loop_can_be_started_again_and_its_watches_stay) {
  const Pair pair;
  EventLoop loop("test");
  std::promise<void> done;
  EventLoop::Watch watch(loop, pair.ours.get(), EPOLLIN, [&](std::uint32_t) {
    if (pair.receive() == 'x') done.set_value();
  });
  loop.start();
  loop.stop();
  pair.send();
  loop.start();
  wait_for(done);
  loop.stop();
}

}  // namespace
}  // namespace edgetide::test
