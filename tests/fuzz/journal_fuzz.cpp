// The bytes are records of a journal, whole by their checksums: a byte of type, two of length, the payload. They are
// replayed as at a start; a type of 0 loses a record. The state that they make goes on.
#include "daemon/recovery/journal_replay.h"
#include "daemon/storage/journal.h"
#include "daemon/storage/record_log_reader.h"
#include "daemon/storage/record_log_writer.h"
#include "tests/fakes/memory_file_system.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace edgetide::test {
namespace {

constexpr std::uint64_t segment_bytes = 1U << 20U;

RecordLogOptions journal_options() {
  return {.location = journal_location("state"),
          .kind = LogKind::journal,
          .incarnation = 5,
          .segment_bytes = segment_bytes};
}

// How many were written. A lost one is a gap in the numbers of two files.
std::uint64_t write_records(FileSystem& files, std::string_view bytes) {
  std::uint64_t number = 1;
  while (bytes.size() >= 3) {
    RecordLogWriter log(files, journal_options(), {}, number);
    for (; bytes.size() >= 3 && bytes[0] != 0; ++number) {
      const auto type = static_cast<std::uint8_t>(bytes[0]);
      const std::size_t length = static_cast<unsigned char>(bytes[1]) * 256U + static_cast<unsigned char>(bytes[2]);
      bytes.remove_prefix(3);
      const std::string_view payload = bytes.substr(0, length);
      bytes.remove_prefix(payload.size());
      log.append(type, std::string(payload));
    }
    require(!log.flush(), "memory does not fail");
    if (!bytes.empty()) bytes.remove_prefix(1);
    ++number;
  }
  return number;
}

PipelineOptions options() {
  PipelineOptions options = one_window();
  options.max_series = 20;
  options.max_memory_bytes = 1U << 20U;
  options.windows[0].allowed_lateness = Duration::seconds(5);
  options.windows[0].aggregates = {Aggregate::count, Aggregate::avg};
  options.windows[0].derived = {product("product", "t", "u")};
  return options;
}

void replay_all(FileSystem& files) {
  Pipeline pipeline(options());
  IntakeState state;
  JournalReplay replay(
      pipeline, [](const auto&) { return RowRoutes(); }, state);
  RecordLogReader reader(files, journal_location("state"), LogKind::journal);
  if (reader.open(0)) return;
  JournalInputs inputs(reader, std::nullopt);
  while (const auto input = inputs.next()) {
    if (const auto gap = inputs.take_gap()) replay.note_gap(*gap);
    replay.apply(*input);
  }
  replay.end();
  Emission emission;
  pipeline.tick(pipeline.now().value_or(moment(100)), Fire::all, emission);
  Pipeline again(options());
  require(!again.restore(pipeline.snapshot(), Connections::go_on), "what was replayed can be kept and restored");
}

}  // namespace
}  // namespace edgetide::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  edgetide::test::MemoryFileSystem files;
  edgetide::test::write_records(files, edgetide::text_of(data, size));
  edgetide::test::replay_all(files);
  return 0;
}
