// What a snapshot of a pipeline says of itself before the state begins: enough to show it to a person, and to see which
// window definitions of another configuration would find their state in it.
//
// Thread: pure. Fails: `load` says why bytes are no snapshot that this program can read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/bytes.h"
#include "pipeline/counters.h"
#include "pipeline/time.h"

namespace edgetide {

struct SnapshotHead {
  struct Source {
    std::string name;
    Counters counters;
  };
  struct Window {
    std::string name;
    std::string fingerprint;  // WindowDefinition::fingerprint
    std::uint64_t open_windows = 0;
  };

  std::uint64_t epoch = 0;
  std::optional<Moment> now;  // of the last input that had a clock
  std::uint64_t series = 0;
  std::vector<Source> sources;
  std::vector<Window> windows;
};

void save(ByteWriter& out, const SnapshotHead& head);

// The reason, if it cannot be read; `head` is then of no use.
std::optional<std::string> load(ByteReader& in, SnapshotHead& head);

}  // namespace edgetide
