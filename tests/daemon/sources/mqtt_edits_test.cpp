// A broker as mosquitto is, in memory, and a client of it: in random order its routes are edited, its connection is cut
// anywhere, and the broker is restarted, while messages come. Each message has to count once.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <gtest/gtest.h>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/decoders/route.h"
#include "daemon/sources/edit_copies.h"
#include "daemon/sources/mqtt_subscriptions.h"
#include "daemon/sources/topic_filter.h"

namespace edgetide::test {
namespace {

constexpr Duration round_trip = Duration::milliseconds(1);

// In the order in which mosquitto finds them: level by level a name, then `+`, then `#`, which is found before the end.
std::string order_of(const std::string& filter) {
  std::string order;
  for (const char one : filter) order += one == '+' ? '\x7d' : one == '#' ? '\x7e' : one == '/' ? '\x01' : one;
  return order + (filter.back() == '#' ? "" : "\x7f");
}

struct Sent {
  unsigned message = 0;
  std::string topic;
  std::uint32_t identifier = 0;
  bool is_resent = false;
};

struct Mosquitto {
  std::map<std::string, std::uint32_t> subscriptions;  // of our session
  std::deque<Sent> queue;
  bool has_seen_us = true;  // since its restart

  // False: no filter matches.
  bool publish(unsigned message, const std::string& topic) {
    std::vector<std::string> matching;
    for (const auto& [filter, _] : subscriptions) {
      std::vector<Capture> none;
      if (TopicPattern(filter).match(topic, none)) matching.push_back(filter);
    }
    std::sort(matching.begin(), matching.end(), [](const auto& a, const auto& b) { return order_of(a) < order_of(b); });
    if (!has_seen_us && matching.size() > 1) matching.resize(1);
    for (const std::string& filter : matching) queue.push_back({message, topic, subscriptions[filter], false});
    return !matching.empty();
  }
};

// All messages have one text for each topic, or each has its own.
class World {
 public:
  World(unsigned seed, bool equal_texts) : random_(seed), equal_texts_(equal_texts) {
    edit();
    connect(false);
  }

  void step() {
    switch (draw(12)) {
      case 0:
        return edit();
      case 1:
        return connect(true);
      case 2:
        return restart_broker();
      case 3:
        return connect(false);
      default:
        return publish(1 + draw(3));
    }
  }
  void end() {
    connect(false);
    publish(3);
    receive_all();
  }
  unsigned published() const { return published_; }
  unsigned counted() const { return counted_; }
  unsigned ends() const { return ends_; }  // how often the broker was asked to end filters
  const std::string& story() const { return story_; }

 private:
  unsigned draw(unsigned below) { return std::uniform_int_distribution<unsigned>(0, below - 1)(random_); }

  // Each of them matches the topics p/a/t and p/a/u, so that no message is left out with the routes.
  void edit() {
    static const std::vector<std::string> all = {"p/a/+", "p/+/+", "+/a/+", "p/#", "+/a/#", "+/+/+", "p/a/#"};
    std::vector<std::string> chosen;
    for (unsigned count = 1 + draw(3); chosen.size() < count;) {
      const std::string& one = all[draw(static_cast<unsigned>(all.size()))];
      if (std::find(chosen.begin(), chosen.end(), one) == chosen.end()) chosen.push_back(one);
    }
    routes_ = without_covered(chosen);
    story_ += " edit to";
    for (const std::string& one : routes_) story_ += " " + one;
    lose_connection();
    if (!newest_copy_) newest_copy_ = copies_.state();
    copies_ = {};
  }

  void lose_connection() {
    is_connected_ = false;
    for (std::size_t unacknowledged = draw(4); unacknowledged > 0 && !taken_.empty(); --unacknowledged) {
      broker_.queue.push_front(taken_.back());
      taken_.pop_back();
    }
    taken_.clear();
    for (Sent& one : broker_.queue) one.is_resent = true;
    now_ = now_ + Duration::seconds(1);
  }

  void restart_broker() {
    story_ += "; broker restarted";
    lose_connection();
    broker_.has_seen_us = false;
  }

  // As the source does it. `cut`: the connection ends on the way, before or behind what the broker does.
  void connect(bool cut) {
    unsigned left = cut ? draw(8) : 1000;
    story_ += cut ? "; connect, cut after " + std::to_string(left) : "; connect";
    const auto goes_on = [&] { return left > 0 && left-- > 0; };
    lose_connection();
    subscriptions_ = MqttSubscriptions(routes_, notes_);
    if (!goes_on()) return;
    if (newest_copy_) copies_.resume(*newest_copy_, subscriptions_.rank_of(newest_copy_->identifier).value());
    newest_copy_.reset();
    broker_.has_seen_us = true;
    MqttSubscriptions next = subscriptions_;
    next.note_subscribing();
    notes_ = next.notes();
    for (const auto& one : next.all()) {
      if (!one.is_needed()) continue;
      if (!goes_on()) return;
      broker_.subscriptions[one.filter] = one.identifier;
      if (!goes_on()) return publish(draw(3));
      receive_some();
      if (const std::uint32_t begins = subscriptions_.note_subscribed(one.filter); begins != 0) copies_.begins(begins);
      publish(draw(3));
    }
    if (!end_others(next, goes_on)) return;
    subscriptions_ = next;
    is_connected_ = true;
  }

  template <class GoesOn>
  bool end_others(MqttSubscriptions& next, GoesOn goes_on) {
    next.note_subscribed();
    const std::vector<std::string> to_end = next.to_end();
    next.note_ending();
    notes_ = next.notes();
    if (!goes_on()) return false;
    if (!to_end.empty()) {
      ++ends_;
      for (const std::string& filter : to_end) broker_.subscriptions.erase(filter);
      if (!goes_on()) {
        publish(draw(3));
        return false;
      }
      receive_some();
      subscriptions_.note_ended();
    }
    next.note_ended();
    notes_ = next.notes();
    return true;
  }

  void publish(unsigned messages) {
    for (; messages > 0; --messages) {
      const bool is_taken = broker_.publish(published_, draw(2) == 0 ? "p/a/t" : "p/a/u");
      if (is_taken) ++published_;
      if (is_taken) story_ += " m";
      if (is_connected_) receive_all();
      // The broker does not wait for long between the copies of a message.
      now_ = now_ + (is_connected_ && draw(4) == 0 ? Duration::seconds(1) : Duration::milliseconds(2));
    }
  }

  // What the broker sent before an answer; some of it may wait there behind the answer.
  void receive_some() {
    receive(draw(2) == 0 ? broker_.queue.size() : draw(static_cast<unsigned>(broker_.queue.size() + 1)));
  }
  void receive_all() { receive(broker_.queue.size()); }
  void receive(std::size_t count) {
    for (; count > 0; --count, broker_.queue.pop_front()) {
      const Sent& one = broker_.queue.front();
      taken_.push_back(one);
      const std::uint32_t identifiers[] = {one.identifier};
      const MqttSubscriptions::Copy copy = subscriptions_.copy_of(one.topic, identifiers);
      story_ += " " + std::to_string(one.identifier);
      if (copy.kind == MqttSubscriptions::Copy::Kind::left_out) continue;
      const std::uint64_t text = (one.topic.ends_with('t') ? 1 : 0) + (equal_texts_ ? 0 : 2 * one.message);
      const bool counts = copies_.counts(copy, {text, now_, one.is_resent}, round_trip);
      const bool is_known = !known_.emplace(one.message, one.identifier).second;  // as the intake remembers it
      if (!counts || is_known) continue;
      ++counted_;
      story_ += "!";
    }
  }

  std::mt19937 random_;
  const bool equal_texts_;
  Mosquitto broker_;
  std::vector<std::string> routes_;
  std::string notes_, story_;
  MqttSubscriptions subscriptions_{{}, {}};
  std::deque<Sent> taken_;                              // in this connection
  std::set<std::pair<unsigned, std::uint32_t>> known_;  // by message and identifier
  EditCopies copies_;
  std::optional<EditCopies::State> newest_copy_;  // of the run before
  bool is_connected_ = false;
  Duration now_;
  unsigned published_ = 0, counted_ = 0, ends_ = 0;
};

World run(unsigned seed, bool equal_texts) {
  World world(seed, equal_texts);
  for (int i = 0; i < 60; ++i) world.step();
  world.end();
  return world;
}

TEST(MqttEdits, message_counts_once_whatever_edits_cuts_and_restarts_of_the_broker_come_around_it) {
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    const World world = run(seed, false);
    ASSERT_EQ(world.counted(), world.published()) << "seed " << seed << world.story();
  }
}

// Of equal ones in a row, one where an edit ends can be taken for a copy of that before.
TEST(MqttEdits, message_of_the_same_text_as_others_counts_once_but_for_the_last_or_first_one_of_an_edit) {
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    const World world = run(seed, true);
    ASSERT_GE(world.counted() + world.ends(), world.published()) << "seed " << seed << world.story();
    ASSERT_LE(world.counted(), world.published()) << "seed " << seed << world.story();
  }
}

}  // namespace
}  // namespace edgetide::test
