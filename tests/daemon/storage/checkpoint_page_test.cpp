// Reads the checkpoint of FORMAT.md from the page and writes the same bytes again.
#include <gtest/gtest.h>
#include <string>

#include "pipeline/bytes.h"
#include "pipeline/handover.h"
#include "tests/daemon/storage/checkpoint_fixture.h"
#include "tests/daemon/storage/format_page.h"

namespace edgetide::test {
namespace {

Checkpoint example() {
  Checkpoint checkpoint;
  checkpoint.state_id = 0x0102030405060708;
  checkpoint.run = 7;
  checkpoint.epoch = 42;
  checkpoint.journal_next = 1200;
  checkpoint.taken_at = {Timestamp::microseconds(1'795'226'400'000'000), Duration::minutes(10)};
  checkpoint.since_boot = {0x0123456789ABCDEF, Duration::hours(1)};
  checkpoint.outboxes = {{"history", 5, 8, 60, 7, 41, 7, 38}};
  checkpoint.intake = "intake";
  checkpoint.options = "options";
  checkpoint.memory = {12'345'678, 4'096, 67'108'864};
  checkpoint.pipeline = "pipeline";
  return checkpoint;
}

TEST(CheckpointPage, worked_example_reads_as_the_page_says) {
  const auto decoded = decode_checkpoint(bytes_of(hexdump_of_page("checkpoint")));
  ASSERT_TRUE(std::holds_alternative<Checkpoint>(decoded)) << std::get<BadCheckpoint>(decoded).text;
  EXPECT_EQ(bytes_of(std::get<Checkpoint>(decoded)), bytes_of(example()));
}

TEST(CheckpointPage, worked_example_is_what_is_written) {
  EXPECT_EQ(to_hexdump(bytes_of(example())), hexdump_of_page("checkpoint"));
}

TEST(CheckpointPage, handover_of_a_changed_window_is_written_and_read_as_the_page_says) {
  const Timestamp three = Timestamp::microseconds(1'795'230'000'000'000);
  const Handover handover({three, three + Duration::hours(1)});
  std::string bytes;
  ByteWriter out(bytes);
  handover.save(out);
  EXPECT_EQ(to_hexdump(bytes), hexdump_of_page("handover"));
  const std::string page = bytes_of(hexdump_of_page("handover"));
  ByteReader in(page);
  EXPECT_TRUE(Handover::load(in).is_same(handover));
  EXPECT_TRUE(in.ok() && in.at_end());
}

}  // namespace
}  // namespace edgetide::test
