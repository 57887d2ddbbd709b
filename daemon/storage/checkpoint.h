// The state of the daemon at one position of its journal, from which recovery begins, and its bytes (FORMAT.md).
//
// Thread: pure.
// Fails:  `decode_checkpoint` reports why bytes are invalid; it trusts nothing before the checksum is verified.
// Limit:  4 GiB for each part.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/service/boot_age.h"
#include "daemon/storage/journal_record.h"
#include "pipeline/time.h"

namespace edgetide {

// Which part of a sink's spill log waits for it.
struct OutboxStart {
  std::string sink;
  std::uint64_t first_record = 0;  // that is not delivered yet
  std::uint64_t next_record = 0;   // behind the last one; 0: not known, as in version 1
  std::uint64_t rows = 0;          // in these records
  std::uint64_t last_run = 0;      // the newest epoch of these rows
  std::uint64_t last_epoch = 0;
  std::uint64_t confirmed_run = 0;  // the newest epoch that the sink has confirmed; 0: not known, as before version 5
  std::uint64_t confirmed_epoch = 0;

  bool operator==(const OutboxStart&) const = default;
};

// What limits.memory limits, when the checkpoint was taken; a start from it needs no more.
struct StateMemory {
  std::uint64_t bytes = 0;
  std::uint64_t reserved_bytes = 0;  // for rows of open windows
  std::uint64_t max_bytes = 0;       // 0: none of this is known, as before version 3

  bool operator==(const StateMemory&) const = default;
};

struct Checkpoint {
  std::uint64_t state_id = 0;
  std::uint64_t run = 0;           // in which it was taken
  std::uint64_t epoch = 0;         // the pipeline's
  std::uint64_t journal_next = 0;  // first journal record that it does not contain
  JournalContext journal_context;  // of the records before it
  Moment taken_at;
  BootAge since_boot = {};  // then; not known before version 6
  std::string pipeline;     // Pipeline::snapshot()
  std::vector<OutboxStart> outboxes;
  std::string intake;  // what the intake remembers besides: IntakeState
  StateMemory memory = {};
  std::string options = {};  // of the pipeline: options_bytes.h; empty: not known, as before version 4
};

inline constexpr std::string_view checkpoint_magic = "EdgeChk\n";
// 1: outboxes without their ends; 2: no memory; 3: no options; 4: not what the sinks have confirmed;
// 5: no boot
inline constexpr std::uint16_t checkpoint_version = 6;

// A file is `head`, the checkpoint's `pipeline` as it is, `tail`: the largest part is not copied.
struct CheckpointFrame {
  std::string head;
  std::string tail;
};
CheckpointFrame frame_of(const Checkpoint& checkpoint);

struct BadCheckpoint {
  enum class Reason {
    damaged,  // or cut off, or never written
    foreign,  // something else
    newer,
    // What a store finds, not `decode_checkpoint`:
    forbidden,   // it may not be read
    unreadable,  // the disk fails
  } reason;
  std::string text;  // goes behind the path: "is empty"
};

// Takes the bytes of a whole file.
std::variant<Checkpoint, BadCheckpoint> decode_checkpoint(std::string bytes);

}  // namespace edgetide
