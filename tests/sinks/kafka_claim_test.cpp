#include "sinks/kafka_claim.h"

#include <gtest/gtest.h>

namespace edgetide::test {
namespace {

const ClaimState some_state{7,
                            {3, 12},
                            0xfeed,
                            Timestamp::microseconds(1'800'000'000'000'001),
                            "host a, process 4",
                            Timestamp::microseconds(-5)};

TEST(KafkaClaim, note_reads_back_as_it_was_written) {
  const std::string note = kafka_claim_note(some_state);
  EXPECT_EQ(note, "edgetide 1 7 feed 3 12 1800000000000001 -5 host a, process 4");
  const auto read = parse_kafka_claim(note);
  ASSERT_TRUE(read);
  EXPECT_EQ(kafka_claim_note(*read), note);
  EXPECT_EQ(read->newest, some_state.newest);
  EXPECT_EQ(read->claimed_by, some_state.claimed_by);
}

TEST(KafkaClaim, note_fits_into_what_brokers_take) {
  ClaimState state = some_state;
  state.claimed_by = std::string(10'000, 'x');
  EXPECT_LT(kafka_claim_note(state).size(), 1000U);
}

TEST(KafkaClaim, note_of_another_program_is_not_parsed) {
  for (const char* const note : {"", "edgetide", "edgetide 1 ", "edgetide 2 7 feed 3 12 1 1 a",
                                 "edgetide 1 x feed 3 12 1 1 a", "edgetide 1 7 feed 3 12 1",
                                 "edgetide 1 7 feed -3 12 1 1 a", "edgetide 1 7 feed 3 99999999999999999999 1 1 a"}) {
    EXPECT_FALSE(parse_kafka_claim(note)) << note;
  }
}

}  // namespace
}  // namespace edgetide::test
