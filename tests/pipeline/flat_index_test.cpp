#include "pipeline/flat_index.h"

#include <gtest/gtest.h>
#include <map>
#include <random>

namespace edgetide::test {
namespace {

TEST(FlatIndex, agrees_with_a_map_under_random_inserts_and_erases) {
  std::mt19937 random(3);
  for (const std::uint32_t hashes : {1U, 7U, 0xFFFF'FFFFU}) {  // few hashes: long runs and wrap-around
    FlatIndex index;
    std::map<std::uint32_t, std::uint32_t> model;  // position -> hash
    for (int step = 0; step < 3000; ++step) {
      const auto position = static_cast<std::uint32_t>(random() % 200);
      const auto known = model.find(position);
      if (known == model.end()) {
        const auto hash = static_cast<std::uint32_t>(random() % hashes);
        index.insert(hash, position);
        model[position] = hash;
      } else {
        index.erase(known->second, position);
        model.erase(known);
      }
      if (step % 500 == 0) index.shrink();
      ASSERT_EQ(index.size(), model.size());
    }
    for (std::uint32_t position = 0; position < 200; ++position) {
      const auto known = model.find(position);
      const std::uint32_t hash = known == model.end() ? 0 : known->second;
      const std::uint32_t found = index.find(hash, [&](std::uint32_t candidate) { return candidate == position; });
      EXPECT_EQ(found, known == model.end() ? FlatIndex::npos : position);
    }
  }
}

TEST(FlatIndex, gives_back_what_many_items_took) {
  FlatIndex index;
  for (std::uint32_t i = 0; i < 10'000; ++i) index.insert(i * 7919, i);
  const std::size_t full = index.memory_bytes();
  EXPECT_EQ(index.memory_bytes(10'000), full);
  for (std::uint32_t i = 100; i < 10'000; ++i) index.erase(i * 7919, i);
  index.shrink();
  EXPECT_LT(index.memory_bytes(), full / 20);
  for (std::uint32_t i = 0; i < 100; ++i) {
    EXPECT_EQ(index.find(i * 7919, [&](std::uint32_t position) { return position == i; }), i);
  }
}

}  // namespace
}  // namespace edgetide::test
