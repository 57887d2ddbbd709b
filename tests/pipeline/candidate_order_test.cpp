#include "pipeline/candidate_order.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace edgetide {
namespace {

TEST(CandidateOrder, is_that_of_start_rank_and_state) {
  std::mt19937 random(19);
  const auto draw = [&](std::uint32_t below) { return static_cast<std::uint32_t>(random() % below); };
  for (int i = 0; i < 2000; ++i) {
    const std::uint32_t count = draw(40), ranks = 1 + draw(draw(2) == 0 ? 60 : 400),
                        starts = draw(2) == 0 ? 1 + draw(7) : 1;
    std::vector<Candidate> rows;
    for (std::uint32_t row = 0; row < count; ++row) {
      Candidate candidate{};
      candidate.start = Timestamp::microseconds(draw(starts));
      candidate.rank = draw(3) == 0 ? draw(ranks) : (row * 7) % ranks;
      candidate.state = draw(5) == 0 ? RowState::retracted : RowState::closed;
      candidate.handle = row;
      rows.push_back(candidate);
    }
    std::vector<Candidate> sorted = rows;
    std::sort(sorted.begin(), sorted.end(), comes_first);
    put_in_order(rows);
    ASSERT_EQ(rows.size(), sorted.size());
    std::vector<bool> seen(rows.size());
    for (std::size_t at = 0; at < rows.size(); ++at) {
      ASSERT_FALSE(comes_first(rows[at], sorted[at]) || comes_first(sorted[at], rows[at])) << "at " << at;
      ASSERT_FALSE(seen[rows[at].handle]) << "each row once";
      seen[rows[at].handle] = true;
    }
  }
}

}  // namespace
}  // namespace edgetide
