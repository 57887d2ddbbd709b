#include "daemon/intake/tap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/monitor/tap_text.h"

namespace edgetide {

using testing::HasSubstr;

namespace {

Tapped reading() {
  return TappedReading{std::make_shared<Series>(Series{"kitchen", "t", "C", {}}), Timestamp(),
                       Timestamp::microseconds(3'000'000), 21.5};
}

Tapped row() {
  TappedRow row;
  row.row.series = std::make_shared<Series>(Series{"kitchen", "t", "", {}});
  row.row.end = Timestamp::microseconds(60'000'000);
  row.row.state = RowState::closed;
  row.row.revision = 2;
  row.values = {3, 21.5};
  row.epoch = 7;
  return row;
}

}  // namespace

TEST(Tap, gives_what_came_since_the_last_time) {
  Tap tap(SourceId{0});
  EXPECT_TRUE(tap.take().entries.empty());
  tap.offer(reading());
  EXPECT_EQ(tap_text(tap.take(), tap.schema(), AnswerFormat::text),
            "1970-01-01T00:00:00.000000Z  kitchen/t  21.5 C  arrived 3s later\n");
  EXPECT_TRUE(tap.take().entries.empty());
}

TEST(Tap, what_comes_too_fast_is_counted_and_shown) {
  Tap tap(SourceId{0});
  for (std::size_t i = 0; i < Tap::max_entries + 3; ++i) tap.offer(reading());
  const Tap::Taken taken = tap.take();
  EXPECT_EQ(taken.entries.size(), Tap::max_entries);
  EXPECT_THAT(tap_text(taken, tap.schema(), AnswerFormat::text), HasSubstr("... 3 not shown"));
  EXPECT_THAT(tap_text(taken, tap.schema(), AnswerFormat::json), HasSubstr("\n{\"not_shown\":3}\n"));
  EXPECT_EQ(tap.take().dropped, 0U);
}

TEST(Tap, rows_have_the_columns_of_their_window) {
  Tap tap(WindowId{1}, {"minute", {{"count", true}, {"avg", false}}});
  EXPECT_FALSE(tap.is_of(WindowId{0}));
  EXPECT_FALSE(tap.is_of(SourceId{1}));
  ASSERT_TRUE(tap.is_of(WindowId{1}));
  tap.offer(row());
  const Tap::Taken taken = tap.take();
  EXPECT_EQ(tap_text(taken, tap.schema(), AnswerFormat::text),
            "1970-01-01T00:00:00.000000Z  kitchen/t  count=3  avg=21.5  closed, revision 2\n");
  EXPECT_THAT(tap_text(taken, tap.schema(), AnswerFormat::json), HasSubstr("\"count\":3,\"avg\":21.5"));
}

}  // namespace edgetide
