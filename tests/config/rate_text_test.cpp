#include "config/rate_text.h"

#include <gtest/gtest.h>

namespace edgetide {

TEST(RateText, numbers_with_a_unit_are_rates) {
  struct Case {
    const char* text;
    double per_hour;
  };
  for (const Case& c :
       {Case{"50/s", 180'000}, Case{"0.5/s", 1800}, Case{"10/m", 600}, Case{"7/h", 7}, Case{"0/s", 0}}) {
    EXPECT_EQ(parse_rate(c.text), c.per_hour) << c.text;
  }
}

TEST(RateText, other_texts_are_no_rates) {
  for (const char* text :
       {"", "50", "/s", "50s", "50/d", "-1/s", "50 /s", " 50/s", "50/sec", "nan/s", "inf/s", "1e3/s"}) {
    EXPECT_FALSE(parse_rate(text)) << text;
  }
}

TEST(RateText, prints_the_shortest_exact_unit) {
  EXPECT_EQ(rate_text(3'600'000), "1000/s");
  EXPECT_EQ(rate_text(600), "10/m");
  EXPECT_EQ(rate_text(1), "1/h");
}

}  // namespace edgetide
