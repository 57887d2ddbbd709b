#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipeline/time.h"

namespace edgetide {

// Where a sink's outbox begins.
struct OutboxStart {
  std::string sink;
  std::uint64_t first_record = 0;  // of its spill log, not delivered yet
};

struct Checkpoint {
  std::uint64_t state_id = 0;
  std::uint64_t run = 0;
  std::uint64_t epoch = 0;
  std::uint64_t journal_next = 0;  // first journal record that it does not contain
  Moment taken_at;
  std::string pipeline;  // Pipeline::snapshot()
  std::vector<OutboxStart> outboxes;
  std::string intake;  // IntakeState
};

}  // namespace edgetide
