#include "daemon/sources/mqtt_subscriptions.h"

#include <gmock/gmock.h>

namespace edgetide::test {
namespace {

using Identifiers = std::vector<std::uint32_t>;
using Kind = MqttSubscriptions::Copy::Kind;

MqttSubscriptions after_edit(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  MqttSubscriptions former(before, {});
  former.note_subscribed();
  former.note_ended();
  return MqttSubscriptions(now, former.notes());
}

// What a message counts, once the broker has ended the former filters.
bool takes(const MqttSubscriptions& subscriptions, std::string_view topic, const Identifiers& identifiers) {
  return subscriptions.copy_of(topic, identifiers).kind != Kind::left_out;
}

std::vector<std::string> to_end(const MqttSubscriptions& subscriptions) {
  std::vector<std::string> filters;
  for (const auto& one : subscriptions.all()) {
    if (one.has_to_end()) filters.push_back(one.filter);
  }
  return filters;
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
  EXPECT_TRUE(takes(shared, "a/x", {2}));
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
  const MqttSubscriptions second = after_edit({"a/+"}, {"b/+"});  // never connected
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
  EXPECT_EQ(kind({1}), Kind::through_ended);
  EXPECT_EQ(kind({2}), Kind::until_ended);
  EXPECT_EQ(kind({1, 2}), Kind::counts) << "one message for both";
  EXPECT_EQ(subscriptions.copy_of("hall/a/t", Identifiers{2}).kind, Kind::counts) << "only the newer one matches";
  const MqttSubscriptions again({"+/a/t"}, subscriptions.notes());
  EXPECT_EQ(again.copy_of("plant/a/t", Identifiers{2}).kind, Kind::until_ended) << "a connection later";
  subscriptions.note_ended();
  EXPECT_EQ(kind({1}), Kind::through_ended) << "sent before, and late";
  EXPECT_EQ(kind({2}), Kind::through_newer);
}

TEST(MqttSubscriptions, filter_that_the_broker_may_have_ended_costs_no_message) {
  MqttSubscriptions subscriptions = after_edit({"plant/+/t"}, {"+/a/t"});
  subscriptions.note_subscribed();
  subscriptions.note_ending();
  const MqttSubscriptions after_a_crash({"+/a/t"}, subscriptions.notes());
  EXPECT_EQ(after_a_crash.copy_of("plant/a/t", Identifiers{2}).kind, Kind::through_newer);
  EXPECT_THAT(to_end(after_a_crash), testing::ElementsAre("plant/+/t"));
  const MqttSubscriptions never_subscribed({"b/+"}, MqttSubscriptions({"a/+"}, {}).notes());
  EXPECT_THAT(to_end(never_subscribed), testing::ElementsAre("a/+"));
}

TEST(MqttSubscriptions, copies_come_in_the_order_of_mosquitto) {
  const struct {
    std::string former, newer;
    bool former_comes_first;
  } cases[] = {
      {"plant/+/t", "+/a/t", true},   {"+/a/t", "plant/+/t", false},      {"plant/#", "plant/+/t", false},
      {"plant/a/+", "plant/#", true}, {"plant/a/t/#", "plant/a/t", true}, {"plant/a/t", "plant/a/t/#", false},
  };
  for (const auto& c : cases) {
    const MqttSubscriptions subscriptions = after_edit({c.former}, {c.newer});
    EXPECT_EQ(subscriptions.copy_of("plant/a/t", Identifiers{1}).former_comes_first, c.former_comes_first) << c.former;
    EXPECT_EQ(subscriptions.copy_of("plant/a/t", Identifiers{2}).former_comes_first, c.former_comes_first) << c.former;
  }
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
