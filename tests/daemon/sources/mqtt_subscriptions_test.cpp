#include "daemon/sources/mqtt_subscriptions.h"

#include <gmock/gmock.h>

namespace edgetide::test {
namespace {

using Identifiers = std::vector<std::uint32_t>;

MqttSubscriptions after_edit(const std::vector<std::string>& before, const std::vector<std::string>& now) {
  MqttSubscriptions former(before, {});
  former.forget_at_broker();
  return MqttSubscriptions(now, former.notes());
}

std::vector<std::string> to_end(const MqttSubscriptions& subscriptions) {
  std::vector<std::string> filters;
  for (const auto& one : subscriptions.all()) {
    if (!one.is_needed() && one.at_broker) filters.push_back(one.filter);
  }
  return filters;
}

TEST(MqttSubscriptions, one_copy_of_several_counts_and_a_single_copy_with_all_identifiers_does) {
  const MqttSubscriptions subscriptions({"+/+/t", "plant/+/+", "plant/a/#"}, {});
  int taken = 0;
  for (const std::uint32_t identifier : {1U, 2U, 3U})
    taken += subscriptions.takes("plant/a/t", Identifiers{identifier});
  EXPECT_EQ(taken, 1);
  EXPECT_TRUE(subscriptions.takes("plant/a/t", Identifiers{3, 2, 1}));
  EXPECT_TRUE(subscriptions.takes("plant/b/x", Identifiers{2}));
  EXPECT_TRUE(subscriptions.takes("plant/a/t", {}));
  EXPECT_EQ(subscriptions.copies("plant/a/t"), 3U);
  EXPECT_EQ(subscriptions.copies("hall/a/t"), 1U);
}

TEST(MqttSubscriptions, filters_without_common_topics_are_not_looked_at) {
  const MqttSubscriptions subscriptions({"a/+", "b/+"}, {});
  EXPECT_FALSE(subscriptions.is_overlapping());
  EXPECT_TRUE(subscriptions.takes("a/x", Identifiers{7}));
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
    for (const std::uint32_t identifier : c.copies) taken += subscriptions.takes("plant/a/t", Identifiers{identifier});
    EXPECT_EQ(taken, 1) << testing::PrintToString(c.now) << testing::PrintToString(c.copies);
  }
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
    subscriptions.forget_at_broker();
    notes = subscriptions.notes();
  }
  EXPECT_EQ(MqttSubscriptions({"f199/+"}, notes).all().size(), MqttSubscriptions::max_ended + 1);
}

}  // namespace
}  // namespace edgetide::test
