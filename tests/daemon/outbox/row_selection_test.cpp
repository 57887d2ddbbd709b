#include "daemon/outbox/row_selection.h"

#include <cmath>
#include <gmock/gmock.h>
#include <limits>

#include "pipeline/mergeable.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class RowSelectionTest : public testing::Test {
 protected:
  RowSelectionTest() {
    WindowOptions totals = options.windows[0];
    totals.name = "totals";
    totals.kind = WindowKind::running;
    totals.aggregates = {Aggregate::max, Aggregate::distinct, Aggregate::last};
    options.windows.push_back(totals);
  }
  static Row row(WindowId window, KeyId key, RowState state, bool changed, std::uint32_t first_value = 0) {
    return {window, key, at(0), at(10), state, changed, 1, first_value, no_series, 7};
  }
  static bool selects(OutputMode mode, RowState state, bool changed) {
    PipelineOptions options = one_window();
    Pipeline pipeline(options);
    series_of(pipeline, "a");
    const Emission emission{1, {row(WindowId{0}, KeyId{0}, state, changed)}, {1, 2}};
    const RowBatch batch = RowSelection(options.windows, {WindowId{0}}, mode).select(emission, pipeline, 1);
    return batch.row_count() == 1;
  }

  PipelineOptions options = one_window();
};

TEST_F(RowSelectionTest, mode_decides_which_rows_leave) {
  const struct {
    RowState state;
    bool changed;
    bool append;
    bool update;
    bool complete;
  } cases[] = {
      {RowState::open, true, false, true, true},      {RowState::open, false, false, false, true},
      {RowState::closed, true, false, true, true},    {RowState::closed, false, false, false, true},
      {RowState::final, true, true, true, true},      {RowState::final, false, true, false, true},
      {RowState::retracted, true, false, true, true},
  };
  for (const auto& c : cases) {
    const testing::Message name = testing::Message()
                                  << "state " << static_cast<int>(c.state) << " changed " << c.changed;
    EXPECT_EQ(selects(OutputMode::append, c.state, c.changed), c.append) << name;
    EXPECT_EQ(selects(OutputMode::update, c.state, c.changed), c.update) << name;
    EXPECT_EQ(selects(OutputMode::complete, c.state, c.changed), c.complete) << name;
  }
}

TEST_F(RowSelectionTest, rows_come_with_their_strings_and_the_values_of_their_window) {
  Pipeline pipeline(options);
  const KeyId a{index_of(series_of(pipeline, "a"))};
  const KeyId b{index_of(series_of(pipeline, "b"))};
  const Emission emission{9,
                          {row(WindowId{0}, a, RowState::open, true, 0), row(WindowId{0}, b, RowState::open, true, 2),
                           row(WindowId{1}, b, RowState::open, true, 4)},
                          {1, 10, 2, 20, 3, 30, 300}};
  // The sink names the inputs in another order.
  const RowSelection selection(options.windows, {WindowId{1}, WindowId{0}}, OutputMode::update);
  const RowBatch batch = selection.select(emission, pipeline, 5);
  EXPECT_EQ(batch.id, (EpochId{5, 9}));
  ASSERT_THAT(batch.windows, SizeIs(2));
  EXPECT_EQ(batch.windows[0].input, 1U);
  EXPECT_THAT(batch.windows[0].values, ElementsAre(1, 10, 2, 20));
  ASSERT_THAT(batch.windows[0].rows, SizeIs(2));
  EXPECT_EQ(batch.windows[0].rows[1].series->sensor, "b");
  EXPECT_EQ(batch.windows[1].input, 0U);
  EXPECT_THAT(batch.windows[1].values_of(0, 3), ElementsAre(3, 30, 300));
}

TEST_F(RowSelectionTest, window_that_is_not_an_input_of_the_sink_adds_nothing) {
  Pipeline pipeline(options);
  const KeyId a{index_of(series_of(pipeline, "a"))};
  const Emission emission{1, {row(WindowId{1}, a, RowState::open, true)}, {1, 2, 3}};
  const RowSelection selection(options.windows, {WindowId{0}}, OutputMode::complete);
  EXPECT_THAT(selection.select(emission, pipeline, 1).windows, IsEmpty());
}

TEST_F(RowSelectionTest, table_of_a_window_without_a_count_has_its_readings_as_the_last_column) {
  Pipeline pipeline(options);
  series_of(pipeline, "a");
  const Emission emission{1, {row(WindowId{1}, KeyId{0}, RowState::open, true)}, {1, 2, 3}};
  EXPECT_EQ(schemas_of(options.windows, {WindowId{0}}, SinkKind::table), schemas_of(options.windows, {WindowId{0}}));
  const WindowSchema schema = schemas_of(options.windows, {WindowId{1}}, SinkKind::table).at(0);
  EXPECT_EQ(schema.columns.back(), (Column{"readings", true}));
  const RowSelection to_table(options.windows, {WindowId{1}}, OutputMode::update, SinkKind::table);
  EXPECT_THAT(to_table.select(emission, pipeline, 1).windows.at(0).values, ElementsAre(1, 2, 3, 7));
  const RowSelection to_stream(options.windows, {WindowId{1}}, OutputMode::update);
  EXPECT_THAT(to_stream.select(emission, pipeline, 1).windows.at(0).values, ElementsAre(1, 2, 3));
}

TEST_F(RowSelectionTest, only_a_sink_with_mergeable_rows_has_the_columns_that_merge_them) {
  options.windows[0].aggregates = {Aggregate::percentile(50)};
  add_merge_aggregates(options.windows[0]);
  Pipeline pipeline(options);
  const KeyId a{index_of(series_of(pipeline, "a"))};
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const Emission emission{1,
                          {row(WindowId{0}, a, RowState::open, true, 0), row(WindowId{0}, a, RowState::open, true, 5),
                           row(WindowId{0}, a, RowState::retracted, true, 10)},
                          {5, 1, 2, 0, 1, 6, 2, 4, 3, 0, none, none, none, none, none},
                          {"second", "first"}};
  const std::vector<WindowId> inputs = {WindowId{0}};
  for (const SinkKind kind : {SinkKind::stream, SinkKind::table}) {
    const WindowSchema schema = schemas_of(options.windows, inputs, kind, FilterOn::match, RowParts::mergeable).at(0);
    EXPECT_EQ(schema.columns,
              (std::vector<Column>{{"p50"}, {"count", true}, {"sum"}, {"m2"}, {"sketch", false, true}}));
    const RowSelection mergeable(options.windows, inputs, OutputMode::update, kind, RowParts::mergeable);
    const WindowRows rows = mergeable.select(emission, pipeline, 1).windows.at(0);
    EXPECT_EQ(*rows.rows.at(0).sketch, "first");
    EXPECT_EQ(*rows.rows.at(1).sketch, "second");
    EXPECT_EQ(rows.rows.at(2).sketch, nullptr);
    EXPECT_THAT(rows.values_of(1, 5).first(4), ElementsAre(6, 2, 4, 3));
    EXPECT_TRUE(std::isnan(rows.values_of(1, 5)[4]));
    const RowSelection other(options.windows, inputs, OutputMode::update, kind);
    const WindowRows plain = other.select(emission, pipeline, 1).windows.at(0);
    EXPECT_EQ(plain.rows.at(0).sketch, nullptr);
    EXPECT_EQ(plain.values.size(), kind == SinkKind::table ? 6U : 3U);
    EXPECT_EQ(plain.values[kind == SinkKind::table ? 2 : 1], 6);
  }
}

TEST_F(RowSelectionTest, tables_get_what_is_added_to_their_rows_in_every_mode) {
  Pipeline pipeline(options);
  const KeyId a{index_of(series_of(pipeline, "a"))};
  Emission emission{1, {row(WindowId{1}, a, RowState::open, true)}, {1, 2, 3}};
  emission.added = {WindowId{0}, {{pipeline.series().shared(SeriesId{0}), at(0), at(10), 2}}, {2, 30}};
  for (const OutputMode mode : {OutputMode::append, OutputMode::update, OutputMode::complete}) {
    const RowSelection to_table(options.windows, {WindowId{0}}, mode, SinkKind::table);
    const RowBatch batch = to_table.select(emission, pipeline, 1);
    ASSERT_THAT(batch.windows, SizeIs(1));
    EXPECT_EQ(batch.windows[0].rows.at(0).state, RowState::added);
    EXPECT_THAT(batch.windows[0].values, ElementsAre(2, 30));
    const RowSelection to_stream(options.windows, {WindowId{0}}, mode);
    EXPECT_THAT(to_stream.select(emission, pipeline, 1).windows, IsEmpty());
    EXPECT_TRUE(to_table.adds_to(WindowId{0}) && !to_table.adds_to(WindowId{1}) && !to_stream.adds_to(WindowId{0}));
  }
}

TEST_F(RowSelectionTest, sink_gets_the_columns_of_its_inputs) {
  const std::vector<WindowSchema> schemas = schemas_of(options.windows, {WindowId{1}, WindowId{0}});
  ASSERT_THAT(schemas, SizeIs(2));
  EXPECT_EQ(schemas[0].name, "totals");
  std::vector<std::string> columns;
  for (const WindowSchema& schema : schemas) {
    for (const Column& column : schema.columns) columns.push_back(column.name + (column.integer ? " integer" : ""));
  }
  EXPECT_THAT(columns, ElementsAre("max", "distinct integer", "last", "count integer", "sum"));
}

}  // namespace
}  // namespace edgetide::test
