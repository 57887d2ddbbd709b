#include <gmock/gmock.h>

#include "pipeline/snapshot_head.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using testing::Optional;

Pipeline busy_pipeline() {
  PipelineOptions options = one_window();
  options.windows[0].allowed_lateness = Duration::seconds(100);
  Pipeline pipeline(options);
  pipeline.connected(SourceId{0}, moment(0));
  for (int i = 0; i < 200; ++i) read_at(pipeline, i, std::string(1, static_cast<char>('a' + i % 7)), i * 13 % 160, i);
  tick(pipeline, 200);
  read_at(pipeline, 201, "z", 1e9);
  return pipeline;
}

PipelineOptions busy_options() {
  PipelineOptions options = one_window();
  options.windows[0].allowed_lateness = Duration::seconds(100);
  return options;
}

TEST(Snapshot, restored_pipeline_has_the_same_bytes_and_goes_on_alike) {
  Pipeline before = busy_pipeline();
  Pipeline after(busy_options());
  ASSERT_EQ(after.restore(before.snapshot(), Connections::go_on), std::nullopt);
  EXPECT_EQ(after.snapshot(), before.snapshot());
  for (Pipeline* pipeline : {&before, &after}) read_at(*pipeline, 205, "a", 150);
  EXPECT_EQ(lines(after, tick(after, 300)), lines(before, tick(before, 300)));
  EXPECT_EQ(after.snapshot(), before.snapshot());
}

TEST(Snapshot, every_truncation_is_refused_and_leaves_a_new_pipeline) {
  const std::string bytes = busy_pipeline().snapshot();
  const std::string fresh = Pipeline(busy_options()).snapshot();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    Pipeline pipeline(busy_options());
    ASSERT_TRUE(pipeline.restore(std::string_view(bytes).substr(0, length)).has_value()) << length << " bytes";
    EXPECT_EQ(pipeline.snapshot(), fresh) << length << " bytes";
  }
}

TEST(Snapshot, damaged_bytes_never_crash) {
  const std::string bytes = busy_pipeline().snapshot();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0xff);
    Pipeline pipeline(busy_options());
    if (!pipeline.restore(damaged)) tick(pipeline, 1000);
  }
}

TEST(Snapshot, changed_window_definition_is_named_and_its_open_windows_are_kept) {
  const std::string bytes = busy_pipeline().snapshot();
  PipelineOptions other = busy_options();
  other.windows[0].size = Duration::seconds(11);
  other.windows.push_back(busy_options().windows[0]);
  other.windows[1].name = "new";
  Pipeline pipeline(other);
  EXPECT_EQ(pipeline.restore(bytes), std::nullopt);
  EXPECT_THAT(pipeline.changed_windows(), testing::ElementsAre(other.windows[0].name));
  EXPECT_EQ(pipeline.series().size(), busy_pipeline().series().size());
  EXPECT_EQ(pipeline.open_windows(), busy_pipeline().open_windows());
}

TEST(Snapshot, formula_that_was_changed_and_cannot_be_made_again_starts_its_window_empty) {
  PipelineOptions options = one_window();
  options.windows[0].aggregates = {Aggregate::count, Aggregate::avg};
  options.windows[0].derived = {product("power", "t", "u")};
  Pipeline before(options);
  read(before, "a", 1);
  const std::string bytes = before.snapshot();
  for (const bool edited : {false, true}) {
    PipelineOptions next = options;
    if (edited) next.windows[0].derived[0].formula = std::make_shared<Sum>();
    Pipeline after(next);
    ASSERT_EQ(after.restore(bytes), std::nullopt);
    EXPECT_EQ(after.forgotten_windows().size(), edited ? 1U : 0U);
    EXPECT_EQ(after.open_windows(), edited ? 0U : 1U);
  }
}

TEST(Snapshot, state_with_more_series_than_max_series_keeps_them_all_and_takes_no_new_one) {
  const std::string bytes = busy_pipeline().snapshot();
  PipelineOptions options = busy_options();
  options.max_series = 2;
  Pipeline pipeline(options);
  ASSERT_EQ(pipeline.restore(bytes, Connections::go_on), std::nullopt);
  EXPECT_EQ(pipeline.snapshot(), bytes);
  for (const char* const sensor : {"a", "g", "z"}) EXPECT_TRUE(pipeline.series().find(sensor, "t")) << sensor;
  EXPECT_FALSE(pipeline.add_series({"new", "t", {}, {}}));
}

TEST(Snapshot, head_says_what_is_inside_without_a_configuration) {
  const std::string bytes = busy_pipeline().snapshot();
  ByteReader in(bytes);
  SnapshotHead head;
  ASSERT_EQ(load(in, head), std::nullopt);
  EXPECT_EQ(head.epoch, 1U);
  EXPECT_EQ(head.now->wall, at(201));
  EXPECT_EQ(head.series, 8U);
  ASSERT_EQ(head.sources.size(), 1U);
  EXPECT_EQ(head.sources[0].name, "s");
  EXPECT_EQ(head.sources[0].counters.received, 201U);
  ASSERT_EQ(head.windows.size(), 1U);
  EXPECT_EQ(head.windows[0].name, "w");
  EXPECT_EQ(head.windows[0].open_windows, busy_pipeline().open_windows());
}

TEST(Snapshot, another_version_is_refused_with_a_reason) {
  const std::string bytes = busy_pipeline().snapshot();
  std::string newer = bytes;
  newer[18] = 99;  // the version, behind the length and text of the magic
  EXPECT_THAT(Pipeline(busy_options()).restore(newer), Optional(testing::HasSubstr("version 99")));
  EXPECT_THAT(Pipeline(busy_options()).restore("something else"), Optional(testing::HasSubstr("not a pipeline")));
}

// A series and what is derived from it leave for a new one: a slot stays free.
Pipeline pipeline_without(const std::string& gone, const PipelineOptions& options) {
  Pipeline pipeline(options);
  const std::vector<std::string> sensors = {"a", "b", "c"};
  for (const std::string& sensor : sensors) series_of(pipeline, sensor);
  pipeline.connected(SourceId{0}, moment(0));
  for (const std::string& sensor : sensors) read_at(pipeline, 1, sensor, 1);
  for (const std::string& sensor : sensors) {
    if (sensor != gone) read_at(pipeline, 90, sensor, 90);
  }
  tick(pipeline, 90, Fire::all);
  tick(pipeline, 91, Fire::all);
  pipeline.add_series({"new", "other", {}, {}});
  return pipeline;
}

TEST(Snapshot, series_that_has_left_disturbs_no_restart) {
  for (const WindowKind kind : {WindowKind::tumbling, WindowKind::sliding, WindowKind::session, WindowKind::running}) {
    for (const std::vector<std::string>& columns : std::vector<std::vector<std::string>>{{}, {"sensor"}, {"site"}}) {
      for (const std::string gone : {"a", "b", "c"}) {
        PipelineOptions options = one_window();
        options.max_series = 3;
        options.sources[0].time.idle_timeout = Duration::seconds(60);
        options.windows[0].kind = kind;
        options.windows[0].slide = Duration::seconds(5);
        options.windows[0].gap = Duration::seconds(10);
        options.windows[0].group_by = columns;
        options.windows[0].emit_empty = columns.empty() && kind <= WindowKind::sliding;
        WindowOptions deriving = one_window().windows[0];
        deriving.aggregates = {Aggregate::count, Aggregate::avg};
        deriving.name = "deriving";
        deriving.derived = {product("product", "t", "u")};
        options.windows.push_back(deriving);
        const std::string what = "kind " + std::to_string(static_cast<int>(kind)) + ", " +
                                 std::to_string(columns.size()) + " columns, without " + gone;
        Pipeline before = pipeline_without(gone, options);
        EXPECT_EQ(before.series().find(gone, "t").has_value(), kind == WindowKind::running && columns.empty()) << what;
        EXPECT_EQ(before.series().removed().empty(), before.series().find(gone, "t").has_value()) << what;
        Pipeline after(options);
        ASSERT_EQ(after.restore(before.snapshot(), Connections::go_on), std::nullopt) << what;
        EXPECT_EQ(after.snapshot(), before.snapshot()) << what;
        for (Pipeline* pipeline : {&before, &after}) read_at(*pipeline, 120, gone == "a" ? "b" : "a", 120);
        EXPECT_EQ(lines(after, tick(after, 130)), lines(before, tick(before, 130))) << what;
      }
    }
  }
}

}  // namespace
}  // namespace edgetide::test
