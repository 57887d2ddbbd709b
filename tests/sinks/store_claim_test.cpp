// Who may write to a store, and which epochs and rows are new to it: after restarts, from clones, from a state
// directory that was emptied (sinks/sink.h, sinks/row_guard.h).
#include <gmock/gmock.h>
#include <thread>

#include "tests/sinks/store_fixture.h"

namespace edgetide::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class StoreClaim : public StoreTest {
 protected:
  // Every column of the rows and of the claim, as the store has them.
  auto everything() {
    return std::pair(store->query("SELECT * FROM " + store->prefix() + "minute_data ORDER BY time, series_id"),
                     store->query("SELECT state_id, run, epoch FROM " + store->prefix() + "sink_state"));
  }
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreClaim, testing::ValuesIn(stores()), kind_name);

TEST_P(StoreClaim, same_epoch_again_changes_nothing) {
  const auto sink = open_sink();
  ASSERT_THAT(sink->deliver(batch(4, {{series("s"), 0, 1, {1, 1}}})), IsDelivered());
  EXPECT_THAT(sink->deliver(batch(4, {{series("s"), 0, 2, {2, 2}}, {series("t"), 0, 1, {2, 2}}})), IsDelivered());
  EXPECT_THAT(sink->deliver(batch(3, {{series("s"), 0, 2, {2, 2}}})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(1.0));
}

TEST_P(StoreClaim, epoch_without_rows_is_remembered) {
  const auto sink = open_sink();
  ASSERT_THAT(sink->deliver(RowBatch{{1, 9}, {}}), IsDelivered());
  EXPECT_EQ(stored_id(*sink), (EpochId{1, 9}));
}

TEST_P(StoreClaim, batch_of_a_process_killed_after_its_commit_is_delivered_again_and_changes_nothing) {
  const RowBatch sent = batch(7, {{series("s"), 0, 2, {1, 1}}, {series("t"), 0, 1, {2, 2}}});
  ASSERT_THAT(open_sink()->deliver(sent), IsDelivered());  // and gone before it could note that
  const auto restarted = open_sink();
  EXPECT_EQ(stored_id(*restarted), (EpochId{1, 7}));
  const auto before = everything();
  EXPECT_THAT(restarted->deliver(sent), IsDelivered());
  EXPECT_EQ(everything(), before);
}

TEST_P(StoreClaim, reopened_sink_keeps_its_newest_epoch) {
  const auto sink = open_sink();
  EXPECT_EQ(stored_id(*sink), std::nullopt);
  ASSERT_THAT(sink->deliver(batch(41, {{series("s"), 0, 1, {1, 1}}})), IsDelivered());
  for (int i = 0; i < 2; ++i) {
    sink->close();
    EXPECT_THAT(sink->open(), IsDelivered());
    EXPECT_EQ(stored_id(*sink), (EpochId{1, 41}));
  }
}

// A power cut took the journal's last ticks; the next run fires epochs of the same numbers with other rows.
TEST_P(StoreClaim, later_run_with_the_same_epoch_is_new_and_an_earlier_run_is_not) {
  ASSERT_THAT(open_sink()->deliver(batch({5, 70}, {{series("s"), 0, 3, {30, 1}}})), IsDelivered());
  const auto sink = open_sink();
  ASSERT_THAT(sink->deliver(batch({6, 70}, {{series("s"), 0, 3, {31, 1}}})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(31.0));
  ASSERT_THAT(sink->deliver(batch({6, 2}, {{series("s"), 0, 4, {41, 1}}})), IsDelivered());
  ASSERT_THAT(sink->deliver(batch({5, 99}, {{series("s"), 0, 4, {42, 1}}})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(31.0));
  EXPECT_EQ(stored_id(*sink), (EpochId{6, 70}));
}

TEST_P(StoreClaim, another_state_directory_begins_again) {
  ASSERT_THAT(open_sink_of_state(1)->deliver(batch({9, 70}, {{series("s"), 0, 1, {1, 1}}})), IsDelivered());
  const auto emptied = open_sink_of_state(2);
  EXPECT_EQ(stored_id(*emptied), std::nullopt);
  ASSERT_THAT(emptied->deliver(batch({3, 1}, {{series("s"), 60, 1, {2, 2}}})), IsDelivered());
  EXPECT_EQ(stored_id(*emptied), (EpochId{3, 1}));
  EXPECT_THAT(counts(), ElementsAre(1.0, 2.0));
}

// A row of ours gives way even to a lower revision: the order of deliveries decides, and a revision may come again.
TEST_P(StoreClaim, row_of_our_own_gives_way_to_any_revision_of_as_many_readings) {
  const auto sink = open_sink();
  std::uint64_t epoch = 0;
  ASSERT_THAT(sink->deliver(batch(++epoch, {{series("s"), 0, 2, {20, 2}, RowState::open}})), IsDelivered());
  for (const std::uint32_t revision : {3U, 3U, 2U}) {
    const double value = 100.0 + static_cast<double>(epoch);
    ASSERT_THAT(sink->deliver(batch(++epoch, {{series("s"), 0, revision, {20, value}, RowState::final}})),
                IsDelivered());
    const StoredRow row = rows().at(0);
    EXPECT_THAT(row.values, ElementsAre(20.0, value)) << "revision " << revision;
    EXPECT_EQ(row.revision, revision);
    EXPECT_EQ(row.state, "final");
    EXPECT_EQ(row.epoch, epoch);
  }
}

struct GuardCase {
  std::string name;
  std::vector<WindowSchema> windows;
  std::uint32_t old_revision;
  std::vector<double> old_values;
  std::uint32_t new_revision;
  std::vector<double> new_values;
  bool replaced;
};

TEST_P(StoreClaim, state_directory_that_was_emptied_downgrades_no_window) {
  const std::vector<WindowSchema> counted = {{"counted", {{"count", true}, {"avg", false}}}};
  const std::vector<WindowSchema> uncounted = {{"uncounted", {{"max", false}}}};
  const std::vector<WindowSchema> measured = {{"measured", {{"readings", true}, {"max", false}}}};
  const GuardCase cases[] = {
      {"fewer readings, greater revision", counted, 3, {10, 1}, 9, {9, 2}, false},
      {"fewer readings, same revision", counted, 3, {10, 1}, 3, {9, 2}, false},
      {"an empty window", counted, 1, {10, 1}, 2, {0, null}, false},
      {"as many readings, smaller revision", counted, 3, {10, 1}, 1, {10, 2}, true},
      {"more readings, smaller revision", counted, 3, {10, 1}, 1, {11, 2}, true},
      {"a row from before the window had a count, greater revision", counted, 3, {null, 1}, 4, {2, 2}, true},
      {"a row from before the window had a count, same revision", counted, 3, {null, 1}, 3, {2, 2}, false},
      {"no count, fewer readings, greater revision", measured, 3, {10, 1}, 9, {9, 2}, false},
      {"no count, as many readings, smaller revision", measured, 3, {10, 1}, 1, {10, 2}, true},
      {"no count, greater revision", uncounted, 3, {1}, 4, {2}, true},
      {"no count, same revision", uncounted, 3, {1}, 3, {2}, false},
      {"no count, smaller revision", uncounted, 3, {1}, 2, {2}, false},
  };
  std::int64_t start = 0;
  std::uint64_t state_id = 0;
  for (const GuardCase& c : cases) {
    windows = c.windows;
    start += 60'000'000;
    const auto deliver = [&](std::uint32_t revision, const std::vector<double>& values) {
      const auto sink = open_sink_of_state(++state_id);
      return sink->deliver(batch(1, {{series("s"), start, revision, values}}));
    };
    EXPECT_THAT(deliver(c.old_revision, c.old_values), IsDelivered()) << c.name;
    EXPECT_THAT(deliver(c.new_revision, c.new_values), IsDelivered()) << c.name;
    EXPECT_EQ(rows().back().values.back(), c.replaced ? 2.0 : 1.0) << c.name;
    EXPECT_EQ(rows().back().start_us, start) << c.name;
  }
}

// The identity of a state directory that has made these epochs, and runs now.
SinkIdentity with_history(std::initializer_list<EpochId> made, std::uint64_t run) {
  SinkIdentity identity = this_gateway();
  auto history = std::make_shared<StateHistory>();
  for (const EpochId& last : made) history->note(last);
  history->begin(run);
  history->set_end(Timestamp::microseconds(1'700'000'000'000'000));
  identity.history = history;
  identity.process = "host-" + std::to_string(run);
  return identity;
}

TEST_P(StoreClaim, state_directory_goes_on_with_what_it_has_made) {
  ASSERT_THAT(open_sink(with_history({}, 5))->deliver(batch({5, 70}, {{series("s"), 0, 3, {30, 1}}})), IsDelivered());
  const auto sink = store->sink(windows, with_history({{5, 70}}, 6));
  EXPECT_THAT(sink->open(), HasNotice(""));
  EXPECT_EQ(stored_id(*sink), (EpochId{5, 70}));
  ASSERT_THAT(sink->deliver(batch({6, 71}, {{series("s"), 0, 3, {31, 1}}})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(31.0));
}

TEST_P(StoreClaim, older_copy_of_the_state_replaces_no_row_by_one_of_fewer_readings_and_says_so) {
  ASSERT_THAT(
      open_sink(with_history({}, 5))
          ->deliver(batch({5, 70}, {{series("s"), 0, 3, {30, 1}, RowState::final}, {series("t"), 0, 1, {2, 1}}})),
      IsDelivered());
  const EpochId copies[] = {{5, 69}, {4, 900}};  // of the same run, of the run before
  for (const EpochId& copied_at : copies) {
    const auto sink = store->sink(windows, with_history({copied_at}, 6 + copied_at.run));
    EXPECT_THAT(sink->open(), HasNotice(HasSubstr("from 2023-11-14T22:13:20.000000Z until 2")));
    EXPECT_EQ(stored_id(*sink), std::nullopt);
    const EpochId next{6 + copied_at.run, 70};
    ASSERT_THAT(
        sink->deliver(batch(next, {{series("s"), 0, 9, {29, 2}, RowState::final}, {series("t"), 0, 1, {3, 2}}})),
        IsDelivered());
    EXPECT_THAT(counts(), ElementsAre(30.0, 3.0));
    EXPECT_EQ(stored_id(*sink), next);
  }
}

TEST_P(StoreClaim, older_copy_goes_on_under_its_new_state_id_after_a_restart_and_sees_no_older_copy_again) {
  ASSERT_THAT(open_sink(with_history({}, 5))->deliver(batch({5, 70}, {{series("s"), 0, 3, {30, 1}}})), IsDelivered());
  ASSERT_THAT(open_sink(with_history({{4, 9}}, 6))->deliver(batch({6, 10}, {{series("t"), 0, 1, {5, 1}}})),
              IsDelivered());
  const auto restarted = store->sink(windows, with_history({{4, 9}, {6, 10}}, 7));
  EXPECT_THAT(restarted->open(), HasNotice(""));
  EXPECT_EQ(stored_id(*restarted), (EpochId{6, 10}));
  ASSERT_THAT(restarted->deliver(batch({7, 11}, {{series("s"), 0, 9, {29, 2}}, {series("t"), 0, 1, {6, 2}}})),
              IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(30.0, 6.0));  // the second row is its own
}

// The store was away during the first start after the directory was replaced: the epochs of the lost runs are older
// than those of that start.
TEST_P(StoreClaim, older_copy_is_recognised_by_a_later_run_too) {
  ASSERT_THAT(open_sink(with_history({}, 5))->deliver(batch({5, 70}, {{series("s"), 0, 3, {30, 1}}})), IsDelivered());
  const auto sink = store->sink(windows, with_history({{4, 9}, {6, 80}}, 7));
  EXPECT_THAT(sink->open(), HasNotice(HasSubstr("never made")));
  ASSERT_THAT(sink->deliver(batch({7, 81}, {{series("s"), 0, 9, {29, 2}}})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(30.0));
}

TEST_P(StoreClaim, instance_that_takes_the_store_back_delivers_what_waited) {
  const auto older = open_sink(with_history({}, 5));
  ASSERT_THAT(older->deliver(batch({5, 1}, {{series("s"), 0, 1, {1, 1}}})), IsDelivered());
  const auto clone = open_sink(with_history({{5, 1}}, 6));
  ASSERT_THAT(clone->deliver(batch({6, 8}, {{series("s"), 0, 1, {5, 1}}, {series("c"), 0, 1, {2, 1}}})), IsDelivered());
  const RowBatch waiting = batch({5, 2}, {{series("s"), 0, 1, {2, 2}}, {series("t"), 0, 1, {4, 2}}});
  EXPECT_THAT(older->deliver(waiting), IsStopped(AllOf(HasSubstr("host-6"), HasSubstr("sink take"))));
  older->close();
  older->take_over();
  EXPECT_THAT(older->open(), HasNotice(HasSubstr("host-6")));
  EXPECT_EQ(stored_id(*older), std::nullopt);
  ASSERT_THAT(older->deliver(waiting), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(2.0, 5.0, 4.0));
  const Outcome fenced = clone->deliver(batch({6, 9}, {}));
  ASSERT_THAT(fenced, IsStopped(HasSubstr("host-5")));
  EXPECT_TRUE(std::get<Stopped>(fenced).taken_over);
}

TEST_P(StoreClaim, instance_that_has_no_rows_sees_a_take_over_when_it_asks_for_the_last_epoch) {
  const auto older = open_sink(with_history({}, 5));
  const auto clone = open_sink(with_history({{5, 1}}, 6));
  const LastEpoch answer = older->last_epoch();
  ASSERT_TRUE(std::holds_alternative<Stopped>(answer));
  EXPECT_TRUE(std::get<Stopped>(answer).taken_over);
  EXPECT_THAT(std::get<Stopped>(answer).reason, HasSubstr("host-6"));
}

TEST_P(StoreClaim, interval_of_incomplete_rows_begins_before_it_ends) {
  ASSERT_THAT(open_sink(with_history({}, 5))->deliver(batch({5, 70}, {{series("s"), 0, 3, {30, 1}}})), IsDelivered());
  SinkIdentity ahead = with_history({{5, 69}}, 6);
  auto history = std::make_shared<StateHistory>(*ahead.history);
  history->set_end(Timestamp::microseconds(4'000'000'000'000'000));  // of a clock that is ahead
  ahead.history = history;
  const auto sink = store->sink(windows, ahead);
  EXPECT_THAT(sink->open(), HasNotice(HasSubstr("until 2096-10-02")));
}

TEST_P(StoreClaim, restart_after_a_clone_has_written_delivers_what_waited) {
  ASSERT_THAT(open_sink(with_history({}, 5))->deliver(batch({5, 1}, {{series("s"), 0, 1, {1, 1}}})), IsDelivered());
  ASSERT_THAT(open_sink(with_history({{5, 1}}, 6))->deliver(batch({6, 8}, {{series("c"), 0, 1, {2, 1}}})),
              IsDelivered());
  const auto restarted = open_sink(with_history({{5, 3}}, 7));
  EXPECT_EQ(stored_id(*restarted), std::nullopt);
  ASSERT_THAT(restarted->deliver(batch({5, 2}, {{series("t"), 0, 1, {4, 2}}})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(2.0, 1.0, 4.0));
}

// The window of a definition that was changed starts empty; so does one whose journal records were lost.
TEST_P(StoreClaim, row_of_our_own_gives_way_to_none_of_fewer_readings) {
  const auto sink = open_sink();
  ASSERT_THAT(sink->deliver(batch(1, {{series("s"), 0, 3, {10, 1}, RowState::final}})), IsDelivered());
  ASSERT_THAT(sink->deliver(batch(2, {{series("s"), 0, 9, {3, 2}, RowState::final}})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(10.0));
  ASSERT_THAT(sink->deliver(batch(3, {{series("s"), 0, 4, {11, 3}, RowState::final}})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(11.0));
}

TEST_P(StoreClaim, clone_of_gateway_and_sink_stops_the_older_instance) {
  for (const std::uint64_t state_of_clone : {1U, 2U}) {
    const auto older = open_sink();
    ASSERT_THAT(older->deliver(batch(state_of_clone, {{series("s"), 0, 1, {1, 1}}})), IsDelivered());
    const auto clone = open_sink_of_state(state_of_clone);
    EXPECT_THAT(older->deliver(batch(8, {{series("s"), 0, 2, {2, 2}}})), IsStopped(HasSubstr("another instance")));
    EXPECT_THAT(older->open(), IsStopped(HasSubstr("another instance")));
    EXPECT_THAT(clone->deliver(batch(9, {{series("s"), 0, 3, {3, 3}}})), IsDelivered());
    EXPECT_THAT(counts(), ElementsAre(3.0));
    store->execute("DELETE FROM " + store->prefix() + "sink_state");
  }
}

TEST_P(StoreClaim, gateways_and_sinks_share_a_store_without_fights) {
  const auto lyon = open_sink({"lyon", "history", 1});
  const auto paris = open_sink({"paris", "history", 2});
  const auto paris_other = open_sink({"paris", "other", 2});
  ASSERT_THAT(lyon->deliver(batch(1, {{series("s"), 0, 1, {1, 1}}})), IsDelivered());
  ASSERT_THAT(paris->deliver(batch(1, {{series("s"), 0, 1, {2, 2}}})), IsDelivered());
  ASSERT_THAT(paris_other->deliver(batch(1, {{series("u"), 0, 1, {3, 3}}})), IsDelivered());
  ASSERT_THAT(lyon->deliver(batch(2, {{series("s"), 0, 2, {4, 4}}})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(4.0, 2.0, 3.0));
}

TEST_P(StoreClaim, twenty_gateways_start_together_on_an_empty_store_and_write_at_once) {
  constexpr std::uint64_t gateways = 20, deliveries = 10;
  std::vector<std::unique_ptr<Sink>> sinks;
  for (std::uint64_t i = 0; i < gateways; ++i) {
    sinks.push_back(store->sink(windows, {numbered("gw", static_cast<std::int64_t>(i)), "history", i + 1}));
  }
  std::vector<std::thread> threads;
  for (const auto& sink : sinks) {
    threads.emplace_back([&sink] {
      EXPECT_THAT(sink->open(), IsDelivered());
      for (std::uint64_t epoch = 1; epoch <= deliveries; ++epoch) {
        const auto start = static_cast<std::int64_t>(epoch) * 60'000'000;
        EXPECT_THAT(sink->deliver(batch(epoch, {{series("s"), start, 1, {1, 1}}, {series("t"), start, 1, {1, 1}}})),
                    IsDelivered());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(rows().size(), gateways * deliveries * 2);
  EXPECT_EQ(store->query("SELECT series_id FROM " + store->prefix() + "series").size(), gateways * 2);
}

TEST_P(StoreClaim, lost_claim_is_made_again_because_no_other_gateway_has_it) {
  const auto sink = open_sink();
  store->execute("DELETE FROM " + store->prefix() + "sink_state");
  const RowBatch sent = batch(3, {{series("s"), 0, 1, {1, 1}}});
  EXPECT_THAT(sink->deliver(sent), IsRetryAfter(HasSubstr("claim")));
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_THAT(sink->deliver(sent), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(1.0));
}

TEST_P(StoreClaim, store_restored_from_before_our_claim_is_ours_and_knows_which_epochs_it_has) {
  const auto sink = open_sink();
  ASSERT_THAT(sink->deliver(batch(3, {{series("s"), 0, 1, {1, 1}}})), IsDelivered());
  store->execute("UPDATE " + store->prefix() + "sink_state SET incarnation = incarnation - 1");
  EXPECT_THAT(sink->deliver(batch(4, {})), IsRetryAfter(HasSubstr("claim")));
  sink->close();
  ASSERT_THAT(sink->open(), IsDelivered());
  EXPECT_EQ(stored_id(*sink), (EpochId{1, 3}));
  EXPECT_THAT(sink->deliver(batch(4, {{series("s"), 60, 1, {2, 2}}})), IsDelivered());
  EXPECT_THAT(counts(), ElementsAre(1.0, 2.0));
}

}  // namespace
}  // namespace edgetide::test
