#include "daemon/sources/mqtt_subscriptions.h"

#include <gmock/gmock.h>

namespace edgetide::test {
namespace {

using Identifiers = std::vector<std::uint32_t>;
using Kind = MqttSubscriptions::Copy::Kind;

MqttSubscriptions after_edit(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  MqttSubscriptions former(before, {});
  former.note_subscribing();
  former.note_subscribed();
  former.note_ended();
  return MqttSubscriptions(now, former.notes());
}

// What a message counts, once the broker has ended the former filters.
bool takes(const MqttSubscriptions& subscriptions, std::string_view topic, const Identifiers& identifiers) {
  return subscriptions.copy_of(topic, identifiers).kind != Kind::left_out;
}

std::vector<std::string> to_end(const MqttSubscriptions& subscriptions) {
  return subscriptions.to_end();
}

TEST(MqttSubscriptions, one_copy_of_several_counts_and_a_single_copy_with_all_identifiers_does) {
  const MqttSubscriptions subscriptions({"+/+/t", "plant/+/+", "plant/a/#"}, {});
  int taken = 0;
  for (const std::uint32_t identifier : {1U, 2U, 3U}) taken += takes(subscriptions, "plant/a/t", {identifier});
  EXPECT_EQ(taken, 1);
  EXPECT_TRUE(takes(subscriptions, "plant/a/t", {3, 2, 1}));
  EXPECT_TRUE(takes(subscriptions, "plant/b/x", {2}));
  EXPECT_TRUE(takes(subscriptions, "plant/a/t", {}));
  EXPECT_EQ(subscriptions.copies("plant/a/t"), 3U);
  EXPECT_EQ(subscriptions.copies("hall/a/t"), 1U);
}

TEST(MqttSubscriptions, shared_ones_match_the_plain_topic_and_are_ended_with_their_group) {
  const MqttSubscriptions shared({"$share/g/+/t", "$share/g/a/+"}, {});
  EXPECT_TRUE(shared.is_overlapping());
  EXPECT_TRUE(takes(shared, "a/t", {1}));
  EXPECT_FALSE(takes(shared, "a/t", {2}));
  EXPECT_TRUE(takes(shared, "a/x", {1}));
  const std::vector<std::string> former = {"$share/g/a/+"};
  EXPECT_EQ(to_end(after_edit(former, {"$share/h/a/+"})), former);
  EXPECT_EQ(to_end(after_edit(former, {"a/+"})), former);
  EXPECT_EQ(to_end(after_edit(former, former)), std::vector<std::string>());
}

TEST(MqttSubscriptions, filters_without_common_topics_are_not_looked_at) {
  const MqttSubscriptions subscriptions({"a/+", "b/+"}, {});
  EXPECT_FALSE(subscriptions.is_overlapping());
  EXPECT_TRUE(takes(subscriptions, "a/x", {7}));
}

TEST(MqttSubscriptions, identifiers_stay_with_their_filters_over_an_edit_and_are_not_used_again) {
  const MqttSubscriptions subscriptions = after_edit({"a/+", "b/+"}, {"c/+", "b/+"});
  ASSERT_EQ(subscriptions.all().size(), 3U);
  EXPECT_EQ(subscriptions.all()[1].filter, "b/+");
  EXPECT_EQ(subscriptions.all()[1].identifier, 2U);
  EXPECT_EQ(subscriptions.all()[2].filter, "c/+");
  EXPECT_EQ(subscriptions.all()[2].identifier, 3U);
  EXPECT_THAT(to_end(subscriptions), testing::ElementsAre("a/+"));
}

TEST(MqttSubscriptions, what_was_never_ended_at_the_broker_is_ended_two_edits_later_or_goes_on_if_it_is_needed_again) {
  MqttSubscriptions second = after_edit({"a/+"}, {"b/+"});
  second.note_subscribing();  // and the connection was lost
  EXPECT_THAT(to_end(MqttSubscriptions({"c/+"}, second.notes())), testing::UnorderedElementsAre("a/+", "b/+"));
  const MqttSubscriptions back({"a/+"}, second.notes());
  EXPECT_THAT(to_end(back), testing::ElementsAre("b/+"));
  EXPECT_EQ(back.all()[0].identifier, 1U);
}

// A message that the broker kept from before the edit comes with the copies of that time.
TEST(MqttSubscriptions, message_from_before_an_edit_counts_once) {
  const struct {
    std::vector<std::string> before, now;
    Identifiers copies;
  } cases[] = {
      {{"plant/+/+"}, {"+/+/t"}, {1}},                           // only the former filter matched
      {{"plant/+/+", "+/a/+"}, {"+/+/t"}, {1, 2}},               // two former ones did
      {{"plant/+/+", "+/a/+"}, {"+/a/+"}, {1, 2}},               // one is still needed
      {{"plant/+/+", "+/a/+"}, {"+/a/+", "plant/a/#"}, {1, 2}},  // and there is a new one
      {{"plant/+/+", "+/a/+"}, {"+/a/+", "plant/a/#"}, {2, 3}},  // from after it
      {{"plant/+/+"}, {"+/a/+", "+/+/t"}, {2, 3}},
      {{"plant/+/+"}, {"+/a/+", "+/+/t"}, {77}},  // of a session that is not known
  };
  for (const auto& c : cases) {
    const MqttSubscriptions subscriptions = after_edit(c.before, c.now);
    int taken = 0;
    for (const std::uint32_t identifier : c.copies) taken += takes(subscriptions, "plant/a/t", {identifier});
    EXPECT_EQ(taken, 1) << testing::PrintToString(c.now) << testing::PrintToString(c.copies);
  }
}

// Between the answers to SUBSCRIBE and UNSUBSCRIBE a message comes through both.
TEST(MqttSubscriptions, message_during_an_edit_counts_through_the_former_filter_until_the_broker_has_ended_it) {
  MqttSubscriptions subscriptions = after_edit({"plant/+/t"}, {"+/a/t"});
  const auto kind = [&](const Identifiers& identifiers) {
    return subscriptions.copy_of("plant/a/t", identifiers).kind;
  };
  EXPECT_EQ(kind({1}), Kind::unsure);
  EXPECT_EQ(kind({2}), Kind::until_ended);
  EXPECT_EQ(kind({1, 2}), Kind::counts) << "one message for both";
  EXPECT_EQ(subscriptions.copy_of("hall/a/t", Identifiers{2}).kind, Kind::counts) << "only the newer one matches";
  const MqttSubscriptions again({"+/a/t"}, subscriptions.notes());
  EXPECT_EQ(again.copy_of("plant/a/t", Identifiers{2}).kind, Kind::until_ended) << "a connection later";
  subscriptions.note_ended();
  EXPECT_EQ(kind({1}), Kind::unsure) << "sent before, and late";
  EXPECT_EQ(kind({2}), Kind::unsure);
}

TEST(MqttSubscriptions, filter_that_the_broker_may_have_ended_costs_no_message) {
  MqttSubscriptions subscriptions = after_edit({"plant/+/t"}, {"+/a/t"});
  subscriptions.note_subscribed();
  subscriptions.note_ending();
  const MqttSubscriptions after_a_crash({"+/a/t"}, subscriptions.notes());
  EXPECT_EQ(after_a_crash.copy_of("plant/a/t", Identifiers{2}).kind, Kind::unsure);
  EXPECT_THAT(to_end(after_a_crash), testing::ElementsAre("plant/+/t"));
  MqttSubscriptions first({"a/+"}, {});
  first.note_subscribing();
  EXPECT_THAT(to_end(MqttSubscriptions({"b/+"}, first.notes())), testing::ElementsAre("a/+"));
}

TEST(MqttSubscriptions, copies_come_in_the_order_of_mosquitto) {
  const struct {
    std::string former, newer;
    bool former_comes_first;
  } cases[] = {
      {"plant/+/t", "+/a/t", true},     {"+/a/t", "plant/+/t", false},      {"plant/#", "plant/+/t", false},
      {"plant/a/+", "plant/#", true},   {"plant/a/t/#", "plant/a/t", true}, {"plant/a/t", "plant/a/t/#", false},
      {"$share/g/+/a/t", "a/#", false},
  };
  for (const auto& c : cases) {
    const MqttSubscriptions subscriptions = after_edit({c.former}, {c.newer});
    const auto rank = [&](std::uint32_t identifier) {
      return subscriptions.copy_of("a/a/t" == c.newer ? "a/a/t" : "plant/a/t", Identifiers{identifier}).rank;
    };
    EXPECT_EQ(rank(1) < rank(2), c.former_comes_first) << c.former;
  }
}

std::uint32_t identifier_of(const MqttSubscriptions& subscriptions, std::string_view filter) {
  std::uint32_t identifier = 0;
  for (const auto& one : subscriptions.all()) {
    if (one.filter == filter && one.is_needed()) identifier = one.identifier;
  }
  return identifier;
}

// mosquitto that was restarted sends one copy only until we connect, the first one.
TEST(MqttSubscriptions, first_copy_in_the_order_of_mosquitto_counts_in_whatever_order_the_routes_are) {
  const std::vector<std::string> filters = {"+/+/t", "plant/+/+", "plant/a/#", "plant/a/t/+"};
  for (const std::vector<std::string>& needed : {filters, std::vector(filters.rbegin(), filters.rend())}) {
    const MqttSubscriptions subscriptions(needed, {});
    for (const std::string filter : {"+/+/t", "plant/+/+", "plant/a/#"}) {
      EXPECT_EQ(takes(subscriptions, "plant/a/t", {identifier_of(subscriptions, filter)}), filter == "plant/a/#")
          << filter;
    }
  }
}

TEST(MqttSubscriptions, filter_is_renewed_when_one_before_it_that_crosses_it_comes_or_goes) {
  const struct {
    std::vector<std::string> before, now;
    bool is_renewed;  // plant/+/t
  } cases[] = {
      {{"plant/+/t"}, {"plant/+/t"}, false},
      {{"plant/+/t"}, {"plant/+/t", "plant/a/+"}, true},
      {{"plant/+/t", "plant/a/+"}, {"plant/+/t"}, true},
      {{"plant/+/t"}, {"plant/+/t", "+/a/t"}, false},
      {{"plant/+/t", "+/a/t"}, {"plant/+/t"}, false},
      {{"plant/+/t"}, {"plant/+/t", "hall/a/+"}, false},
      {{"plant/+/t", "hall/a/+"}, {"plant/+/t"}, false},
      {{"plant/+/t", "plant/a/+"}, {"plant/+/t", "plant/b/+"}, true},
  };
  for (const auto& c : cases) {
    const std::uint32_t before = identifier_of(after_edit(c.before, c.before), "plant/+/t");
    MqttSubscriptions subscriptions = after_edit(c.before, c.now);
    EXPECT_EQ(identifier_of(subscriptions, "plant/+/t") != before, c.is_renewed) << testing::PrintToString(c.now);
    EXPECT_THAT(to_end(subscriptions), testing::Not(testing::Contains("plant/+/t"))) << "it is needed";
    EXPECT_EQ(identifier_of(MqttSubscriptions(c.now, subscriptions.notes()), "plant/+/t"),
              identifier_of(subscriptions, "plant/+/t"))
        << "once for an edit";
  }
}

TEST(MqttSubscriptions, one_that_follows_a_renewed_one_is_renewed_with_it) {
  const std::vector<std::string> before = {"plant/+/t", "+/b/t"};
  const MqttSubscriptions subscriptions = after_edit(before, {"plant/+/t", "+/b/t", "plant/a/+"});
  EXPECT_THAT(to_end(subscriptions), testing::IsEmpty());
  for (const std::string& filter : before) EXPECT_GT(identifier_of(subscriptions, filter), 3U) << filter;
  EXPECT_TRUE(takes(subscriptions, "plant/b/t", {1}));
  EXPECT_FALSE(takes(subscriptions, "plant/b/t", {2})) << "from before the edit, too";
}

TEST(MqttSubscriptions, renewed_filter_counts_as_former_until_the_broker_has_answered_for_it) {
  MqttSubscriptions subscriptions = after_edit({"plant/+/t"}, {"plant/+/t", "plant/a/+"});
  const auto kind = [&](std::uint32_t identifier) {
    return subscriptions.copy_of("plant/a/t", Identifiers{identifier}).kind;
  };
  EXPECT_EQ(kind(1), Kind::unsure) << "counts, if no copy before it did";
  EXPECT_EQ(kind(2), Kind::unsure) << "the first copy counts";
  EXPECT_EQ(kind(3), Kind::left_out);
  MqttSubscriptions after_a_crash = subscriptions;
  after_a_crash.note_subscribing();
  EXPECT_EQ(
      MqttSubscriptions({"plant/+/t", "plant/a/+"}, after_a_crash.notes()).copy_of("plant/a/t", Identifiers{2}).kind,
      Kind::unsure);
  subscriptions.note_subscribed("plant/+/t");
  EXPECT_EQ(kind(2), Kind::unsure);
  EXPECT_EQ(kind(3), Kind::left_out);
}

// The broker got the first edit, but we do not know it.
TEST(MqttSubscriptions, two_edits_before_the_broker_has_answered_count_through_the_one_that_it_surely_has) {
  MqttSubscriptions first = after_edit({"plant/+/t"}, {"+/a/t"});
  first.note_subscribing();
  const MqttSubscriptions second({"plant/a/+"}, first.notes());
  const auto kind = [&](std::uint32_t identifier) { return second.copy_of("plant/a/t", Identifiers{identifier}).kind; };
  EXPECT_EQ(kind(1), Kind::unsure);
  EXPECT_EQ(kind(2), Kind::left_out);
  EXPECT_EQ(kind(identifier_of(second, "plant/a/+")), Kind::unsure) << "the first copy counts";
  EXPECT_THAT(to_end(second), testing::ElementsAre("plant/+/t", "+/a/t"));
}

TEST(MqttSubscriptions, filter_that_comes_back_after_it_was_asked_to_end_has_another_identifier) {
  MqttSubscriptions first = after_edit({"plant/+/t"}, {"+/a/t"});
  first.note_subscribed();
  first.note_ending();
  const MqttSubscriptions back({"plant/+/t"}, first.notes());
  EXPECT_GT(identifier_of(back, "plant/+/t"), 2U);
  EXPECT_THAT(to_end(back), testing::ElementsAre("+/a/t"));
}

TEST(MqttSubscriptions, broker_without_identifiers_is_not_taken_to_send_copies_for_an_edit) {
  EXPECT_EQ(after_edit({"plant/+/t"}, {"+/a/t"}).copies("plant/a/t"), 1U);
  EXPECT_EQ(after_edit({"plant/+/t", "plant/a/+"}, {"+/a/t"}).copies("plant/a/t"), 2U) << "those that it has kept";
}

TEST(MqttSubscriptions, notes_that_cannot_be_read_count_as_none) {
  const std::string notes = MqttSubscriptions({"a/+"}, {}).notes();
  for (std::size_t bytes = 0; bytes < notes.size(); ++bytes) {
    const MqttSubscriptions subscriptions({"b/+"}, notes.substr(0, bytes));
    ASSERT_EQ(subscriptions.all().size(), 1U) << bytes;
    EXPECT_EQ(subscriptions.all()[0].identifier, 1U);
  }
}

TEST(MqttSubscriptions, only_the_newest_that_were_ended_are_remembered) {
  std::string notes;
  for (int i = 0; i < 200; ++i) {
    MqttSubscriptions subscriptions({"f" + std::to_string(i) + "/+"}, notes);
    subscriptions.note_ended();
    notes = subscriptions.notes();
  }
  EXPECT_EQ(MqttSubscriptions({"f199/+"}, notes).all().size(), MqttSubscriptions::max_ended + 1);
}

}  // namespace
}  // namespace edgetide::test
