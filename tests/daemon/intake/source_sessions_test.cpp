#include "daemon/intake/source_sessions.h"

#include <gtest/gtest.h>

#include "daemon/intake/stored_values.h"

namespace edgetide::test {
namespace {

constexpr std::uint64_t message(std::uint64_t id, std::uint64_t text) {
  return id << 32 | text;
}

TEST(RecentMessages, message_is_known_by_its_packet_id_and_its_text) {
  RecentMessages recent;
  recent.add(message(1, 7));
  EXPECT_TRUE(recent.knows(message(1, 7)));
  EXPECT_FALSE(recent.knows(message(2, 7)));
  EXPECT_FALSE(recent.knows(message(1, 8)));
}

TEST(RecentMessages, later_message_with_the_same_packet_id_frees_it) {
  RecentMessages recent;
  recent.add(message(1, 7));
  recent.add(message(1, 8));
  EXPECT_FALSE(recent.knows(message(1, 7)));
  EXPECT_TRUE(recent.knows(message(1, 8)));
  recent.add(7), recent.add(8);  // without an id
  EXPECT_TRUE(recent.knows(7));
}

TEST(RecentMessages, as_many_are_known_as_can_be_in_flight) {
  for (const std::size_t most : {std::size_t{1000}, RecentMessages::max_messages}) {
    RecentMessages recent;
    recent.keep_most(most);
    for (std::uint64_t i = 1; i <= most + 3; ++i) recent.add(message(i % 65'535 + 1, i));
    const auto nth = [](std::uint64_t i) { return message(i % 65'535 + 1, i); };
    EXPECT_FALSE(recent.knows(nth(3)));
    EXPECT_TRUE(recent.knows(nth(4)));
    EXPECT_TRUE(recent.knows(nth(most + 3)));
  }
}

// Ids go round in order. The one that comes again was not taken; the message of equal text that had its id before was.
TEST(RecentMessages, id_that_went_once_around_is_not_taken_for_its_former_message) {
  RecentMessages recent;
  recent.keep_most(65'535);
  for (std::uint64_t i = 1; i <= 65'535; ++i) recent.add(message(i, 7));
  for (std::uint64_t lost = 1; lost <= 20; ++lost) {
    EXPECT_FALSE(recent.knows(message(lost, 7)));
    recent.add(message(lost, 7));
  }
}

TEST(RecentMessages, fewer_are_kept_from_now_on_and_the_newest_stay) {
  RecentMessages recent;
  for (std::uint64_t i = 1; i <= 1500; ++i) recent.add(message(i, i));
  recent.keep_most(10);
  EXPECT_FALSE(recent.knows(message(1490, 1490)));
  EXPECT_TRUE(recent.knows(message(1491, 1491)));
  recent.keep_most(20);
  recent.add(message(1501, 1501));
  EXPECT_TRUE(recent.knows(message(1491, 1491)));
  EXPECT_TRUE(recent.knows(message(1501, 1501)));
  EXPECT_EQ(recent.size(), 11U);
}

TEST(SourceSessions, no_source_takes_memory_of_another) {
  SourceSessions sessions;
  sessions.begin("a", "a@x", true, 1000, "notes");
  sessions.of("a").recent.add(message(1, 7));
  for (std::uint64_t i = 1; i <= 100'000; ++i) sessions.of("b").recent.add(message(i % 65'535 + 1, i));
  EXPECT_TRUE(sessions.of("a").recent.knows(message(1, 7)));
}

TEST(SourceSessions, each_server_has_its_session_and_a_new_one_forgets_the_messages) {
  SourceSessions sessions;
  sessions.begin("a", "a@x", true, 1000, "n");
  sessions.of("a").recent.add(message(1, 7));
  sessions.begin("a", "a@y", true, 1000, "n");
  EXPECT_FALSE(sessions.of("a").recent.knows(message(1, 7)));
  sessions.begin("a", "a@x", false, 1000, "n");
  EXPECT_TRUE(sessions.of("a").recent.knows(message(1, 7)));
  EXPECT_TRUE(sessions.is_in("a", "a@x", false, 1000, "n"));
  EXPECT_FALSE(sessions.is_in("a", "a@x", true, 1000, "n"));
  EXPECT_FALSE(sessions.is_in("a", "a@x", false, 1000, "other"));
  sessions.begin("a", "a@x", true, 1000, "n");
  EXPECT_FALSE(sessions.of("a").recent.knows(message(1, 7)));
}

TEST(SourceSessions, state_comes_back_and_notes_of_a_source_that_is_gone_stay) {
  SourceSessions sessions;
  sessions.begin("a", "a@x", true, 2000, "notes of a");
  sessions.begin("b", "b@x", true, 1000, "notes of b");
  sessions.of("a").recent.add(message(1, 7));
  sessions.of("b").recent.add(message(1, 7));
  sessions.of("a").copies.know(true);
  std::string bytes;
  ByteWriter out(bytes);
  sessions.save(out);
  SourceSessions again;
  ByteReader in(bytes);
  again.load(in);
  ASSERT_TRUE(in.ok() && in.at_end());
  again.keep({"a"});
  EXPECT_TRUE(again.of("a").recent.knows(message(1, 7)));
  EXPECT_TRUE(again.is_in("a", "a@x", false, 2000, "notes of a"));
  EXPECT_EQ(again.notes("b@x"), "notes of b");
  again.resume("a@x");
  EXPECT_FALSE(again.of("a").copies.is_copy(7, 2, Duration())) << "the broker was known to send one";
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    ByteReader part(std::string_view(bytes).substr(0, cut));
    SourceSessions().load(part);
    EXPECT_FALSE(part.ok()) << cut;
  }
}

// A replay whose record of the session is lost notes messages of a source that is in none.
TEST(SourceSessions, messages_of_a_session_whose_record_was_lost_are_known_in_the_one_that_is_named_next) {
  SourceSessions sessions;
  sessions.of("plant").recent.add(message(1, 7));
  sessions.begin("plant", "a@one", false, 100, "");
  EXPECT_TRUE(sessions.of("plant").recent.knows(message(1, 7)));
  sessions.begin("plant", "a@two", false, 100, "");
  EXPECT_FALSE(sessions.of("plant").recent.knows(message(1, 7)));
}

TEST(SourceSessions, session_that_was_left_first_is_forgotten_when_there_are_too_many) {
  SourceSessions sessions;
  for (std::size_t i = 0; i <= SourceSessions::max_sessions + 1; ++i) {
    sessions.begin("a", std::to_string(i), true, 10, "n");
  }
  EXPECT_FALSE(sessions.notes("0"));
  EXPECT_TRUE(sessions.notes("1"));
}

TEST(StoredValues, topics_that_were_not_heard_of_for_long_are_forgotten_and_those_of_other_sources_stay) {
  StoredValues values;
  values.note("other", 0, 1);
  for (std::uint64_t topic = 0; topic <= 2 * StoredValues::max_topics; ++topic) values.note("s", topic, topic + 1);
  EXPECT_FALSE(values.find("s", 0));
  EXPECT_EQ(values.find("s", StoredValues::max_topics), StoredValues::max_topics + 1);
  EXPECT_EQ(values.find("s", 2 * StoredValues::max_topics), 2 * StoredValues::max_topics + 1);
  EXPECT_EQ(values.find("other", 0), 1U);
  std::string bytes;
  ByteWriter out(bytes);
  values.save(out);
  StoredValues again;
  ByteReader in(bytes);
  again.load(in);
  EXPECT_TRUE(in.ok() && in.at_end());
  again.keep({"s"});
  EXPECT_EQ(again.find("s", StoredValues::max_topics), StoredValues::max_topics + 1);
  EXPECT_FALSE(again.find("other", 0));
}

constexpr Duration at_ms(int ms) {
  return Duration::milliseconds(ms);
}

TEST(CopyWatch, copies_of_each_message_are_dropped_equal_texts_or_not) {
  CopyWatch watch;
  int counted = 0;
  for (const std::uint32_t text : {5U, 5U, 5U, 5U, 5U, 5U, 6U, 6U, 6U, 5U, 5U, 5U})
    counted += !watch.is_copy(text, 3, at_ms(1));
  EXPECT_EQ(counted, 4);
  EXPECT_FALSE(watch.sends_one());
}

TEST(CopyWatch, broker_that_sends_one_is_known_by_a_row_that_is_too_short) {
  CopyWatch watch;
  EXPECT_FALSE(watch.is_copy(5, 3, at_ms(1)));
  EXPECT_FALSE(watch.is_copy(6, 3, at_ms(1)));
  EXPECT_TRUE(watch.sends_one());
  EXPECT_FALSE(watch.is_copy(6, 3, at_ms(1)));
  EXPECT_EQ(watch.dropped(), 0U);
}

TEST(CopyWatch, equal_messages_with_time_between_them_are_no_copies) {
  CopyWatch watch;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(watch.is_copy(5, 3, at_ms(100 * i)));
}

TEST(CopyWatch, row_goes_on_over_a_new_connection) {
  RecentMessages recent;
  recent.add(message(1, 5));
  CopyWatch watch;
  watch.resume(recent);
  EXPECT_TRUE(watch.is_copy(5, 3, at_ms(5000)));
  EXPECT_TRUE(watch.is_copy(5, 3, at_ms(5000)));
  EXPECT_FALSE(watch.is_copy(5, 3, at_ms(5000)));
}

TEST(CopyWatch, message_that_has_no_copies_counts_always) {
  CopyWatch watch;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(watch.is_copy(5, 1, at_ms(0)));
  EXPECT_FALSE(watch.sends_one());
}

}  // namespace
}  // namespace edgetide::test
