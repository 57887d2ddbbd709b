// Sensors that are heard by one source and then by another, whatever the scopes of these: a state that is saved and
// restored anywhere makes the rows of one that was never interrupted.
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using Random = std::mt19937_64;

constexpr std::uint32_t source_count = 3;

PipelineOptions any_options(Random& random, bool alike, bool may_idle) {
  PipelineOptions options = one_window();
  options.sources.clear();
  constexpr WatermarkScope scopes[] = {WatermarkScope::source, WatermarkScope::global, WatermarkScope::stream,
                                       WatermarkScope::source, WatermarkScope::sensor};
  const auto seconds = [&](std::initializer_list<int> any) {
    return Duration::seconds(*(any.begin() + static_cast<std::ptrdiff_t>(random() % any.size())));
  };
  const WatermarkScope scope = scopes[random() % std::size(scopes)];
  for (std::uint32_t i = 0; i < source_count; ++i) {
    TimeOptions time;
    time.max_out_of_orderness = seconds({0, 3, 10});
    time.idle_timeout = !may_idle || random() % 4 == 0 ? Duration::unlimited() : seconds({5, 20, 60});
    time.scope = alike ? scope : scopes[random() % std::size(scopes)];
    options.sources.push_back({"s" + std::to_string(i), time});
  }
  WindowOptions window = options.windows[0];
  options.windows.clear();
  for (int i = 0; i < 2; ++i) {
    window.name = "w" + std::to_string(i);
    constexpr WindowKind kinds[] = {WindowKind::tumbling, WindowKind::tumbling, WindowKind::sliding,
                                    WindowKind::session};
    window.kind = kinds[random() % std::size(kinds)];
    window.slide = Duration::seconds(5);
    window.gap = Duration::seconds(4);
    window.allowed_lateness = seconds({0, 5, 15});
    window.trigger = seconds({1, 10});
    window.inputs.clear();
    for (std::uint32_t source = 0; source < source_count; ++source) {
      if (i == 0 || random() % 4 != 0) window.inputs.push_back(SourceId{source});
    }
    window.group_by.clear();
    if (random() % 4 == 0) window.group_by = {random() % 2 == 0 ? "sensor" : "metric"};
    options.windows.push_back(window);
  }
  return options;
}

enum class Stop { none, tick, restart };

// As the daemon stops and starts: every window fires, and what is connected connects again.
void stop_and_start(Pipeline& pipeline, Stop stop, double time, const std::function<void(const Emission&)>& take) {
  if (stop == Stop::none) return;
  std::vector<SourceId> connected;
  for (std::uint32_t i = 0; i < source_count; ++i) {
    if (pipeline.listening(SourceId{i})) connected.push_back(SourceId{i});
  }
  for (const SourceId source : connected) pipeline.disconnected(source, moment(time));
  take(tick(pipeline, time, Fire::all));
  if (stop == Stop::restart) {
    Pipeline next(pipeline.options());
    ASSERT_EQ(next.restore(pipeline.snapshot()), std::nullopt);
    pipeline = std::move(next);
  }
  for (const SourceId source : connected) pipeline.connected(source, moment(time));
}

// Final rows and outcomes, and of `all` every row.
std::string run(std::uint64_t seed, Stop stop, bool all) {
  Random random(seed);
  const PipelineOptions options = any_options(random, seed % 3 != 0, all);
  Pipeline pipeline(options);
  std::string text;
  std::multiset<std::string> rows;
  const auto take = [&](const Emission& emission) {
    for (const Row& row : emission.rows) {
      if (!all && row.state != RowState::final) continue;
      const auto key = pipeline.key_of(row);
      const std::string line = std::to_string(index_of(row.window)) + ' ' + key->sensor + ' ' +
                               std::to_string(row.start.count()) + ' ' + std::to_string(row.readings) + '\n';
      if (all) text += std::to_string(static_cast<int>(row.state)) + std::to_string(row.revision) + ' ' + line;
      if (!all) rows.insert(line);
    }
  };
  std::map<std::string, std::uint32_t> heard_by;
  for (std::uint32_t i = 0; i < source_count; ++i) {
    if (random() % 8 != 0) pipeline.connected(SourceId{i}, moment(100));
  }
  const auto any_source = [&] { return SourceId{static_cast<std::uint32_t>(random() % source_count)}; };
  for (int i = 0; i < 150; ++i) {
    const double now = 100 + i + (random() % 40 == 0 ? 30 : 0);
    const std::string sensor(1, static_cast<char>('a' + random() % 4));
    std::uint32_t& source = heard_by[sensor];
    if (random() % 6 == 0) source = index_of(any_source());
    const double time = now - static_cast<double>(random() % 25);
    const auto known = pipeline.series().find(sensor, "t");
    const SeriesId id = known ? *known : pipeline.add_series({sensor, "t", {}, {}}, SourceId{source}).value();
    const Reading reading{id, at(time), 1};
    if (random() % 5 != 0) pipeline.apply({SourceId{source}, moment(now), std::span<const Reading>(&reading, 1)});
    if (random() % 3 == 0) take(tick(pipeline, now));
    if (random() % 20 == 0) pipeline.disconnected(any_source(), moment(now));
    if (random() % 10 == 0) pipeline.connected(any_source(), moment(now));
    if (random() % 15 == 0) stop_and_start(pipeline, stop, now, take);
  }
  for (int i = 0; i < 30; ++i) take(tick(pipeline, 300 + 10 * i));
  pipeline.raise_watermarks(at(1e6));
  for (int i = 0; i < 2; ++i) take(tick(pipeline, 900 + i, Fire::all));
  for (const std::string& line : rows) text += line;
  for (const std::uint64_t n : pipeline.counters().outcomes) text += std::to_string(n) + ' ';
  return text;
}

TEST(MovingSeries, restart_changes_no_row_and_no_outcome) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    ASSERT_EQ(run(seed, Stop::restart, true), run(seed, Stop::tick, true)) << "seed " << seed;
  }
}

// Triggers decide when rows leave. Only idleness goes by ticks.
TEST(MovingSeries, stop_changes_no_final_row_and_no_outcome) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    ASSERT_EQ(run(seed, Stop::restart, false), run(seed, Stop::none, false)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace edgetide::test
