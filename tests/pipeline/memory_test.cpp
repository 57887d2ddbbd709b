// The pipeline knows what memory it takes, and stops at its limit.
#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>

#include "tests/fakes/counting_allocator.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

PipelineOptions hungry() {
  PipelineOptions options = one_window();
  options.max_series = 100'000;
  options.new_series_per_minute = 1'000'000;
  options.windows[0].allowed_lateness = Duration::days(7);
  options.windows[0].aggregates = {Aggregate::count, Aggregate::min, Aggregate::max, Aggregate::avg, Aggregate::last};
  return options;
}

Series tagged(std::size_t number, std::size_t labels, std::size_t length) {
  Series series{"sensor-" + std::to_string(number), "temperature", "C", {}};
  for (std::size_t i = 0; i < labels; ++i) {
    series.labels.push_back({"label-" + std::to_string(i), std::string(length, 'x')});
  }
  return series;
}

struct Diet {
  const char* name;
  std::size_t series, labels, label_length, readings;
  std::function<void(WindowOptions&)> change;
};

const Diet diets[] = {
    {"short names", 20'000, 0, 0, 20'000, [](WindowOptions&) {}},
    {"long labels", 5'000, 31, 100, 5'000, [](WindowOptions&) {}},
    {"many windows", 100, 2, 10, 60'000, [](WindowOptions&) {}},
    {"percentiles", 300, 0, 0, 30'000, [](WindowOptions& w) { w.aggregates = {Aggregate::percentile(99)}; }},
    {"distinct", 300, 0, 0, 60'000, [](WindowOptions& w) { w.aggregates = {Aggregate::distinct}; }},
    {"all readings", 300, 0, 0, 60'000, [](WindowOptions& w) { w.aggregates = {Aggregate::increase}; }},
    {"deduplicated", 300, 0, 0, 60'000, [](WindowOptions& w) { w.deduplicate = true; }},
    {"groups", 20'000, 2, 30, 20'000,
     [](WindowOptions& w) {
       w.group_by = {"sensor", "label-0"};
     }},
    {"sliding", 300, 0, 0, 30'000,
     [](WindowOptions& w) {
       w.kind = WindowKind::sliding;
       w.slide = Duration::seconds(5);
     }},
    {"sessions", 300, 0, 0, 30'000,
     [](WindowOptions& w) {
       w.kind = WindowKind::session;
       w.gap = Duration::seconds(1);
     }},
    {"running", 20'000, 0, 0, 20'000, [](WindowOptions& w) { w.kind = WindowKind::running; }},
    {"derived", 3'000, 0, 0, 9'000,
     [](WindowOptions& w) {
       w.aggregates = {Aggregate::count, Aggregate::avg};
       w.derived = {product("power", "temperature", "temperature")};
     }},
};

void feed(Pipeline& pipeline, const Diet& diet) {
  for (std::size_t i = 0; i < diet.series; ++i) pipeline.add_series(tagged(i, diet.labels, diet.label_length));
  for (std::size_t i = 0; i < diet.readings; ++i) {
    const SeriesId series{static_cast<std::uint32_t>(i % diet.series)};
    const double value = static_cast<double>((i * 7919) % 10'007) + 1;
    const Reading reading{series, at(static_cast<double>(i / diet.series * 7)), value};
    pipeline.apply({SourceId{0}, moment(static_cast<double>(i) / 1000), std::span<const Reading>(&reading, 1)});
  }
  Emission emission;
  pipeline.tick(moment(1000), Fire::all, emission);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool own_allocator = true;  // of a sanitizer, whose blocks are others
#else
constexpr bool own_allocator = false;
#endif

TEST(Memory, what_is_reported_is_what_the_allocator_gave) {
  if (own_allocator) GTEST_SKIP() << "the allocator is a sanitizer's";
  for (const Diet& diet : diets) {
    PipelineOptions options = hungry();
    options.max_memory_bytes = 1U << 30;
    diet.change(options.windows[0]);
    const std::size_t before = bytes_held();
    Pipeline pipeline(options);
    feed(pipeline, diet);
    const auto real = static_cast<double>(bytes_held() - before);
    EXPECT_NEAR(static_cast<double>(pipeline.memory_bytes()), real, 0.15 * real) << diet.name;
    Pipeline restored(options);
    const std::size_t between = bytes_held();
    ASSERT_EQ(restored.restore(pipeline.snapshot(), Connections::go_on), std::nullopt);
    const auto real_again = static_cast<double>(bytes_held() - between);
    EXPECT_LE(real_again, 1.1 * real) << diet.name << ": a restart needs no more";
    EXPECT_NEAR(static_cast<double>(restored.memory_bytes()), real_again, 0.15 * real_again) << diet.name;
  }
}

// Each kind of window with each thing that may be kept beside its sums.
TEST(Memory, every_kind_of_window_reports_what_the_allocator_gave_whatever_it_keeps) {
  if (own_allocator) GTEST_SKIP() << "the allocator is a sanitizer's";
  const std::pair<const char*, std::function<void(WindowOptions&)>> kinds[] = {
      {"tumbling", [](WindowOptions&) {}},
      {"sliding", [](WindowOptions& w) { w.kind = WindowKind::sliding, w.slide = Duration::seconds(2); }},
      {"session", [](WindowOptions& w) { w.kind = WindowKind::session, w.gap = Duration::seconds(3); }},
      {"running", [](WindowOptions& w) { w.kind = WindowKind::running; }}};
  const Diet kept[] = {
      {"labels", 2'000, 20, 60, 40'000, [](WindowOptions&) {}},
      {"percentiles", 300, 0, 0, 30'000, [](WindowOptions& w) { w.aggregates = {Aggregate::percentile(99)}; }},
      {"deduplicated", 300, 0, 0, 60'000, [](WindowOptions& w) { w.deduplicate = true; }},
      {"all of them", 300, 20, 60, 30'000, [](WindowOptions& w) {
         w.aggregates = {Aggregate::count, Aggregate::percentile(50), Aggregate::distinct};
         w.deduplicate = true;
       }}};
  for (const auto& [kind, to_kind] : kinds) {
    for (const Diet& diet : kept) {
      PipelineOptions options = hungry();
      options.max_memory_bytes = 1U << 30;
      to_kind(options.windows[0]);
      diet.change(options.windows[0]);
      const std::size_t before = bytes_held();
      Pipeline pipeline(options);
      feed(pipeline, diet);
      const auto real = static_cast<double>(bytes_held() - before);
      EXPECT_NEAR(static_cast<double>(pipeline.memory_bytes()), real, 0.15 * real) << kind << ", " << diet.name;
    }
  }
}

// As many definitions as there may be about, of each what it keeps beside its windows.
const Diet many_definitions[] = {
    {"plain", 500, 0, 0, 3'000, [](WindowOptions&) {}},
    {"derived, all the same", 500, 0, 0, 3'000,
     [](WindowOptions& w) {
       w.aggregates = {Aggregate::count, Aggregate::avg};
       w.derived = {product("power", "temperature", "temperature")};
     }},
    {"derived, each its own", 100, 0, 0, 600,
     [](WindowOptions& w) {
       w.aggregates = {Aggregate::count, Aggregate::avg};
       w.derived = {product("power of " + w.name, "temperature", "temperature")};
     }},
    {"derived with labels", 500, 4, 30, 3'000,
     [](WindowOptions& w) {
       w.aggregates = {Aggregate::count, Aggregate::avg};
       w.derived = {product("power", "temperature", "temperature"), product("other", "temperature", "voltage")};
     }},
    {"filters", 500, 0, 0, 3'000, [](WindowOptions& w) { w.match.sensor = {"sensor-*" + w.name.substr(0, 1)}; }},
    {"groups", 500, 4, 30, 3'000,
     [](WindowOptions& w) {
       w.group_by = {"sensor", "label-0"};
     }},
    {"a cube", 200, 4, 30, 1'000,
     [](WindowOptions& w) {
       w.group_by = {"sensor", "label-0", "label-1"};
       w.cube = true;
     }},
    {"deduplicated, with empty windows", 200, 0, 0, 3'000,
     [](WindowOptions& w) { w.deduplicate = w.emit_empty = true; }},
};

PipelineOptions with_definitions(std::size_t number, const std::function<void(WindowOptions&)>& change) {
  PipelineOptions options = hungry();
  const WindowOptions first = options.windows[0];
  options.windows.clear();
  for (std::size_t i = 0; i < number; ++i) {
    options.windows.push_back(first);
    options.windows.back().name = std::to_string(i);
    change(options.windows.back());
  }
  return options;
}

TEST(Memory, many_definitions_report_what_the_allocator_gave) {
  if (own_allocator) GTEST_SKIP() << "the allocator is a sanitizer's";
  for (const Diet& diet : many_definitions) {
    PipelineOptions options = with_definitions(64, diet.change);
    options.max_memory_bytes = 1U << 30;
    const std::size_t before = bytes_held();
    Pipeline pipeline(options);
    for (std::size_t i = 0; i < diet.series; ++i) pipeline.add_series(tagged(i, diet.labels, diet.label_length));
    const auto added = static_cast<double>(bytes_held() - before);
    EXPECT_NEAR(static_cast<double>(pipeline.memory_bytes()), added, 0.15 * added) << diet.name << ", series alone";
    feed(pipeline, diet);
    const auto real = static_cast<double>(bytes_held() - before);
    EXPECT_NEAR(static_cast<double>(pipeline.memory_bytes()), real, 0.15 * real) << diet.name;
  }
}

TEST(Memory, limit_holds_for_series_of_many_definitions_also_before_the_next_tick) {
  if (own_allocator) GTEST_SKIP() << "the allocator is a sanitizer's";
  constexpr std::size_t limit = 16U << 20;
  for (const Diet& diet : many_definitions) {
    PipelineOptions options = with_definitions(64, diet.change);
    options.max_memory_bytes = limit;
    const std::size_t before = bytes_held();
    Pipeline pipeline(options);
    std::size_t number = 0;
    while (pipeline.add_series(tagged(number, diet.labels, diet.label_length))) ++number;
    EXPECT_EQ(pipeline.counters().of(Refusal::memory_limit), 1U) << diet.name;
    EXPECT_LE(bytes_held() - before, limit + limit / 10) << diet.name << ", " << number << " series";
    for (std::size_t i = 0; i < 10 * number; ++i) {
      const Reading reading{SeriesId{static_cast<std::uint32_t>(i % pipeline.series().size())},
                            at(static_cast<double>(i / number * 7)), 1};
      pipeline.apply({SourceId{0}, moment(static_cast<double>(i) / 1000), std::span<const Reading>(&reading, 1)});
      if (i % 1000 == 0) tick(pipeline, static_cast<double>(i) / 1000, Fire::all);
    }
    EXPECT_LE(bytes_held() - before, limit + limit / 10) << diet.name << ", " << number << " series and readings";
  }
}

// Of one batch more than what is said is possible, and what vectors take when they grow.
TEST(Memory, limit_holds_for_every_diet_and_known_windows_go_on) {
  constexpr std::size_t limit = 4U << 20;
  for (const Diet& diet : diets) {
    PipelineOptions options = hungry();
    options.max_memory_bytes = limit;
    diet.change(options.windows[0]);
    const std::size_t before = bytes_held();
    Pipeline pipeline(options);
    Diet more = diet;
    more.readings *= 3;
    for (std::size_t i = 0; i < more.series; ++i) pipeline.add_series(tagged(i, more.labels, more.label_length));
    const std::size_t known = pipeline.series().size();
    ASSERT_GT(known, 0U);
    for (std::size_t i = 0; i < more.readings; ++i) {
      const Reading reading{SeriesId{static_cast<std::uint32_t>(i % known)}, at(static_cast<double>(i / known * 7)),
                            std::pow(1.01, static_cast<double>(i % 4000))};
      pipeline.apply({SourceId{0}, moment(static_cast<double>(i) / 1000), std::span<const Reading>(&reading, 1)});
      if (i % 1000 == 0) tick(pipeline, static_cast<double>(i) / 1000, Fire::all);
    }
    EXPECT_LE(bytes_held() - before, limit + limit / 2) << diet.name;
    const Counters counters = pipeline.counters();
    EXPECT_EQ(counters.received, counters.outcomes_total() + counters.refused_total()) << diet.name;
  }
}

TEST(Memory, at_the_limit_a_known_window_takes_readings_and_a_new_one_does_not) {
  PipelineOptions options = hungry();
  options.max_memory_bytes = 1;
  Pipeline small(options);
  EXPECT_FALSE(small.add_series({"a", "t", {}, {}}));
  options.max_memory_bytes = 1U << 20;
  Pipeline pipeline(options);
  read(pipeline, "a", 1);
  double window = 0;
  while (pipeline.counters().of(Refusal::memory_limit) == 0 && window < 1e7) read(pipeline, "a", window += 10);
  ASSERT_EQ(pipeline.counters().of(Refusal::memory_limit), 1U);
  const Timestamp watermark = pipeline.watermarks()[0];
  read(pipeline, "a", window - 10, 5);
  EXPECT_EQ(pipeline.counters().of(Refusal::memory_limit), 1U) << "known";
  EXPECT_EQ(pipeline.watermarks()[0], watermark) << "what was refused moved nothing";
  pipeline.raise_watermarks(at(window - 1000 + 7 * 86400));  // the oldest become final, and make room
  tick(pipeline, 10, Fire::all);
  const std::uint64_t refused = pipeline.counters().of(Refusal::memory_limit);
  read(pipeline, "a", window);
  EXPECT_EQ(pipeline.counters().of(Refusal::memory_limit), refused);
}

TEST(Memory, labels_of_a_series_are_bounded) {
  Pipeline pipeline(hungry());
  EXPECT_TRUE(pipeline.add_series(tagged(1, 31, 120)));
  EXPECT_FALSE(pipeline.add_series(tagged(2, 40, 120)));
  EXPECT_EQ(pipeline.counters().of(Refusal::label_limit), 1U);
}

// ---- rows of one epoch

// Ticks until there is no more; no epoch has more than a few rows too many, and no row comes twice.
std::vector<std::string> all_rows(Pipeline& pipeline, std::size_t most, double seconds) {
  std::vector<std::string> rows;
  for (int i = 0; i < 10'000; ++i) {
    const Emission emission = tick(pipeline, seconds + i, Fire::due);
    EXPECT_LE(emission.rows.size(), most);
    for (const std::string& line : lines(pipeline, emission, 1)) rows.push_back(line);
    if (!pipeline.has_more_rows()) break;
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

TEST(RowsOfAnEpoch, what_is_beyond_the_limit_leaves_at_the_next_tick_and_all_rows_leave_once) {
  for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding, WindowKind::session}) {
    std::vector<std::string> rows[2];
    for (const bool bounded : {false, true}) {
      PipelineOptions options = one_window();
      options.windows[0].kind = kind;
      options.windows[0].slide = Duration::seconds(5);
      options.windows[0].gap = Duration::seconds(2);
      options.windows[0].trigger = Duration::hours(1);
      if (bounded) options.max_epoch_rows = 10;
      Pipeline pipeline(options);
      for (int i = 0; i < 200; ++i) read(pipeline, "s" + std::to_string(i % 20), i * 3);
      rows[bounded ? 1 : 0] = all_rows(pipeline, bounded ? 10 + 30 : 1000, 1);
    }
    ASSERT_GT(rows[0].size(), 100U);
    EXPECT_EQ(rows[0], rows[1]);
  }
}

TEST(RowsOfAnEpoch, empty_windows_of_a_day_leave_in_slices) {
  PipelineOptions options = one_window();
  options.windows[0].emit_empty = true;
  options.windows[0].trigger = Duration::hours(1);
  options.max_epoch_rows = 500;
  Pipeline pipeline(options);
  for (int i = 0; i < 20; ++i) {
    read(pipeline, "s" + std::to_string(i), 0);
    read(pipeline, "s" + std::to_string(i), 10'000);
  }
  const std::vector<std::string> rows = all_rows(pipeline, 501, 1);
  EXPECT_EQ(rows.size(), 20U * 1001U);
  EXPECT_TRUE(std::adjacent_find(rows.begin(), rows.end()) == rows.end());
}

TEST(RowsOfAnEpoch, former_and_present_definition_share_the_limit) {
  PipelineOptions options = one_window();
  options.max_epoch_rows = 10;
  Pipeline before(options);
  for (int i = 0; i < 10; ++i) read(before, "s" + std::to_string(i), 1);
  options.windows[0].allowed_lateness = Duration::seconds(5);
  Pipeline pipeline(options);
  ASSERT_EQ(pipeline.restore(before.snapshot(), Connections::go_on), std::nullopt);
  pipeline.take_over_changed();
  for (int i = 0; i < 10; ++i) read(pipeline, "s" + std::to_string(i), 11);
  EXPECT_EQ(all_rows(pipeline, 10, 1).size(), 20U);
}

TEST(RowsOfAnEpoch, that_there_is_more_survives_a_restart) {
  PipelineOptions options = one_window();
  options.windows[0].trigger = Duration::hours(1);
  options.max_epoch_rows = 10;
  Pipeline pipeline(options);
  for (int i = 0; i < 20; ++i) read(pipeline, "s" + std::to_string(i), 1);
  EXPECT_EQ(tick(pipeline, 1).rows.size(), 10U);
  Pipeline restored(options);
  ASSERT_EQ(restored.restore(pipeline.snapshot(), Connections::go_on), std::nullopt);
  EXPECT_EQ(tick(restored, 2).rows.size(), 10U);
  EXPECT_FALSE(restored.has_more_rows());
}

TEST(RowsOfAnEpoch, later_definitions_wait_their_turn) {
  PipelineOptions options = one_window();
  options.windows.push_back(options.windows[0]);
  options.windows[1].name = "second";
  options.max_epoch_rows = 5;
  Pipeline pipeline(options);
  for (int i = 0; i < 5; ++i) read(pipeline, "s" + std::to_string(i), 1);
  EXPECT_EQ(tick(pipeline, 1).rows.size(), 5U);
  EXPECT_TRUE(pipeline.has_more_rows());
  const Emission next = tick(pipeline, 1.1);
  ASSERT_EQ(next.rows.size(), 5U);
  EXPECT_EQ(next.rows[0].window, WindowId{1});
}

}  // namespace
}  // namespace edgetide::test
