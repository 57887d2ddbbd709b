#include "pipeline/name_hash.h"

#include <gtest/gtest.h>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/series.h"

namespace edgetide::test {
namespace {

std::uint32_t hash(const NameHash& hash_of, const std::string& sensor, const std::string& metric) {
  return hash_of(NameHash::lengths_of(sensor, metric), sensor, metric);
}

TEST(NameHash, product_by_parts_is_that_of_128_bits) {
  std::mt19937_64 random(1);
  const std::vector<std::uint64_t> edges = {0, 1, 0xFFFF'FFFF, 0x1'0000'0000, 0x8000'0000'0000'0000, ~0ULL};
  for (const std::uint64_t a : edges) {
    for (const std::uint64_t b : edges) EXPECT_EQ(detail::fold_by_parts(a, b), detail::fold(a, b)) << a << " * " << b;
  }
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t a = random();
    const std::uint64_t b = random();
    ASSERT_EQ(detail::fold_by_parts(a, b), detail::fold(a, b)) << a << " * " << b;
  }
}

TEST(NameHash, difference_sees_every_byte_of_texts_of_every_length) {
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string text(size, 'x');
    EXPECT_EQ(detail::difference(text.data(), std::string(text).data(), size), 0U) << size;
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = text;
      other[at] = 'y';
      EXPECT_NE(detail::difference(text.data(), other.data(), size), 0U) << "byte " << at << " of " << size;
    }
  }
}

TEST(NameHash, every_byte_and_the_place_between_the_names_counts) {
  const NameHash hash_of(7);
  std::set<std::uint32_t> hashes;
  std::size_t names = 0;
  for (std::size_t size = 1; size < 70; ++size) {
    const std::string text(size, 'x');
    for (std::size_t at = 0; at <= size; ++at, ++names) {
      hashes.insert(hash(hash_of, text.substr(0, at), text.substr(at)));
    }
    for (std::size_t at = 0; at < size; ++at, ++names) {
      std::string other = text;
      other[at] = 'y';
      hashes.insert(hash(hash_of, other, "t"));
    }
  }
  EXPECT_GE(hashes.size() + 2, names);  // two collisions in 32 bits would be bad luck already
}

// Low bits choose the slot of an index: its runs are as long as chance makes them.
TEST(NameHash, names_that_differ_little_fall_into_slots_as_by_chance) {
  const NameHash hash_of(7);
  const auto numbered = [](int i) { return std::to_string(i); };
  const std::vector<std::pair<std::string, std::string>> patterns = {
      {"", ""}, {"s", ""}, {"building-7/sensor-", ""}, {"", "/temperature"}, {"plant/hall-00000000000/row-", "/x"}};
  for (const auto& [before, after] : patterns) {
    constexpr int names = 1 << 16;
    std::set<std::uint32_t> slots;
    for (int i = 0; i < names; ++i) {
      slots.insert(hash(hash_of, before + numbered(i) + after, "temperature") % names);
    }
    EXPECT_NEAR(static_cast<double>(slots.size()) / names, 1 - 1 / 2.71828, 0.01) << before << "N" << after;
  }
}

TEST(NameHash, names_that_meet_with_one_seed_do_not_with_another) {
  const NameHash known(1);
  const NameHash secret(2);
  std::set<std::uint32_t> slots;
  int names = 0;
  for (int i = 0; names < 100; ++i) {
    const std::string sensor = "sensor-" + std::to_string(i);
    if (hash(known, sensor, "t") % 256 != 0) continue;
    ++names;
    slots.insert(hash(secret, sensor, "t") % 256);
  }
  EXPECT_GT(slots.size(), 60U);  // by chance 83
}

TEST(SeriesTable, series_are_found_by_names_of_every_length) {
  SeriesTable table(10'000, 3);
  std::vector<std::pair<std::string, std::string>> names;
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string text(size, 'x');
    for (std::size_t at = 0; at <= size; ++at) names.emplace_back(text.substr(0, at), text.substr(at));
  }
  for (const auto& [sensor, metric] : names) {
    ASSERT_FALSE(table.find(sensor, metric)) << sensor << ' ' << metric;
    ASSERT_TRUE(table.add({sensor, metric, {}, {}}));
  }
  for (std::uint32_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(table.find(names[i].first, names[i].second), SeriesId{i}) << names[i].first << ' ' << names[i].second;
  }
}

}  // namespace
}  // namespace edgetide::test
