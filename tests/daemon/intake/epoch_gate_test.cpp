#include "daemon/intake/epoch_gate.h"

#include <gtest/gtest.h>

#include "tests/fakes/memory_file_system.h"
#include "tests/fakes/scripted_sink.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

class EpochGateTest : public testing::Test {
 protected:
  std::vector<RowRoutes::RoutedBatch> rows_of_an_epoch(double time) {
    read_at(pipeline, time, "a", 1);
    RowRoutes routes;
    routes.add(RowSelection(options.windows, {WindowId{0}}, OutputMode::update), worker);
    return routes.select(tick(pipeline, time, Fire::all), pipeline, 1, edges);
  }
  std::size_t sent() { return worker.status().outbox_rows; }

  MemoryFileSystem files;
  PipelineOptions options = one_window();
  Pipeline pipeline{options};
  RowEdges edges;
  ScriptedSink::Log log;
  SinkWorker worker{"c",
                    std::make_unique<ScriptedSink>(log),
                    SinkTraits(),
                    schemas_of(options.windows, {WindowId{0}}),
                    OutboxOptions{},
                    files,
                    "state",
                    {[] {}, [] {}},
                    1};
  EpochGate gate;
};

TEST_F(EpochGateTest, rows_wait_until_the_records_before_theirs_are_durable) {
  gate.push(3, rows_of_an_epoch(1));
  gate.push(5, rows_of_an_epoch(2));
  EXPECT_EQ(sent(), 0U);
  gate.durable(2);
  EXPECT_EQ(sent(), 0U);
  gate.durable(4);
  EXPECT_EQ(sent(), 1U);
  EXPECT_FALSE(gate.empty());
  gate.durable(5);
  EXPECT_EQ(sent(), 2U);
  EXPECT_TRUE(gate.empty());
}

TEST_F(EpochGateTest, rows_without_a_record_are_sent_at_once) {
  gate.push(0, rows_of_an_epoch(1));
  EXPECT_EQ(sent(), 1U);
  EXPECT_TRUE(gate.empty());
}

TEST_F(EpochGateTest, worker_that_is_forgotten_gets_none_of_the_rows_that_wait) {
  gate.push(3, rows_of_an_epoch(1));
  gate.forget(worker);
  gate.durable(3);
  EXPECT_EQ(sent(), 0U);
  EXPECT_TRUE(gate.empty());
}

}  // namespace
}  // namespace edgetide::test
