#include "daemon/storage/checkpoint.h"

#include <algorithm>
#include <utility>

#include "daemon/storage/crc32c.h"
#include "pipeline/bytes.h"

namespace edgetide {

namespace {

// All versions of the format keep magic and version at these offsets and the checksum at the end.
constexpr std::size_t checkpoint_version_at = 8, context_at = 10, body_at = 16, checksum_bytes = 4;

// Decided by the magic, which may be unwritten zeros or have one damaged byte.
bool is_ours(std::string_view bytes) noexcept {
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < std::min(bytes.size(), checkpoint_magic.size()); ++i) {
    wrong += bytes[i] != checkpoint_magic[i] && bytes[i] != '\0' ? 1 : 0;
  }
  return wrong <= 1;
}

bool checksum_fits(std::string_view bytes) noexcept {
  if (bytes.size() < body_at + checksum_bytes) return false;
  const std::string_view covered = bytes.substr(0, bytes.size() - checksum_bytes);
  return ByteReader(bytes.substr(covered.size())).u32() == crc32c(covered);
}

std::uint16_t version_of(std::string_view bytes) noexcept {
  return static_cast<std::uint16_t>(load_little_endian(&bytes[checkpoint_version_at], 2));
}

JournalContext context_of(std::string_view bytes) noexcept {
  ByteReader in(bytes.substr(context_at));
  const std::uint8_t series = in.u8();
  return {series, in.u8()};
}

OutboxStart read_outbox(ByteReader& in, std::uint16_t version) {
  OutboxStart outbox;
  outbox.sink = in.text();
  outbox.first_record = in.u64();
  if (version == 1) return outbox;
  outbox.next_record = in.u64();
  outbox.rows = in.u64();
  outbox.last_run = in.u64();
  outbox.last_epoch = in.u64();
  if (version < 5) return outbox;
  outbox.confirmed_run = in.u64();
  outbox.confirmed_epoch = in.u64();
  return outbox;
}

// Everything except the pipeline, which comes last.
void read_head(ByteReader& in, std::uint16_t version, Checkpoint& checkpoint) {
  checkpoint.state_id = in.u64();
  checkpoint.run = in.u64();
  checkpoint.epoch = in.u64();
  checkpoint.journal_next = in.u64();
  checkpoint.taken_at.wall = in.time();
  checkpoint.taken_at.running = in.duration();
  if (version >= 6) checkpoint.since_boot.boot = in.u64();
  if (version >= 6) checkpoint.since_boot.age = in.duration();
  if (version >= 3) checkpoint.memory = {in.u64(), in.u64(), in.u64()};
  const std::uint32_t outboxes = in.u32();
  for (std::uint32_t i = 0; in.ok() && i < outboxes; ++i) checkpoint.outboxes.push_back(read_outbox(in, version));
  checkpoint.intake = in.text();
  if (version >= 4) checkpoint.options = in.text();
}

}  // namespace

CheckpointFrame frame_of(const Checkpoint& checkpoint) {
  CheckpointFrame frame;
  ByteWriter head(frame.head);
  frame.head = checkpoint_magic;
  head.numbers(checkpoint_version, checkpoint.journal_context.series, checkpoint.journal_context.places,
               std::uint32_t{0});
  head.numbers(checkpoint.state_id, checkpoint.run, checkpoint.epoch, checkpoint.journal_next);
  head.time(checkpoint.taken_at.wall);
  head.duration(checkpoint.taken_at.running);
  head.u64(checkpoint.since_boot.boot);
  head.duration(checkpoint.since_boot.age);
  head.numbers(checkpoint.memory.bytes, checkpoint.memory.reserved_bytes, checkpoint.memory.max_bytes);
  head.u32(static_cast<std::uint32_t>(checkpoint.outboxes.size()));
  for (const OutboxStart& outbox : checkpoint.outboxes) {
    head.text(outbox.sink);
    head.numbers(outbox.first_record, outbox.next_record, outbox.rows, outbox.last_run, outbox.last_epoch);
    head.numbers(outbox.confirmed_run, outbox.confirmed_epoch);
  }
  head.text(checkpoint.intake);
  head.text(checkpoint.options);
  head.u32(static_cast<std::uint32_t>(checkpoint.pipeline.size()));
  ByteWriter(frame.tail).u32(crc32c(checkpoint.pipeline, crc32c(frame.head)));
  return frame;
}

std::variant<Checkpoint, BadCheckpoint> decode_checkpoint(std::string bytes) {
  using Reason = BadCheckpoint::Reason;
  if (bytes.empty()) return BadCheckpoint{Reason::damaged, "is empty"};
  if (!is_ours(bytes)) return BadCheckpoint{Reason::foreign, "is not a checkpoint of edgetide"};
  if (!checksum_fits(bytes)) return BadCheckpoint{Reason::damaged, "is damaged or cut off: its checksum does not fit"};
  const std::uint16_t version = version_of(bytes);
  if (version > checkpoint_version) {
    return BadCheckpoint{Reason::newer, "has format " + std::to_string(version) + "; this edgetide reads up to " +
                                            std::to_string(checkpoint_version) + ": use a newer edgetide"};
  }
  bytes.resize(bytes.size() - checksum_bytes);
  Checkpoint checkpoint;
  checkpoint.journal_context = context_of(bytes);
  ByteReader in(std::string_view(bytes).substr(body_at));
  read_head(in, version, checkpoint);
  const std::size_t pipeline_bytes = in.text().size();
  if (!in.ok() || !in.at_end()) return BadCheckpoint{Reason::damaged, "is damaged: its parts do not fit together"};
  bytes.erase(0, bytes.size() - pipeline_bytes);
  checkpoint.pipeline = std::move(bytes);
  return checkpoint;
}

}  // namespace edgetide
