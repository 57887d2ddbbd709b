// The bytes as a checkpoint, as what stands between a whole one's magic and its checksum, and as the pipeline's part.
#include "daemon/storage/checkpoint.h"
#include "daemon/storage/crc32c.h"
#include "pipeline/bytes.h"
#include "pipeline/snapshot_head.h"
#include "tests/fuzz/fuzz_target.h"

namespace edgetide {
namespace {

std::string written(const Checkpoint& checkpoint) {
  const CheckpointFrame frame = frame_of(checkpoint);
  return frame.head + checkpoint.pipeline + frame.tail;
}

void decode(const std::string& bytes) {
  const auto decoded = decode_checkpoint(bytes);
  if (const auto* const bad = std::get_if<BadCheckpoint>(&decoded)) {
    return require(!bad->text.empty(), "what is refused is refused in words");
  }
  const std::string again = written(std::get<Checkpoint>(decoded));
  if (bytes[8] != static_cast<char>(checkpoint_version)) return decode(again);  // a former one
  require(again == bytes, "what was read is written the same");
}

std::string framed(char version, std::string_view body) {
  std::string bytes(checkpoint_magic);
  bytes.append(1, version).append(7, '\0').append(body);
  ByteWriter(bytes).u32(crc32c(bytes));
  return bytes;
}

}  // namespace
}  // namespace edgetide

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = edgetide::text_of(data, size);
  edgetide::decode(std::string(bytes));
  for (const char version : {'\1', '\2', '\3'}) edgetide::decode(edgetide::framed(version, bytes));
  edgetide::ByteReader in(bytes);
  edgetide::SnapshotHead head;
  static_cast<void>(load(in, head));
  return 0;
}
