#include "pipeline/dd_sketch.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "tests/pipeline/dd_sketch_reader.h"

namespace edgetide::test {
namespace {

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

QuantileSketch sketch_of(const std::vector<double>& values) {
  QuantileSketch sketch;
  for (const double value : values) sketch.add(value);
  return sketch;
}

// gamma and indexOffset.
const std::string mapping =
    "0a12"
    "09"
    "5c3b91b72a29f03f"
    "11"
    "893a166bb81ee03f";
const std::string one = "000000000000f03f", two = "0000000000000040", none = "0000000000000000";

TEST(DdSketch, is_the_published_message_byte_by_byte) {
  const struct {
    std::vector<double> values;
    std::string stores;
  } cases[] = {
      {{1},
       "120a"
       "1208" +
           one + "1a00"},
      {{-1},
       "1200"
       "1a0a"
       "1208" +
           one},
      {{0, -0.0},
       "1200"
       "1a00"
       "21" +
           two},
      {{2},
       "120d"
       "1208" +
           one + "188c01" + "1a00"},
      {{0.5, 0.5},
       "120d"
       "1208" +
           two + "188701" + "1a00"},
      {{1, 1.03},
       "122a"
       "1228" +
           one + none + none + none + one + "1a00"},
      {{1e-300, 1e300},
       "121e"
       "0a0d"
       "08"
       "a3b708"
       "11" +
           one +
           "0a0d"
           "08"
           "a8b708"
           "11" +
           one + "1a00"},
  };
  for (const auto& [values, stores] : cases) {
    EXPECT_EQ(hex_of(dd_sketch(sketch_of(values))), mapping + stores) << ::testing::PrintToString(values);
  }
}

TEST(DdSketch, has_each_value_within_one_percent_whether_the_sketch_is_exact_or_not) {
  std::mt19937_64 random(5);
  for (const std::size_t count : {1, 2, 64, 65, 500}) {
    std::vector<double> values;
    std::lognormal_distribution<double> size(2, 2);
    for (std::size_t i = 0; i < count; ++i)
      values.push_back(random() % 8 == 0 ? 0 : size(random) * (random() % 3 ? 1 : -1));
    const ReadSketch read = read_sketch(dd_sketch(sketch_of(values)));
    std::sort(values.begin(), values.end());
    ASSERT_EQ(read.count(), static_cast<double>(count));
    for (std::size_t i = 0; i < count; ++i) {
      const double percent = count == 1 ? 0 : 100 * (static_cast<double>(i) + 1e-6) / static_cast<double>(count - 1);
      EXPECT_NEAR(read.percentile(i + 1 == count ? 100 : percent), values[i], 0.0100001 * std::abs(values[i]));
    }
  }
}

TEST(DdSketch, of_buckets_that_were_joined_has_the_same_mapping_and_their_middle) {
  std::vector<double> values;
  for (int i = -150'000; i < 150'000; ++i) values.push_back(std::exp(i / 1000.0));
  const QuantileSketch sketch = sketch_of(values);
  const std::string bytes = dd_sketch(sketch);
  EXPECT_TRUE(hex_of(bytes).starts_with(mapping));
  EXPECT_LT(bytes.size(), 64U * 1024);
  const ReadSketch read = read_sketch(bytes);
  EXPECT_EQ(read.count(), 300'000);
  for (const double percent : {1.0, 20.0, 50.0, 99.0}) {
    EXPECT_NEAR(read.percentile(percent) / sketch.percentile(percent), 1, 0.02);
  }
}

}  // namespace
}  // namespace edgetide::test
