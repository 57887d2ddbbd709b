// Random streams against a naive model that keeps every reading, and against themselves cut and paced differently.
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <tuple>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

struct Arrived {
  std::string sensor;
  double time;
  double value;
};

struct Stream {
  double disorder, lateness, size, offset;
  std::vector<Arrived> readings;
};

Stream random_stream(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto upto = [&](double most) { return static_cast<double>(random() % 1000) / 1000 * most; };
  Stream stream{std::floor(upto(20)), std::floor(upto(30)), 1 + std::floor(upto(20)), std::floor(upto(9)) - 4, {}};
  for (std::uint64_t i = 0, count = 20 + random() % 400; i < count; ++i) {
    const double clock = static_cast<double>(i) / 2 - 40;
    const double time = std::floor(clock - upto(10) * upto(10));
    stream.readings.push_back({std::string(1, static_cast<char>('a' + random() % 5)), time, std::floor(upto(100))});
  }
  return stream;
}

PipelineOptions options_of(const Stream& stream) {
  PipelineOptions options = one_window();
  options.sources[0].time.max_out_of_orderness = at(stream.disorder) - Timestamp();
  options.windows[0].size = at(stream.size) - Timestamp();
  options.windows[0].offset = at(stream.offset) - Timestamp();
  options.windows[0].allowed_lateness = at(stream.lateness) - Timestamp();
  return options;
}

using Key = std::tuple<std::string, double>;            // sensor, start
using Rows = std::map<Key, std::pair<double, double>>;  // count, sum

// Keeps everything; a window takes a reading unless it was final when the reading came.
Rows naive_rows(const Stream& stream) {
  Rows rows;
  std::map<std::string, double> watermark;
  for (const Arrived& reading : stream.readings) {
    const auto [w, fresh] = watermark.try_emplace(reading.sensor, -1e18);
    const double start = std::floor((reading.time - stream.offset) / stream.size) * stream.size + stream.offset;
    if (start + stream.size + stream.lateness > w->second) {
      auto& [count, sum] = rows[{reading.sensor, start}];
      count += 1;
      sum += reading.value;
    }
    w->second = std::max(w->second, reading.time - stream.disorder);
  }
  return rows;
}

void keep_rows(const Pipeline& pipeline, const Emission& emission, Rows& rows) {
  for (const Row& row : emission.rows) {
    rows[{pipeline.key_of(row)->sensor, static_cast<double>(row.start.count()) / 1e6}] = {
        emission.values[row.first_value], emission.values[row.first_value + 1]};
  }
}

// Cuts the stream into batches and puts ticks and restarts between them as the random numbers say.
Rows paced_rows(const Stream& stream, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Pipeline pipeline(options_of(stream));
  Rows rows;
  double clock = 0;
  std::vector<Reading> batch;
  const std::uint64_t batch_most = 1 + random() % 30;
  for (const Arrived& arrived : stream.readings) {
    batch.push_back({series_of(pipeline, arrived.sensor), at(arrived.time), arrived.value});
    if (random() % batch_most != 0) continue;
    pipeline.apply({SourceId{0}, std::nullopt, batch});
    batch.clear();
    if (random() % 3 == 0) keep_rows(pipeline, tick(pipeline, clock += static_cast<double>(random() % 30)), rows);
    if (random() % 5 != 0) continue;
    const std::string snapshot = pipeline.snapshot();
    pipeline = Pipeline(options_of(stream));
    EXPECT_EQ(pipeline.restore(snapshot), std::nullopt);
  }
  pipeline.apply({SourceId{0}, std::nullopt, batch});
  keep_rows(pipeline, tick(pipeline, clock, Fire::all), rows);
  return rows;
}

TEST(Property, rows_equal_a_naive_model_that_keeps_every_reading) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    const Stream stream = random_stream(seed);
    EXPECT_EQ(paced_rows(stream, seed), naive_rows(stream)) << "seed " << seed;
  }
}

TEST(Property, cutting_pacing_and_restarting_change_no_row) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const Stream stream = random_stream(seed);
    const Rows rows = paced_rows(stream, seed);
    for (std::uint64_t pace = 1000; pace < 1005; ++pace) {
      EXPECT_EQ(paced_rows(stream, pace), rows) << "seed " << seed << " pace " << pace;
    }
  }
}

TEST(Property, same_inputs_give_the_same_bytes) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Stream stream = random_stream(seed);
    std::string first;
    for (int run = 0; run < 2; ++run) {
      Pipeline pipeline(options_of(stream));
      for (const Arrived& reading : stream.readings) read(pipeline, reading.sensor, reading.time, reading.value);
      tick(pipeline, 10);
      if (run == 0) first = pipeline.snapshot();
      EXPECT_EQ(pipeline.snapshot(), first) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace edgetide::test
