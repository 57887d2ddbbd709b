// Checkpoints that can be distinguished by their content.
//
// Thread: one test.
#pragma once

#include <string>

#include "daemon/storage/checkpoint.h"

namespace edgetide::test {

// The n-th of a daemon's life; `bytes` is the size of its largest part.
inline Checkpoint checkpoint_of(std::uint64_t n, std::size_t bytes = 40) {
  Checkpoint checkpoint;
  checkpoint.state_id = 4711;
  checkpoint.run = 3;
  checkpoint.epoch = n;
  checkpoint.journal_next = 100 * n;
  checkpoint.taken_at = {Timestamp::microseconds(1'795'226'400'000'000), Duration::seconds(30)};
  checkpoint.since_boot = {0x1122334455667788, Duration::seconds(40)};
  while (checkpoint.pipeline.size() < bytes) checkpoint.pipeline += "state " + std::to_string(n) + ' ';
  checkpoint.outboxes = {{"history", 7, 9, 12, 3, n, 3, 1}, {"local", n, n, 0, 0, 0, 0, 0}};
  checkpoint.intake = "besides";
  checkpoint.memory = {1000 + n, 10, 5000};
  checkpoint.options = "options " + std::to_string(n);
  return checkpoint;
}

inline std::string bytes_of(const Checkpoint& checkpoint) {
  const CheckpointFrame frame = frame_of(checkpoint);
  return frame.head + checkpoint.pipeline + frame.tail;
}

}  // namespace edgetide::test
