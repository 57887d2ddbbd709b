#include "pipeline/time_hash.h"

#include <gtest/gtest.h>
#include <vector>

#include "pipeline/duplicate_filter.h"
#include "pipeline/slot_store.h"

namespace edgetide::test {
namespace {

constexpr std::uint32_t chosen_keys = 300'000;
constexpr std::size_t longest_by_chance = 1000;  // 100 to 350 in a table that is half to three quarters full

struct TestHeader {
  Timestamp start;
  KeyId key{};
  std::uint32_t unused = 0;
};

// The multiplier that the hash had before it had a seed, and its inverse: times that are so far apart all had one hash.
constexpr std::uint64_t former = 0x9E37'79B9'7F4A'7C15 * 0xD6E8'FEB8'6659'FD93;
constexpr std::uint64_t inverse_of(std::uint64_t odd) {
  std::uint64_t inverse = odd;
  for (int i = 0; i < 6; ++i) inverse *= 2 - odd * inverse;
  return inverse;
}
static_assert(former * inverse_of(former) == 1);

// Distances of times and of ids that a peer may choose.
const std::vector<std::pair<std::uint64_t, std::uint32_t>> progressions = {
    {inverse_of(former), 0},
    {inverse_of(former) << 8, 0},
    {inverse_of(0x9E37'79B9'7F4A'7C15), 0},
    {1, 0},
    {60'000'000, 0},
    {1 << 20, 0},
    {std::uint64_t{1} << 32, 0},
    {std::uint64_t{1} << 44, 0},
    {0, 1},
    {60'000'000, 1},
    {0 - std::uint64_t{1}, 1},
    {inverse_of(0xD6E8'FEB8'6659'FD93), 1},
};

TEST(TimeHash, times_that_were_chosen_to_meet_fall_into_slots_as_by_chance_with_every_seed) {
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x1234'5678'9ABC'DEF0}}) {
    for (const auto& [time_step, id_step] : progressions) {
      DuplicateFilter filter(seed);
      SlotStore<TestHeader> store(0, seed);
      for (std::uint32_t i = 0; i < chosen_keys; ++i) {
        const auto time = Timestamp::microseconds(static_cast<std::int64_t>(1'780'000'000'000'000 + i * time_step));
        ASSERT_TRUE(filter.insert({time, SeriesId{i * id_step}}));
        store.create(KeyId{i * id_step}, time);
      }
      EXPECT_LT(filter.longest_run(), longest_by_chance) << time_step << ' ' << id_step << " seed " << seed;
      EXPECT_LT(store.longest_run(), longest_by_chance) << time_step << ' ' << id_step << " seed " << seed;
    }
  }
}

TEST(TimeHash, times_that_meet_with_one_seed_do_not_with_another) {
  const TimeHash known(1);
  constexpr std::uint32_t slots = 1 << 10;
  DuplicateFilter of_known(1), of_secret(2);
  std::size_t met = 0;
  for (std::int64_t i = 0; met < 1500; ++i) {
    const auto time = Timestamp::microseconds(i);
    if (known(7, time) % slots != 0) continue;
    ++met;
    of_known.insert({time, SeriesId{7}});
    of_secret.insert({time, SeriesId{7}});
  }
  EXPECT_GT(of_known.longest_run(), 500U) << "the test chooses them well";
  EXPECT_LT(of_secret.longest_run(), 200U);
}

TEST(TimeHash, filter_finds_again_what_it_loaded_under_another_seed) {
  DuplicateFilter filter(5), loaded(6);
  for (std::int64_t i = 0; i < 5000; ++i) filter.insert({Timestamp::microseconds(i * 977), SeriesId{0}});
  std::string bytes;
  ByteWriter out(bytes);
  filter.save(out);
  ByteReader in(bytes);
  loaded.load(in, 1);
  ASSERT_TRUE(in.ok());
  for (std::int64_t i = 0; i < 5000; ++i) {
    EXPECT_FALSE(loaded.insert({Timestamp::microseconds(i * 977), SeriesId{0}}));
  }
}

}  // namespace
}  // namespace edgetide::test
