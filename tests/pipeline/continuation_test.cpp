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
    text += key->sensor + ' ' + key->metric;
    for (const Label& label : key->labels) text += ' ' + label.key + '=' + label.value;
    text += '\n';
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
      auto series = pipeline.series().find(series_of(input.sensor, input.metric, input.labels));
      if (!series) {
        series = pipeline.add_series(series_of(input.sensor, input.metric, input.labels), source);
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

// As the daemon does: what is connected connects again, at the time at which it stopped.
void restart(Pipeline& pipeline, const PipelineOptions& options) {
  std::vector<SourceId> connected;
  for (std::uint32_t i = 0; i < options.sources.size(); ++i) {
    if (pipeline.listening(SourceId{i})) connected.push_back(SourceId{i});
  }
  const std::string bytes = pipeline.snapshot();
  pipeline = Pipeline(options);
  ASSERT_EQ(pipeline.restore(bytes), std::nullopt);
  for (const SourceId source : connected) pipeline.connected(source, *pipeline.now());
}

TEST(Continuation, restart_changes_no_row_where_series_are_evicted_and_refused) {
  std::size_t evicted = 0, refused = 0;
  for (std::uint64_t seed = 1, last = number_from("EDGETIDE_SEEDS", 500); seed <= last; ++seed) {
    const Case made = crowded_case(seed);
    Pipeline straight(made.options), restarted(made.options);
    const Continued wanted = go_on(straight, made.inputs);
    std::mt19937_64 random(seed);
    Continued got;
    for (const Input& input : made.inputs) {
      take(restarted, input, got);
      if (random() % 4 == 0) restart(restarted, made.options);
    }
    ASSERT_TRUE(got.rows == wanted.rows) << to_text(made);
    evicted += wanted.added - (straight.series().size() - straight.series().removed().size());
    refused += straight.counters().of(Refusal::series_limit) + straight.counters().of(Refusal::series_rate);
  }
  EXPECT_GT(evicted, 20U);
  EXPECT_GT(refused, 20U);
}

// As a journal tells it: the batches, which series were added, and for which one each was evicted. Several sensors come
// in one batch, so that some of those that could be evicted are not.
TEST(Continuation, run_that_follows_the_journal_evicts_the_same_series_as_the_one_that_wrote_it) {
  std::size_t evicted = 0;
  for (std::uint64_t seed = 1, last = number_from("EDGETIDE_SEEDS", 500); seed <= last; ++seed) {
    Case made = crowded_case(2 * seed);
    made.options.sources.resize(1);
    for (WindowOptions& window : made.options.windows) {
      window.inputs = {SourceId{0}};
      window.derived.clear();
    }
    Pipeline live(made.options), follower(made.options);
    std::mt19937_64 random(seed);
    std::vector<Reading> batch;
    Continued rows, followed;
    const auto apply = [&](const std::optional<Moment>& arrival) {
      live.apply({SourceId{0}, arrival, batch});
      follower.apply({SourceId{0}, arrival, batch});
      batch.clear();
    };
    std::optional<Moment> arrival;
    for (Input input : made.inputs) {
      input.source = 0;
      if (input.kind != Input::Kind::reading) {
        apply(arrival);
        take(live, input, rows);
        take(follower, input, followed);
        continue;
      }
      auto series = live.series().find(input.sensor, input.metric);
      if (!series) {
        std::vector<std::shared_ptr<const Series>> before;
        for (std::uint32_t i = 0; i < live.series().size(); ++i) before.push_back(live.series().shared(SeriesId{i}));
        const Series names = series_of(input.sensor, input.metric);
        const auto added = live.try_add_series(names, SourceId{0}, batch);
        if (std::holds_alternative<Refusal>(added)) continue;
        series = std::get<SeriesId>(added);
        const bool replaces = index_of(*series) < before.size() && before[index_of(*series)] != nullptr;
        evicted += replaces;
        const SeriesId there =
            follower.restore_series(names, SourceId{0}, replaces ? std::optional(*series) : std::nullopt);
        ASSERT_EQ(index_of(there), index_of(*series)) << to_text(made);
      }
      arrival = input.moment;
      batch.push_back({*series, input.time, input.value});
      if (random() % 3 != 0) continue;
      apply(arrival);
      if (random() % 8 == 0) {
        ASSERT_EQ(live.snapshot() == follower.snapshot(), true) << to_text(made);
      }
    }
    ASSERT_TRUE(followed.rows == rows.rows) << to_text(made);
    ASSERT_EQ(live.snapshot() == follower.snapshot(), true) << to_text(made);
  }
  EXPECT_GT(evicted, 20U);
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
