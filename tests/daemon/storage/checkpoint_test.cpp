#include "daemon/storage/checkpoint.h"

#include <gmock/gmock.h>
#include <random>

#include "daemon/storage/crc32c.h"
#include "daemon/storage/record_format.h"
#include "pipeline/bytes.h"
#include "tests/daemon/storage/checkpoint_fixture.h"

namespace edgetide::test {
namespace {

using Reason = BadCheckpoint::Reason;

BadCheckpoint fault_of(const std::string& bytes) {
  const auto decoded = decode_checkpoint(bytes);
  const auto* const bad = std::get_if<BadCheckpoint>(&decoded);
  return bad == nullptr ? BadCheckpoint{Reason::forbidden, "none"} : *bad;
}

TEST(Checkpoint, bytes_give_back_what_was_written) {
  Checkpoint largest = checkpoint_of(3);
  largest.state_id = largest.run = largest.epoch = largest.journal_next = ~std::uint64_t{0};
  largest.taken_at = {Timestamp::earliest(), Duration::unlimited()};
  largest.memory = {~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}};
  largest.pipeline = std::string(300'000, '\xff');
  for (const Checkpoint& written : {checkpoint_of(1), Checkpoint(), largest}) {
    const auto decoded = decode_checkpoint(bytes_of(written));
    ASSERT_TRUE(std::holds_alternative<Checkpoint>(decoded)) << std::get<BadCheckpoint>(decoded).text;
    const Checkpoint& read = std::get<Checkpoint>(decoded);
    EXPECT_EQ(bytes_of(read), bytes_of(written));
    EXPECT_EQ(read.state_id, written.state_id);
    EXPECT_EQ(read.run, written.run);
    EXPECT_EQ(read.epoch, written.epoch);
    EXPECT_EQ(read.journal_next, written.journal_next);
    EXPECT_EQ(read.taken_at.wall, written.taken_at.wall);
    EXPECT_EQ(read.taken_at.running, written.taken_at.running);
    EXPECT_EQ(read.since_boot, written.since_boot);
    EXPECT_EQ(read.memory, written.memory);
    EXPECT_EQ(read.outboxes, written.outboxes);
    EXPECT_EQ(read.intake, written.intake);
    EXPECT_EQ(read.options, written.options);
    EXPECT_EQ(read.pipeline, written.pipeline);
  }
}

TEST(Checkpoint, flipped_bit_anywhere_is_damage) {
  const std::string whole = bytes_of(checkpoint_of(1));
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(fault_of(flipped).reason, Reason::damaged) << "bit " << bit;
  }
}

TEST(Checkpoint, cut_off_anywhere_or_with_something_behind_it_is_damage) {
  const std::string whole = bytes_of(checkpoint_of(1));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_EQ(fault_of(whole.substr(0, length)).reason, Reason::damaged) << length << " bytes";
    const std::string padded = whole.substr(0, length) + std::string(whole.size() - length, '\0');
    if (padded == whole) continue;
    EXPECT_EQ(fault_of(padded).reason, Reason::damaged) << length << " bytes and zeros";
  }
  EXPECT_EQ(fault_of(whole + '\0').reason, Reason::damaged);
}

// Behind a checksum that fits, too, nothing is believed.
TEST(Checkpoint, parts_that_do_not_fit_are_damage) {
  for (std::size_t at = 16; at < bytes_of(checkpoint_of(1)).size() - 4; ++at) {
    std::string bytes = bytes_of(checkpoint_of(1));
    bytes[at] = '\xff';
    bytes.resize(bytes.size() - 4);
    ByteWriter(bytes).u32(crc32c(bytes));
    const auto decoded = decode_checkpoint(bytes);
    if (std::holds_alternative<Checkpoint>(decoded)) continue;
    EXPECT_EQ(std::get<BadCheckpoint>(decoded).reason, Reason::damaged);
  }
}

std::string of_version(std::uint8_t version) {
  std::string bytes = bytes_of(checkpoint_of(1));
  bytes[8] = static_cast<char>(version);
  bytes.resize(bytes.size() - 4);
  ByteWriter(bytes).u32(crc32c(bytes));
  return bytes;
}

// As they were written before outboxes had an end, before there was memory, before there were options,
// before it was known what sinks have confirmed, and before there was a boot.
TEST(Checkpoint, former_versions_are_read) {
  const std::vector<OutboxStart> outboxes = {{"history", 7, 0, 0, 0, 0, 0, 0}};
  Checkpoint checkpoint = checkpoint_of(1);
  checkpoint.outboxes = outboxes;
  for (const int version : {1, 2, 3, 4, 5}) {
    std::string bytes = bytes_of(checkpoint);
    constexpr std::size_t boot_at = 64, boot_bytes = 16, memory_at = 64, memory_bytes = 24,
                          behind_first_record = memory_at + 4 + 4 + 7 + 8;
    const std::string options = checkpoint.options;
    if (version < 4) bytes.erase(bytes.find(options) - 4, 4 + options.size());
    bytes.erase(boot_at, boot_bytes);
    if (version < 5) bytes.erase(behind_first_record + 4 * 8, 2 * 8);
    if (version < 3) bytes.erase(memory_at, memory_bytes);
    if (version == 1) bytes.erase(behind_first_record, 4 * 8);
    bytes[8] = static_cast<char>(version);
    bytes.resize(bytes.size() - 4);
    ByteWriter(bytes).u32(crc32c(bytes));
    const auto decoded = decode_checkpoint(bytes);
    ASSERT_TRUE(std::holds_alternative<Checkpoint>(decoded)) << std::get<BadCheckpoint>(decoded).text;
    const Checkpoint& read = std::get<Checkpoint>(decoded);
    EXPECT_EQ(read.since_boot, BootAge());
    EXPECT_EQ(read.memory, version < 3 ? StateMemory() : checkpoint.memory);
    EXPECT_EQ(read.outboxes, outboxes);
    EXPECT_EQ(read.options, version < 4 ? "" : options);
    EXPECT_EQ(read.intake, checkpoint.intake);
    EXPECT_EQ(read.pipeline, checkpoint.pipeline);
  }
}

std::string random_bytes(std::size_t length) {
  std::minstd_rand random(17);
  std::string bytes;
  while (bytes.size() < length) bytes += static_cast<char>(random() >> 8);
  return bytes;
}

TEST(Checkpoint, what_is_not_a_checkpoint_is_recognized) {
  const auto segment = encode(SegmentHeader{1, LogKind::journal, 7, 1});
  const struct {
    std::string bytes;
    Reason reason;
    const char* words;
  } cases[] = {
      {"", Reason::damaged, "is empty"},
      {std::string(5, '\0'), Reason::damaged, "checksum"},
      {std::string(4096, '\0'), Reason::damaged, "checksum"},
      {std::string(16, '\0') + bytes_of(checkpoint_of(1)).substr(16), Reason::damaged, "checksum"},
      {std::string(checkpoint_magic) + random_bytes(300), Reason::damaged, "checksum"},
      {random_bytes(300), Reason::foreign, "is not a checkpoint of edgetide"},
      {"#!/bin/sh\necho somebody's script\n", Reason::foreign, "is not a checkpoint of edgetide"},
      {std::string(segment.data(), segment.size()), Reason::foreign, "is not a checkpoint of edgetide"},
      {of_version(7), Reason::newer, "has format 7; this edgetide reads up to 6"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(fault_of(c.bytes).reason, c.reason) << c.words;
    EXPECT_THAT(fault_of(c.bytes).text, testing::HasSubstr(c.words));
  }
}

}  // namespace
}  // namespace edgetide::test
