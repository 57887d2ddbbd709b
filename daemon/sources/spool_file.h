// What a spool source knows of a file that it has begun and not finished with.
//
// Owns:   its reader, while there is one. Thread: one.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "daemon/service/event_loop.h"
#include "daemon/sources/spool_folder.h"
#include "daemon/sources/spool_position.h"
#include "daemon/sources/spool_reader.h"

namespace edgetide {

struct SpoolFile {
  enum class State {
    reading,
    blocked,   // cannot be opened now
    at_end,    // as it is now; it may grow
    taken,     // all of it; durable with `record`
    durable,   // to be put away
    put_away,  // to be synced
  };

  unsigned slot;  // the partition of its position: used again when it is finished with
  FoundFile found;
  SpoolPosition taken = {};  // behind what the host has taken
  State state = State::reading;
  std::unique_ptr<SpoolReader> reader = nullptr;
  std::string damage = {};          // why it has an end where it is now
  bool has_part_of_line = false;    // behind its last newline
  bool is_final = false;            // its end is the end of its last line
  bool is_matched = true;           // by a name of the folder
  EventLoop::Time changed_at = {};  // seen so
  std::uint64_t record = 0;         // of the journal
};

}  // namespace edgetide
