#include "pipeline/options_bytes.h"

#include <gtest/gtest.h>

#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

PipelineOptions full_options() {
  PipelineOptions options = one_window();
  options.makers.formula = [](const std::string&) { return std::make_shared<const Product>(); };
  options.hash_seed = 9;
  const TimeOptions time{Duration::seconds(3),  Duration::unlimited(), WatermarkScope::stream,
                         Duration::unlimited(), Duration::days(2),     BadTimePolicy::drop};
  options.default_time.oldest = Duration::days(1);
  options.sources.push_back({"second", time, false});
  WindowOptions second = options.windows[0];
  second.name = "second";
  second.kind = WindowKind::session;
  second.inputs = {SourceId{1}, SourceId{0}};
  second.match.metric = {"t*"};
  second.trigger = Duration::hours(1);
  options.windows.push_back(second);
  options.windows[0].derived = {product("p", "t", "u")};
  options.max_series = 7;
  options.new_series_per_minute = 8;
  options.max_memory_bytes = 1 << 20;
  options.max_epoch_rows = 9;
  return options;
}

TEST(OptionsBytes, give_back_what_was_written) {
  const PipelineOptions written = full_options();
  PipelineOptions present;
  present.makers = written.makers;
  present.hash_seed = 3;
  const auto read = load_options(options_bytes(written), present);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(options_bytes(*read), options_bytes(written));
  EXPECT_EQ(read->hash_seed, 3U) << "of the present run";
  EXPECT_EQ(read->default_time.oldest, Duration::days(1));
  EXPECT_EQ(read->sources[1].name, "second");
  EXPECT_FALSE(read->sources[1].is_awaited);
  EXPECT_EQ(read->sources[1].time.scope, WatermarkScope::stream);
  EXPECT_EQ(read->sources[1].time.max_out_of_orderness, Duration::seconds(3));
  EXPECT_EQ(read->sources[1].time.on_bad_time, BadTimePolicy::drop);
  EXPECT_EQ(read->windows[1].inputs, written.windows[1].inputs);
  EXPECT_EQ(read->windows[1].match.metric, written.windows[1].match.metric);
  EXPECT_EQ(read->windows[1].trigger, Duration::hours(1));
  EXPECT_EQ(read->max_series, 7U);
  EXPECT_EQ(read->max_epoch_rows, 9U);
}

TEST(OptionsBytes, that_are_cut_off_or_longer_are_none) {
  const PipelineOptions written = full_options();
  const std::string bytes = options_bytes(written);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(load_options(bytes.substr(0, length), written)) << length;
  }
  EXPECT_FALSE(load_options(bytes + 'x', written));
}

TEST(OptionsBytes, with_a_formula_that_cannot_be_made_are_none) {
  const PipelineOptions written = full_options();
  EXPECT_FALSE(load_options(options_bytes(written), PipelineOptions()));
}

TEST(OptionsBytes, of_a_source_that_is_not_there_are_none) {
  PipelineOptions written = full_options();
  written.windows[1].inputs = {SourceId{2}};
  EXPECT_FALSE(load_options(options_bytes(written), full_options()));
}

}  // namespace
}  // namespace edgetide::test
