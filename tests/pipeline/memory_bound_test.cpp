// What peers send beyond the limit on memory: no kind of window passes it by more than a tenth, neither while readings
// come, nor at ticks, nor after a restart.
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <random>

#include "tests/fakes/counting_allocator.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

constexpr std::size_t max_bytes = 8U << 20;
constexpr double day = 86'400;

struct Flood {
  const char* name;
  std::size_t series;
  std::size_t readings;
  double seconds_apart;  // readings of a series
  double jitter;         // so far back they may come
  std::size_t labels;    // sets of a series
  std::size_t definitions;
  std::function<void(WindowOptions&)> change;
};

void to_sliding(WindowOptions& window, Duration size, Duration slide) {
  window.kind = WindowKind::sliding;
  window.size = size;
  window.slide = slide;
}

const std::vector<Aggregate> owning = {
    Aggregate::percentile(50), Aggregate::percentile(99), Aggregate::distinct, Aggregate::mode, Aggregate::mad,
    Aggregate::median};

const Flood floods[] = {
    {"tumbling", 2'000, 200'000, 600, 0, 1, 1, [](WindowOptions&) {}},
    {"tumbling, what came before", 2'000, 200'000, 600, 0, 1, 1,
     [](WindowOptions& w) {
       w.aggregates = {Aggregate::count, Aggregate::delta, Aggregate::increase};
     }},
    {"tumbling, all that grows, deduplicated", 500, 150'000, 1, 0, 1, 1,
     [](WindowOptions& w) {
       w.aggregates = owning;
       w.deduplicate = true;
       w.size = Duration::hours(1);
     }},
    {"one window keeps all", 1, 700'000, 0.001, 0, 1, 1,
     [](WindowOptions& w) {
       w.aggregates = {Aggregate::mode};
       w.size = Duration::days(1);
     }},
    {"deduplicated", 100, 450'000, 0.1, 0, 1, 1,
     [](WindowOptions& w) {
       w.deduplicate = true;
       w.size = Duration::days(7);
     }},
    {"sliding, a day by the minute", 2'000, 100'000, 1200, 0, 1, 1,
     [](WindowOptions& w) { to_sliding(w, Duration::days(1), Duration::minutes(1)); }},
    {"sliding, late readings seal", 200, 100'000, 1200, 50'000, 1, 1,
     [](WindowOptions& w) { to_sliding(w, Duration::days(1), Duration::minutes(1)); }},
    {"sliding, all that grows", 200, 30'000, 300, 3'000, 1, 1,
     [](WindowOptions& w) {
       to_sliding(w, Duration::hours(1), Duration::minutes(1));
       w.aggregates = owning;
     }},
    {"sessions", 1'000, 200'000, 10, 100, 1, 1,
     [](WindowOptions& w) {
       w.kind = WindowKind::session;
       w.gap = Duration::seconds(5);
       w.allowed_lateness = Duration::days(1);
     }},
    {"running, all that grows", 20'000, 250'000, 1, 0, 1, 1,
     [](WindowOptions& w) {
       w.kind = WindowKind::running;
       w.aggregates = owning;
     }},
    {"sets of labels", 200, 200'000, 60, 0, 3, 1, [](WindowOptions& w) { w.allowed_lateness = Duration::days(7); }},
    {"groups", 2'000, 200'000, 600, 0, 2, 1,
     [](WindowOptions& w) {
       w.group_by = {"sensor", "set"};
     }},
    {"60 definitions", 2'000, 20'000, 600, 0, 1, 60, [](WindowOptions&) {}},
    {"60 definitions, all that grows", 500, 10'000, 1, 0, 1, 60,
     [](WindowOptions& w) {
       w.aggregates = owning;
       w.size = Duration::hours(1);
     }},
    {"derived", 600, 200'000, 600, 0, 1, 1,
     [](WindowOptions& w) {
       w.aggregates = {Aggregate::count, Aggregate::avg};
       w.derived = {product("power", "t", "t")};
     }},
};

PipelineOptions options_of(const Flood& flood) {
  PipelineOptions options = one_window();
  options.max_memory_bytes = max_bytes;
  options.max_series = 100'000;
  options.sources[0].time.oldest = options.sources[0].time.max_future = Duration::unlimited();
  options.new_series_per_minute = 1'000'000;
  options.windows[0].allowed_lateness = Duration::hours(6);
  options.windows[0].aggregates = {Aggregate::count, Aggregate::min, Aggregate::max, Aggregate::avg, Aggregate::last};
  flood.change(options.windows[0]);
  for (std::size_t i = 1; i < flood.definitions; ++i) {
    options.windows.push_back(options.windows[0]);
    options.windows.back().name += std::to_string(i);
  }
  return options;
}

// Readings of a seed, in batches as they come from sockets, with a tick now and then. Returns the most that was held.
class Flooding {
 public:
  Flooding(const Flood& flood, unsigned seed, std::size_t before) : flood_(flood), random_(seed), before_(before) {}

  void run(Pipeline& pipeline, std::size_t readings) {
    for (std::size_t sent = 0; sent < readings;) {
      batch_.clear();
      const std::size_t size = std::uniform_int_distribution<std::size_t>(1, 4'000)(random_);
      for (std::size_t i = 0; i < size; ++i, ++sent, ++next_) add(pipeline);
      clock_ += 1;
      pipeline.apply({SourceId{0}, moment(clock_), batch_});
      look(pipeline);
      if (std::uniform_int_distribution(0, 3)(random_) == 0) {
        pipeline.tick(moment(clock_), Fire::all, emission_);
        look(pipeline);
      }
    }
  }
  void begin_again(std::size_t outside) {
    next_ = most_ = 0;
    outside_ = outside;
  }
  std::size_t most() const noexcept { return most_; }

 private:
  void add(Pipeline& pipeline) {
    const std::size_t number = next_ % flood_.series;
    std::vector<Label> labels;
    if (flood_.labels > 1) labels = {{"set", std::to_string(next_ / flood_.series % flood_.labels)}};
    const Series series{"sensor-" + std::to_string(number), "t", {}, labels};
    const auto known = pipeline.series().find(series);
    const auto id = known ? known : pipeline.add_series(series);
    if (!id) return;
    const double time = static_cast<double>(next_ / flood_.series) * flood_.seconds_apart;
    const double back = std::uniform_real_distribution(0.0, 1.0)(random_) < 0.2 ? flood_.jitter : 0;
    batch_.push_back({*id, at(time - std::uniform_real_distribution(0.0, back + 1e-9)(random_)),
                      std::pow(1.01, std::uniform_int_distribution(0, 3000)(random_))});
  }
  // Without the batch, the rows, and what a quarantine is given.
  void look(const Pipeline& pipeline) {
    quarantined_ = std::max(quarantined_, std::bit_ceil(pipeline.quarantined().size()));
    const std::size_t outside = outside_ + batch_.capacity() * sizeof(Reading) +
                                emission_.rows.capacity() * sizeof(Row) + emission_.values.capacity() * sizeof(double) +
                                quarantined_ * sizeof(Quarantined);
    most_ = std::max(most_, bytes_held() - before_ - std::min(outside, bytes_held() - before_));
  }

  const Flood& flood_;
  std::mt19937 random_;
  const std::size_t before_;
  std::size_t next_ = 0;
  double clock_ = 30 * day;
  std::vector<Reading> batch_;
  Emission emission_;
  std::size_t quarantined_ = 0;
  std::size_t outside_ = 0;
  std::size_t most_ = 0;
};

TEST(MemoryBound, no_flood_passes_the_limit_by_more_than_a_tenth_through_ticks_and_restarts) {
  for (const Flood& flood : floods) {
    SCOPED_TRACE(flood.name);
    const PipelineOptions options = options_of(flood);
    const std::size_t before = bytes_held();
    Flooding flooding(flood, 7, before);
    auto pipeline = std::make_unique<Pipeline>(options);
    flooding.run(*pipeline, flood.readings);
    EXPECT_LE(flooding.most(), max_bytes + max_bytes / 10) << "running";
    EXPECT_GT(pipeline->counters().of(Refusal::memory_limit), 0U);
    for (int restart = 0; restart < 2; ++restart) {
      const std::string snapshot = pipeline->snapshot();
      EXPECT_LE(snapshot.size(), max_bytes + max_bytes / 10);
      const std::size_t running = bytes_held();
      pipeline = std::make_unique<Pipeline>(options);
      ASSERT_EQ(pipeline->restore(snapshot, Connections::go_on), std::nullopt);
      EXPECT_LE(bytes_held(), running + max_bytes / 20) << "restart " << restart;
      flooding.begin_again(snapshot.capacity());
      flooding.run(*pipeline, flood.readings / 4);
      EXPECT_LE(flooding.most(), max_bytes + max_bytes / 10) << "after restart " << restart;
    }
  }
}

TEST(MemoryBound, room_of_windows_that_are_final_serves_new_series_and_other_definitions) {
  PipelineOptions options = options_of(floods[0]);
  options.windows.push_back(options.windows[0]);
  options.windows[1].name = "other";
  options.windows[1].match.sensor = {"late-*"};
  Pipeline pipeline(options);
  for (int i = 0; pipeline.counters().of(Refusal::memory_limit) == 0; ++i) read(pipeline, "a", i * 10);
  for (int i = 0; pipeline.add_series({"sensor-" + std::to_string(i), "t", {}, {}}); ++i) continue;
  pipeline.raise_watermarks(at(365 * day));
  for (int i = 1; i < 100; ++i) tick(pipeline, i, Fire::all);
  EXPECT_EQ(pipeline.open_windows(), 0U);
  EXPECT_LT(pipeline.memory_bytes(), max_bytes / 2);
  const std::uint64_t refused = pipeline.counters().of(Refusal::memory_limit);
  for (int i = 0; i < 10'000; ++i) read(pipeline, "late-1", 366 * day + i * 10);
  EXPECT_EQ(pipeline.counters().of(Refusal::memory_limit), refused);
}

TEST(MemoryBound, sliding_windows_are_paid_for_by_the_reading_that_opens_them) {
  PipelineOptions options = options_of(floods[0]);
  to_sliding(options.windows[0], Duration::days(1), Duration::minutes(1));
  options.windows[0].allowed_lateness = Duration();
  Pipeline pipeline(options);
  int accepted = 0;
  for (; pipeline.counters().of(Refusal::memory_limit) == 0; ++accepted) {
    const auto id = pipeline.add_series({"sensor-" + std::to_string(accepted), "t", {}, {}});
    if (!id) continue;
    const Reading reading{*id, at(day), 1};
    pipeline.apply({SourceId{0}, std::nullopt, std::span<const Reading>(&reading, 1)});
  }
  std::size_t rows = 0;
  for (int i = 1; i < 20; ++i) rows += tick(pipeline, i, Fire::all).rows.size();
  EXPECT_EQ(rows, static_cast<std::size_t>(accepted - 1) * 1440);
  EXPECT_LE(pipeline.memory_bytes(), max_bytes);
  read(pipeline, "sensor-0", day + 1);
  EXPECT_EQ(pipeline.counters().of(Refusal::memory_limit), 1U) << "its windows are known";
}

TEST(MemoryBound, what_is_reserved_for_sliding_windows_is_little_and_known) {
  PipelineOptions options = options_of(floods[0]);
  to_sliding(options.windows[0], Duration::days(1), Duration::minutes(1));
  options.max_memory_bytes = 64U << 20;
  Pipeline pipeline(options);
  for (int i = 0; pipeline.counters().of(Refusal::memory_limit) == 0; ++i) {
    read(pipeline, "sensor-" + std::to_string(i % 1000), i / 1000 * 1200);
  }
  const std::size_t shown = pipeline.memory_bytes();
  EXPECT_GE(shown, options.max_memory_bytes / 3);
  const std::size_t claimed = shown + pipeline.reserved_bytes();
  EXPECT_GE(claimed, options.max_memory_bytes / 10 * 9) << "why a reading is refused is seen in the figures";
  EXPECT_LE(claimed, options.max_memory_bytes);
}

}  // namespace
}  // namespace edgetide::test
