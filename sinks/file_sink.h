// Rows into files of one folder, as JSON Lines, CSV or line protocol, for programs that pick files up.
//
//   NAME-STATE-RUN-EPOCH.jsonl       finished: never written to again. STATE is the state directory, RUN and EPOCH are
//                                    those of its first rows
//   NAME-STATE-RUN-EPOCH.jsonl.part  being written; renamed when it has reached its size or age, after its sync
//   NAME.position                    what is confirmed: the newest epoch, the part, and how many bytes of it
//   NAME.lock                        held by the process that writes
//
// Exactly once: `deliver` appends the rows, syncs them, and then replaces the position. `open` cuts the part back to
//   its position, so what was written without being confirmed, or torn by a power cut, is gone, and comes again.
//   That holds for one state directory. One that was replaced by an older copy, emptied or exchanged does not know
//   which rows are there: those that were final since may come again, perhaps with fewer readings, in new files. It
//   is recognised by the position, whose epoch the directory never made, and `open` says from when to when. The rows
//   themselves are not read back: their programs may have taken the files away.
// Contract, thread: sinks/sink.h.
// Fails:  RetryAfter with the path for what the disk refuses (no room, no permission, another process that writes).
//         What was written in part is cut off again.
// Limit:  FileOptions. Of finished files the oldest are removed. A file is renamed with the first rows after its time
//         has passed; one that gets no more rows stays a .part.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "sinks/sink.h"

namespace edgetide {

struct FileOptions {
  std::string folder;                             // absolute; made where it is missing
  std::string encoding = "json";                  // row_encoder.h
  std::size_t max_file_bytes = 16 * 1024 * 1024;  // a longer epoch stays whole
  Duration max_file_age = Duration::hours(1);
  std::size_t max_files = 1000;  // finished ones of this sink
  bool operator==(const FileOptions&) const = default;
};

constexpr SinkTraits file_traits() {
  return {.kind = SinkKind::stream, .delivery = DeliveryGuarantee::exactly_once};
}

std::unique_ptr<Sink> make_file_sink(FileOptions options, SinkIdentity identity, std::vector<WindowSchema> inputs);

}  // namespace edgetide
