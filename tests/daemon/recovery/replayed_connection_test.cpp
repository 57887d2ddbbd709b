// A source that was connected when a checkpoint was taken is heard on in the replay of the journal behind it: what fell
// silent then is silent again. When the replay ends, so does that run's connection.
#include <gtest/gtest.h>

#include "daemon/core.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

class ReplayedConnection : public testing::Test {
 protected:
  ReplayedConnection() {
    options.id = "g";
    options.state_directory = "state";
    options.pipeline = one_window();
    options.pipeline.sources[0].time.idle_timeout = Duration::seconds(20);
  }
  // A reading of now.
  void hear(Core& core, std::string_view sensor, std::int64_t second) {
    clock.set_seconds(second);
    DecodedBatch batch;
    batch.readings.push_back({sensor, "t", "", at(static_cast<double>(second)), 1, 0, 0});
    ASSERT_TRUE(core.intake().try_accept(SourceId{0}, batch).is_taken());
  }
  void tick(Core& core, std::int64_t second) {
    clock.set_seconds(second);
    ASSERT_TRUE(core.intake().tick(Fire::due));
  }
  static std::vector<Timestamp> watermarks(const Core& core) {
    return core.intake().inspect([](const Pipeline& pipeline) { return pipeline.watermarks(); });
  }

  GatewayOptions options;
  MemoryFileSystem files;
  ManualClock clock;
};

TEST_F(ReplayedConnection, lasts_as_long_as_the_life_that_had_it) {
  {
    Core core(options, files, clock, {});
    core.intake().connected(SourceId{0}, "peer");
    hear(core, "silent", 5);
    ASSERT_FALSE(core.checkpointer().write_checkpoint());
    hear(core, "talkative", 58);
    tick(core, 60);
    EXPECT_EQ(watermarks(core), (std::vector<Timestamp>{at(10), at(58)}));  // its window has closed
  }
  files.forget_handles();
  Core after(options, files, clock, {});
  EXPECT_EQ(watermarks(after), (std::vector<Timestamp>{at(10), at(58)}));
  tick(after, 500);  // no sensor could be heard since
  EXPECT_EQ(watermarks(after), (std::vector<Timestamp>{at(10), at(58)}));
}

}  // namespace
}  // namespace edgetide::test
