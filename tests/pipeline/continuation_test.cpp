// A state that is restored and given the inputs that followed it makes the same rows and the same state as the one that
// went on, byte for byte: what recovery from a checkpoint and a journal rests on. EDGETIDE_SEEDS=20000 runs more seeds.
#include <bit>
#include <gtest/gtest.h>
#include <random>

#include "pipeline/pipeline.h"
#include "tests/pipeline/model/stream.h"

namespace edgetide::test {
namespace {

// A random case in which series are added and evicted, beyond the limit as well.
Case crowded_case(std::uint64_t seed) {
  Case made = random_case(seed);
  if (seed % 2 == 0) made.options.max_series = static_cast<std::size_t>(2 + seed / 2 % 5);
  if (seed % 5 == 0) made.options.new_series_per_minute = 4;
  // A watermark at the end of time cannot be continued from.
  std::erase_if(made.inputs, [](const Input& input) { return input.time == Timestamp::latest(); });
  return made;
}

void append(std::string& text, const Pipeline& pipeline, const Emission& emission) {
  for (const Row& row : emission.rows) {
    const auto key = pipeline.key_of(row);
    for (const std::int64_t number :
         {std::int64_t{index_of(row.window)}, row.start.count(), row.end.count(), static_cast<std::int64_t>(row.state),
          std::int64_t{row.changed}, std::int64_t{row.revision}}) {
      text += std::to_string(number) + ' ';
    }
    text += key->sensor + ' ' + key->metric + '\n';
  }
  for (const double value : emission.values) text += std::to_string(std::bit_cast<std::uint64_t>(value)) + ' ';
}

struct Continued {
  std::string rows;
  std::string state;
  std::size_t added = 0;  // series
};

void take(Pipeline& pipeline, const Input& input, Continued& outcome) {
  const SourceId source{input.source};
  Emission emission;
  switch (input.kind) {
    case Input::Kind::reading: {
      auto series = pipeline.series().find(input.sensor, input.metric);
      if (!series) {
        series = pipeline.add_series(series_of(input.sensor, input.metric), source);
        if (!series) return;
        ++outcome.added;
      }
      const Reading reading{*series, input.time, input.value};
      return pipeline.apply({source, input.moment, std::span(&reading, 1)});
    }
    case Input::Kind::tick:
    case Input::Kind::tick_all:
      pipeline.tick(*input.moment, input.kind == Input::Kind::tick ? Fire::due : Fire::all, emission);
      return append(outcome.rows, pipeline, emission);
    case Input::Kind::connect:
      return pipeline.connected(source, *input.moment);
    case Input::Kind::disconnect:
      return pipeline.disconnected(source, *input.moment);
    case Input::Kind::raise:
      return pipeline.raise_watermarks(input.time);
    case Input::Kind::restart:
      return;
  }
}

Continued go_on(Pipeline& pipeline, std::span<const Input> inputs) {
  Continued outcome;
  for (const Input& input : inputs) take(pipeline, input, outcome);
  outcome.state = pipeline.snapshot();
  return outcome;
}

TEST(Continuation, restored_state_goes_on_byte_for_byte_like_one_that_was_never_interrupted) {
  std::size_t left = 0;
  for (std::uint64_t seed = 1, last = number_from("EDGETIDE_SEEDS", 500); seed <= last; ++seed) {
    const Case made = crowded_case(seed);
    std::mt19937_64 random(seed);
    const std::span<const Input> inputs(made.inputs);
    for (int round = 0; round < 3; ++round) {
      const auto at = static_cast<std::size_t>(random() % (inputs.size() + 1));
      Pipeline before(made.options), after(made.options);
      const std::size_t added = go_on(before, inputs.first(at)).added;
      ASSERT_EQ(after.restore(before.snapshot(), Connections::go_on), std::nullopt);
      ASSERT_EQ(after.snapshot() == before.snapshot(), true) << "at input " << at << '\n' << to_text(made);
      const Continued wanted = go_on(before, inputs.subspan(at)), got = go_on(after, inputs.subspan(at));
      ASSERT_EQ(got.rows, wanted.rows) << "from input " << at << '\n' << to_text(made);
      ASSERT_EQ(got.state == wanted.state, true) << "from input " << at << '\n' << to_text(made);
      left += added + wanted.added > before.series().size() ? 1 : 0;
    }
  }
  EXPECT_GT(left, 20U);  // cases in which series left for others
}

TEST(Continuation,
     seed_of_the_hashes_changes_no_row_their_order_nor_a_byte_of_the_state_also_when_a_run_with_another_goes_on) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Case made = crowded_case(seed);
    Pipeline plain(made.options);
    made.options.hash_seed = seed * 0x9E37'79B9'7F4A'7C15;
    Pipeline seeded(made.options);
    const Continued wanted = go_on(plain, made.inputs), got = go_on(seeded, made.inputs);
    ASSERT_EQ(got.rows, wanted.rows) << to_text(made);
    ASSERT_EQ(got.state == wanted.state, true) << to_text(made);

    const std::span<const Input> inputs(made.inputs);
    const std::size_t at = inputs.size() / 2;
    made.options.hash_seed = ~seed;
    Pipeline first(made.options);
    go_on(first, inputs.first(at));
    made.options.hash_seed = seed << 32;
    Pipeline other(made.options);
    ASSERT_EQ(other.restore(first.snapshot(), Connections::go_on), std::nullopt);
    const Continued there = go_on(other, inputs.subspan(at)), here = go_on(first, inputs.subspan(at));
    ASSERT_EQ(there.rows, here.rows) << to_text(made);
    ASSERT_EQ(there.state == here.state && here.state == wanted.state, true) << to_text(made);
  }
}

}  // namespace
}  // namespace edgetide::test
