#include "config/size_text.h"

#include <gtest/gtest.h>

namespace edgetide {

TEST(SizeText, whole_numbers_with_a_unit_are_sizes) {
  struct Case {
    const char* text;
    std::int64_t bytes;
  };
  for (const Case& c :
       {Case{"0B", 0}, Case{"512B", 512}, Case{"64KiB", 65'536}, Case{"64MiB", 67'108'864}, Case{"10MB", 10'000'000},
        Case{"3kB", 3000}, Case{"2GiB", 2'147'483'648}, Case{"1GB", 1'000'000'000}, Case{"64 MiB", 67'108'864}}) {
    EXPECT_EQ(parse_size(c.text), c.bytes) << c.text;
  }
}

TEST(SizeText, other_texts_are_no_sizes) {
  for (const char* text : {"", "64", "MiB", "1.5MiB", "-1MiB", "64mib", "64MiBs", "9999999999999999999B",
                           "9223372036854775807KiB", "64  MiB", " 64MiB"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(SizeText, prints_the_largest_exact_unit) {
  EXPECT_EQ(size_text(0), "0B");
  EXPECT_EQ(size_text(65'536), "64KiB");
  EXPECT_EQ(size_text(10'000'000), "10000000B");
  EXPECT_EQ(size_text(67'108'864), "64MiB");
}

}  // namespace edgetide
