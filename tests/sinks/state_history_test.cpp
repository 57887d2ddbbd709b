#include "sinks/state_history.h"

#include <gtest/gtest.h>
#include <string>

namespace edgetide::test {
namespace {

TEST(StateHistory, has_what_its_runs_have_made_and_all_of_the_run_that_goes_on) {
  StateHistory history;
  history.note({5, 70});
  history.note({9, 80});
  history.note({5, 60});
  history.begin(12);
  EXPECT_TRUE(history.has({5, 70}));
  EXPECT_FALSE(history.has({5, 71}));
  EXPECT_TRUE(history.has({9, 1}));
  EXPECT_FALSE(history.has({6, 1}));
  EXPECT_TRUE(history.has({12, ~std::uint64_t{0}}));
  EXPECT_FALSE(history.has({13, 1}));
}

TEST(StateHistory, keeps_the_newest_runs_when_it_is_saved_and_loaded) {
  StateHistory history;
  for (std::uint64_t run = 1; run <= 1000; ++run) history.note({run, run});
  std::string bytes;
  ByteWriter out(bytes);
  history.save(out);
  ByteReader in(bytes);
  StateHistory loaded;
  loaded.load(in);
  EXPECT_TRUE(in.ok() && in.at_end());
  EXPECT_TRUE(loaded.has({1000, 1000}));
  EXPECT_TRUE(loaded.has({745, 745}));
  EXPECT_FALSE(loaded.has({744, 1}));
}

TEST(StateHistory, absurd_count_is_refused) {
  std::string bytes;
  ByteWriter(bytes).u32(257);
  bytes.resize(100'000);
  ByteReader in(bytes);
  StateHistory loaded;
  loaded.load(in);
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace edgetide::test
